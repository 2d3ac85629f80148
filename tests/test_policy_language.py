"""Windows, shared expressions and templates: what they mean, and where they cannot."""

from __future__ import annotations

import gc
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.errors import PolicyError
from remit.model import Action, Effect, Request, Subject
from remit.policy import Policy, moment
from remit.policy.load import LARGE, mistakes

AGENT = Subject("agent", "a")
SECOND = 10**9
MAY = 1_777_593_600 * SECOND
"""2026-05-01T00:00:00Z."""


def policy(text: str) -> Policy:
    return Policy.parse(f"remit: 1\nname: test\n{text}", file="p.yaml")


def decide(rules: Policy, name: str = "x", at: int = MAY, /, **args):
    return rules.decide(Request(AGENT, Action(name, args), at=at))


def told(text: str) -> list[str]:
    return [str(error) for error in mistakes(f"remit: 1\n{text}", "p.yaml")]


# Windows


def test_a_rule_is_there_from_its_first_moment_until_its_last():
    rules = policy(
        "rules:\n- {id: a, action: x, effect: allow, valid: "
        "{from: 2026-05-01, until: 2026-05-01T02:00:01+02:00}}"
    )
    assert [decide(rules, "x", MAY + n).allowed for n in (-1, 0, SECOND - 1, SECOND)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_outside_its_window_a_denial_is_not_there_however_its_condition_errs():
    rules = policy(
        "default: allow\nrules:\n"
        "- {id: a, action: x, when: args.n > 1, effect: deny, valid: {until: 2026-05-01}}"
    )
    assert decide(rules, "x", MAY - 1).rules == ("a",)
    after = decide(rules, "x", MAY)
    assert (after.effect, after.errors) == (Effect.ALLOW, ())


def test_a_window_on_a_document_is_that_of_its_rules_and_leaves_its_default_alone():
    rules = policy(
        "default: ask\nvalid: {from: 2026-05-01}\nrules:\n"
        "- {id: a, action: x, effect: allow}\n"
        "- {id: b, action: y, effect: allow, valid: {until: 2026-05-02}}"
    )
    assert decide(rules, "x", MAY).allowed
    assert decide(rules, "x", MAY - 1).rules == ("default",)
    assert decide(rules, "y", MAY).rules == ("b",)
    assert not decide(rules, "y", MAY + 86400 * SECOND).allowed
    assert [rule.valid.start for rule in rules.documents[0].rules] == [MAY, MAY]


def test_a_first_match_passes_over_a_rule_outside_its_window():
    rules = policy(
        "order: first-match\nrules:\n"
        "- {id: freeze, action: '*', effect: deny, valid: {until: 2026-05-01}}\n"
        "- {id: all, action: '*', effect: allow}"
    )
    assert decide(rules, "x", MAY - 1).rules == ("freeze",)
    assert decide(rules, "x", MAY).rules == ("all",)


WINDOWS = {
    "{from: 2026-05-02, until: 2026-05-01}": "ends before it begins; 'until' is later",
    "{from: 2026-05-01, until: 2026-05-01}": "ends before it begins",
    "{}": "an empty window says nothing; write 'from', 'until' or both",
    "2026-05-01": "a window is a mapping",
    "{from: 2026-02-30}": "'2026-02-30' is no moment; write it like 2026-05-01T09:30:00Z",
    "{from: 2026-05-01T09:30:00}": "is no moment",
    "{from: 2026-W01-1}": "is no moment",
    "{from: 2026}": "'from' is text, not a number; put 2026 in quotes",
    "{form: 2026-05-01}": "unknown key 'form' in a window; did you mean 'from'?",
    "{until: 2025-01-01}": "the document is never valid at that time",
}


@pytest.mark.parametrize("window", WINDOWS)
def test_a_window_that_says_nothing_sensible_is_a_mistake(window):
    rule = f"{{id: a, action: x, effect: deny, valid: {window}}}"
    (error,) = told(f"valid: {{from: 2026-01-01}}\nrules:\n- {rule}")
    assert WINDOWS[window] in error
    assert error.startswith("p.yaml:4:")


@given(st.integers(-62_135_596_800 * SECOND, 253_402_300_799 * SECOND))
def test_a_moment_is_read_as_it_is_shown(at):
    assert moment.parse(moment.show(at)) == at


def test_moments_are_read_as_rfc_3339_has_them():
    assert moment.parse("2026-05-01") == MAY
    assert moment.parse("2026-05-01t00:00:00.000000001z") == MAY + 1
    assert moment.parse("2026-05-01 02:00:00+02:00") == MAY
    for text in ("2026-05-01T24:00:01Z", "2026-05-01T00:00Z", "0001-01-01T00:00:00+01:00", "now"):
        assert moment.parse(text) is None


# Shared expressions


def test_a_shared_expression_means_what_it_says_wherever_it_is_named():
    rules = policy(
        "let:\n  large: args.n > 100\n  odd: large && args.who != 'x'\nrules:\n"
        "- {id: a, action: x, when: odd || args.n == 1, effect: allow}"
    )
    assert [decide(rules, n=n, who=w).allowed for n, w in ((101, "y"), (101, "x"), (1, "x"))] == [
        True, False, True,
    ]  # fmt: skip
    (rule,) = rules.documents[0].rules
    assert rule.when.text == "odd || args.n == 1  // odd: large && args.who != 'x'"


def test_what_a_shared_expression_names_is_never_a_variable_of_a_macro():
    rules = policy(
        "let: {limit: args.n, big: args.n > 5}\nrules:\n"
        "- {id: a, action: x, when: 'args.items.all(args, args < limit) && big', effect: allow}\n"
        "- {id: b, action: y, when: 'args.items.exists(big, big == 1)', effect: allow}\n"
        "- {id: c, action: z, when: 'cel.bind(limit, 1, limit == args.m)', effect: allow}"
    )
    assert decide(rules, "x", n=6, items=[1, 2]).allowed
    assert not decide(rules, "x", n=6, items=[7]).allowed
    assert decide(rules, "y", n=0, items=[1]).allowed
    assert decide(rules, "z", m=1).allowed


def test_a_shared_expression_is_checked_with_the_types_of_its_place():
    text = (
        "let:\n  who: subject.id\n  n: args.n + 1\nrules:\n"
        "- {id: a, action: x, when: who > 1, effect: deny}\n"
        "- {id: b, action: x, when: 'true || n', effect: deny}"
    )
    one, other = told(text)
    assert one == (
        "p.yaml:4:6: in the condition: what '||' joins must be bool, not int; "
        "it is used at p.yaml:7:28"
    )
    assert other.startswith("p.yaml:6:28: in the condition: no such operation: string > int")


LETS = {
    "{a: a && true}": (2, 10, "'a' does not stand above; a 'let' uses only those above it"),
    "{a: b, b: a}": (2, 10, "'b' does not stand above"),
    "{a: args.x + arg.y}": (2, 19, "in 'a': unknown name 'arg'; did you mean 'args'?"),
    "{args: subject.id}": (2, 7, "'args' has a meaning in every condition already"),
    "{size: subject.id}": (2, 7, "'size' has a meaning in every condition already"),
    "{path: subject.id}": (2, 7, "'path' has a meaning in every condition already"),
    "{int: subject.id}": (2, 7, "'int' has a meaning in every condition already"),
    "{param: subject.id}": (2, 7, "'param' is what templates call their parameters"),
    "{a-b: subject.id}": (2, 7, "'a-b' cannot be named in a condition"),
    "{in: subject.id}": (2, 7, "'in' cannot be named in a condition"),
    "{a: subject.id + 1}": (2, 10, "in 'a': no such operation: string + int"),
    "{a: 'args.x >'}": (2, 19, "in 'a': "),
    "{a: param.x}": (2, 10, "'param' has a meaning in the conditions of a template only"),
    "{a: 5}": (2, 10, "'a' is text, not a number; put 5 in quotes"),
    "{a: [x]}": (2, 10, "'a' is text, not a list"),
    "[a]": (2, 6, "the definitions is a mapping"),
}


@pytest.mark.parametrize("let", LETS)
def test_a_shared_expression_that_means_nothing_is_a_mistake_in_its_place(let):
    line, column, what = LETS[let]
    (error,) = told(f"let: {let}\n")
    assert error.startswith(f"p.yaml:{line}:{column}: ")
    assert what in error


def test_who_uses_a_mistaken_expression_is_not_blamed_for_it():
    text = "let: {a: arg.x}\nrules:\n- {id: a, action: x, when: a, effect: deny}"
    assert len(told(text)) == 1


def test_a_misspelt_name_is_recognised_among_the_shared_ones():
    text = "let: {is_large: args.n > 1}\nrules:\n- {id: a, action: x, when: is_larg, effect: deny}"
    (error,) = told(text)
    assert error.startswith("p.yaml:4:28: ")
    assert error.endswith("unknown name 'is_larg'; did you mean 'is_large'?")


def test_a_few_lines_cannot_stand_for_a_great_many():
    lines = ["  a0: args.x", *(f"  a{n}: a{n - 1} + a{n - 1}" for n in range(1, 60))]
    found = told("let:\n" + "\n".join(lines))
    assert "with all that 'let' defines put in, this has over 5000 parts; define less" in found[0]
    tall = ["  a0: args.x", *(f"  a{n}: a{n - 1} + 1" for n in range(1, 200))]
    assert "over 100 levels" in told("let:\n" + "\n".join(tall))[0]


LEAVES = ["args.n > 1", "args.who == 'x'", "args.items.exists(n, n > 1)", "args.absent", "1 < 2"]
SHAPES = ["!({})", "({}) && ({})", "({}) || ({})", "[1, 2].all(n, n > 1 || ({}))"]


@st.composite
def expressions(draw, names):
    """A condition that may use *names*, where `{name}` stands for each."""
    if draw(st.booleans()):
        return draw(st.sampled_from([*LEAVES, *(f"{{{name}}}" for name in names)]))
    shape = draw(st.sampled_from(SHAPES))
    inner = [draw(expressions(names)) for _ in range(shape.count("{}"))]
    for each in inner:
        shape = shape.replace("{}", each, 1)
    return shape


ARGS = st.fixed_dictionaries(
    {},
    optional={
        "n": st.sampled_from([0, 2, "2", None]),
        "who": st.sampled_from(["x", "y", 1]),
        "items": st.sampled_from([(), (1,), (0, 2), "items"]),
        "absent": st.booleans(),
    },
)


@given(expressions([]), expressions(["a"]), expressions(["a", "b"]), ARGS)
def test_a_shared_expression_decides_as_if_it_were_written_out(a, b, when, args):
    spelled = {"a": f"({a})", "b": f"({b.format(a=f'({a})')})"}
    named = {"a": "a", "b": "b"}
    lets = f"let:\n  a: >-\n    {a}\n  b: >-\n    {b.format(**named)}\n"
    rule = 'rules:\n- {{id: r, action: x, effect: {}, when: "{}"}}'
    for effect in ("allow", "deny"):
        one = policy(lets + rule.format(effect, when.format(**named)))
        other = policy(rule.format(effect, when.format(**spelled)))
        assert decide(one, **args).effect == decide(other, **args).effect
        assert decide(one, **args).rules == decide(other, **args).rules


# Templates

TEMPLATE = """\
templates:
  limit:
    params: {tool: text, max: number, who: texts, open: boolean}
    rules:
      - {id: small, action: {param: tool}, when: args.n <= param.max && args.by in param.who,
         effect: allow, reason: {param: tool}}
      - {id: large, action: [{param: tool}, also], when: args.n > param.max && !param.open,
         effect: ask, approvers: {param: who}}
"""
USE = "{id: shoes, use: limit, with: {tool: refund, max: 10.5, who: ['user:a'], open: false}}"


def test_a_use_of_a_template_stands_for_its_rules():
    rules = policy(f"{TEMPLATE}rules:\n- {{id: z, action: z, effect: allow}}\n- {USE}")
    assert rules.rules == ("z", "shoes.small", "shoes.large")
    assert decide(rules, "refund", n=10, by="user:a").reason == "refund"
    asked = decide(rules, "refund", n=11, by="user:a")
    assert (asked.rules, asked.approval.approvers) == (("shoes.large",), ("user:a",))
    small = rules.documents[0].rules[1]
    assert (str(small.place), str(small.used)) == ("p.yaml:7:14", "p.yaml:13:3")
    assert small.when.text.endswith("// param.max: 10.5, param.who: ['user:a']")


@pytest.mark.parametrize("value", ["'x'", "'\" || true || \"'", "'*) || (true'"])
def test_a_parameter_is_a_value_and_never_text_that_is_pasted(value):
    rules = policy(
        "templates:\n  t: {params: {v: text}, rules: "
        "[{id: r, action: x, when: args.v == param.v, effect: allow}]}\n"
        f"rules:\n- {{id: u, use: t, with: {{v: {value}}}}}"
    )
    assert decide(rules, v=value.strip("'")).allowed
    assert not decide(rules, v="other").allowed


USES = {
    "{id: u, use: limti}": "p.yaml:11:16: there is no template 'limti'; did you mean 'limit'?",
    "{id: u, use: limit, with: {tool: x, max: 1, who: [x]}}": (
        "p.yaml:11:3: the template 'limit' needs 'open'; add it under 'with'"
    ),
    "{id: u, use: limit, with: {tol: x, tool: x, max: 1, who: [], open: true}}": (
        "p.yaml:11:30: the template 'limit' has no parameter 'tol'; did you mean 'tool'?"
    ),
    "{id: u, use: limit, with: {tool: x, max: true, who: [], open: true}}": (
        "p.yaml:11:44: 'max' is a number, not a boolean"
    ),
    "{id: u, use: limit, with: {tool: x, max: 1, who: ['user:a', 1], open: true}}": (
        "p.yaml:11:63: 'who' is a list of texts, not a number"
    ),
    "{use: limit, with: {tool: x, max: 1, who: ['user:a'], open: true}}": (
        "p.yaml:11:3: a use of a template has no 'id'; give it a name"
    ),
    "{id: u, use: limit, effect: deny}": (
        "p.yaml:11:23: unknown key 'effect' in a use of a template"
    ),
    "{id: u, use: limit, with: {tool: '[', max: 1, who: ['user:a'], open: true}}": (
        "p.yaml:11:36: '[' is no pattern: '[' has no meaning in a pattern ('*' and '?' have); "
        "list the names instead (in the template at p.yaml:3:3)"
    ),
    "{id: u, use: limit, with: {tool: x, max: 1, who: [role], open: true}}": (
        "p.yaml:11:53: 'role' names no approver; write user:alice, role:manager or group:finance "
        "(in the template at p.yaml:3:3)"
    ),
}


@pytest.mark.parametrize("use", USES)
def test_a_use_that_does_not_fit_its_template_is_told_at_the_use(use):
    found = told(f"{TEMPLATE}rules:\n- {use}")
    assert any(USES[use] in error for error in found), found


BODIES = {
    "action: {param: tol}, when: 'true', effect: deny": "no parameter 'tol'; did you mean 'tool'?",
    "action: x, when: param.tol == 1, effect: deny": "no parameter 'tol'; did you mean 'tool'?",
    "action: x, when: param == 1, effect: deny": "name one of its parameters: param.name",
    "action: x, when: has(param.tool), effect: deny": "name one of its parameters: param.name",
    "action: x, when: arg.n == 1, effect: deny": "unknown name 'arg'; did you mean 'args'?",
    "action: x, efect: deny": "unknown key 'efect' in a rule; did you mean 'effect'?",
    "action: x, effect: {param: tool}": "'effect' is text, not a mapping",
}


@pytest.mark.parametrize("body", BODIES)
def test_a_mistake_in_a_template_is_told_whether_or_not_it_is_used(body):
    template = f"templates:\n  t: {{params: {{tool: text}}, rules: [{{id: r, {body}}}]}}\n"
    unused, *_ = told(template)
    assert BODIES[body] in unused
    assert unused.startswith("p.yaml:3:")
    used, *_ = told(f"{template}rules:\n- {{id: u, use: t, with: {{tool: x}}}}")
    assert BODIES[body] in used
    assert used.endswith(" (the template is used at p.yaml:5:3)")


def test_what_depends_on_a_value_is_not_held_against_a_template_without_one():
    assert told(
        "templates:\n  t: {params: {s: text, q: number}, rules: [{id: r, action: {param: s}, "
        "subject: {param: s}, effect: ask, approvers: {param: s}, quorum: {param: q}, "
        "expires: {param: s}, when: 'now > timestamp(param.s)'}]}\n"
    ) == []  # fmt: skip


def test_a_value_that_always_fails_is_told_where_the_template_fails():
    template = (
        "templates:\n  t: {params: {s: text}, rules: "
        "[{id: r, action: x, effect: deny, when: 'now > timestamp(param.s)'}]}\n"
    )
    (error,) = told(f"{template}rules:\n- {{id: u, use: t, with: {{s: noon}}}}")
    assert error.startswith("p.yaml:3:")
    assert "'noon'" in error.replace('"', "'")
    assert error.endswith("(the template is used at p.yaml:5:3)")


def test_ids_stay_unique_when_templates_are_used():
    found = told(f"{TEMPLATE}rules:\n- {USE}\n- {USE}")
    assert len([error for error in found if "stands twice" in error]) == 2


def test_names_of_two_templates_or_parameters_cannot_clash():
    (error,) = told("templates: {t: {params: {a-b: text}, rules: []}}\n")
    assert "'a-b' cannot be named in a condition" in error
    (error,) = told("templates: {t: {params: {a: txt}, rules: []}}\n")
    assert "'txt' is no kind of parameter; did you mean 'text'?" in error


def test_a_mistake_has_a_place_and_a_cure():
    with pytest.raises(PolicyError) as caught:
        policy("let: {a: arg.x}\n")
    assert (caught.value.file, caught.value.line, caught.value.column) == ("p.yaml", 3, 10)


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("end", ["", "  - {id: wrong}\n"])
def test_garbage_is_collected_after_a_large_document_as_it_was_before(end, wanted):
    rules = "".join(f"  - {{id: r{n}, action: a.b{n}, effect: allow}}\n" for n in range(3000))
    text = f"remit: 1\nname: large\nrules:\n{rules}{end}"
    assert len(text) > LARGE
    try:
        (gc.enable if wanted else gc.disable)()
        with pytest.raises(PolicyError) if end else nullcontext():
            Policy.parse(text)
        assert gc.isenabled() is wanted
    finally:
        gc.enable()

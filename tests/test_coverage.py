"""What the cases of a test show of a policy, and which part of a condition decided."""

from __future__ import annotations

import json

import pytest
from cli_shell import Shell
from hypothesis import given
from hypothesis import strategies as st

from remit.expr import EvalError
from remit.model import Action, Request, Subject
from remit.policy import Policy, cases
from remit.policy.coverage import Coverage, cover
from remit.policy.environment import compile_condition

AGENT = Subject("agent", "a")


def asked(**args):
    return Request(AGENT, Action("x", args))


def policy(when, effect="allow"):
    rule = f"{{id: r, action: x, effect: {effect}, when: {json.dumps(when)}}}"
    return Policy.parse(f"remit: 1\nrules:\n  - {rule}\n")


def explained(when, /, **args):
    (rule,) = policy(when).explain(asked(**args)).rules
    return rule


@pytest.mark.parametrize(
    ("when", "args", "because"),
    [
        ("args.n > 0", {"n": 1}, "true"),
        ("args.n > 0", {"n": 0}, "false"),
        ("args.n > 0 && args.n <= 9", {"n": 10}, "false, because of args.n <= 9"),
        ("args.n > 0 && args.n <= 9", {"n": 5}, "true"),
        ("args.n < 0 || args.n > 9", {"n": 10}, "true, because of args.n > 9"),
        ("args.n < 0 || args.n > 9", {"n": 5}, "false"),
        ("args.a && (args.b || args.c)", {"a": True, "b": False, "c": False},
         "false, because of args.b || args.c"),
        ("args.m > 1 && args.n > 1", {"n": 0}, "false, because of args.n > 1"),
        ("args.m > 1 && args.n > 1", {"n": 2}, "no value, because of args.m: no such key: 'm'"),
        ("args.n.startsWith(args.m)", {"n": "x"}, "no value, because of args.m: no such key: 'm'"),
        ("args.n > 'x'", {"n": 5}, "no value: no such overload: >(int, string)"),
        ("!(args.a || args.b)", {"a": False, "b": True}, "false, because of args.b"),
        ("!args.a", {"a": True}, "false"),
        ("args.a ? args.b : args.c", {"a": True, "b": False}, "false, because of args.b"),
        ("args.l.all(v, v > 1)", {"l": [2, 1]}, "false, because of v > 1 (where v = 1)"),
        ("args.l.exists(i, v, v > 1)", {"l": [0, 2]},
         "true, because of v > 1 (where i = 1, v = 2)"),
        ("args.l.all(v, v > 1)", {"l": [2, "x"]},
         "no value, because of v > 1: no such overload: >(string, int) (where v = 'x')"),
        ("args.l.all(v, v > 1)", {"l": 5},
         "no value: int is neither a list nor a map"),
        ("cel.bind(v, args.n, v > 1 && v < 3)", {"n": 5}, "false, because of v < 3 (where v = 5)"),
        ("(args.n > 1) && ((args.n < 3) || args.n == 9)", {"n": 5},
         "false, because of (args.n < 3) || args.n == 9"),
    ],
)  # fmt: skip
def test_the_part_that_decides_is_named(when, args, because):
    assert explained(when, **args).because == because


def test_a_rule_about_something_else_has_no_part_that_decides():
    (rule,) = policy("args.n > 1").explain(Request(AGENT, Action("y"))).rules
    assert (rule.value, rule.decided, rule.because) == (None, None, "")


LEAVES = [f"args.{name}" for name in "abcd"]
CONDITIONS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(
        lambda parts: "({} {} {})".format(*parts)
    ),
    max_leaves=6,
)
ARGS = st.dictionaries(st.sampled_from("abcd"), st.booleans())


def came_to_of(when, args):
    """The value, or what went wrong."""
    try:
        return compile_condition(when).evaluate(asked(**args))
    except EvalError as error:
        return str(error)


@given(CONDITIONS, ARGS)
def test_the_part_that_decides_comes_to_what_the_condition_comes_to(when, args):
    rule = explained(when, **args)
    came_to = came_to_of(when, args)
    assert came_to == (rule.decided.error or rule.value)
    assert came_to_of(rule.decided.text, args) == came_to


@given(CONDITIONS, st.lists(ARGS, max_size=6), ARGS)
def test_another_request_never_shows_less(when, requests, more):
    before = cover(policy(when), [asked(**args) for args in requests])
    after = cover(policy(when), [asked(**args) for args in [*requests, more]])
    assert before.percent <= after.percent
    assert set(after.gaps) <= set(before.gaps)


@given(CONDITIONS, st.lists(ARGS, max_size=6))
def test_what_is_not_shown_is_named(when, requests):
    covered = cover(policy(when), [asked(**args) for args in requests])
    tallies = covered.rules + covered.conditions + covered.parts
    assert len(covered.gaps) == tallies.of - tallies.shown


def test_a_conjunct_is_shown_when_it_alone_is_false():
    both = policy("args.a > 1 && args.b > 1")
    covered = cover(both, [asked(a=2, b=2), asked(a=0, b=0), asked(a=0, b=2)])
    assert (str(covered.rules), str(covered.conditions), str(covered.parts)) == (
        "1 of 1", "2 of 2", "1 of 2",
    )  # fmt: skip
    assert [str(gap) for gap in covered.gaps] == [
        "policy.yaml:3:60: in the condition of 'r' nothing is ever up to: args.b > 1"
    ]
    assert cover(both, [asked(a=2, b=2), asked(a=0, b=2), asked(a=2, b=0)]).percent == 100


def test_an_alternative_is_shown_when_it_alone_is_true():
    either = policy("!(args.a || args.b)")
    covered = cover(either, [asked(a=True, b=True), asked(a=False, b=False)])
    assert str(covered.parts) == "0 of 2"
    requests = [asked(a=False, b=False), asked(a=True, b=False), asked(a=False, b=True)]
    assert cover(either, requests).percent == 100


def test_a_condition_that_had_no_value_was_neither_true_nor_false():
    covered = cover(policy("args.a > 1", "deny"), [asked()])
    assert str(covered.rules) == "1 of 1"
    assert [gap.message for gap in covered.gaps] == [
        "the condition of 'r' is never true", "the condition of 'r' is never false",
    ]  # fmt: skip


def test_a_monitored_rule_is_shown_when_it_reports():
    monitored = Policy.parse("remit: 1\nrules: [{id: m, action: x, effect: deny, mode: monitor}]\n")
    assert str(cover(monitored, []).rules) == "0 of 1"
    assert str(cover(monitored, [asked()]).rules) == "1 of 1"
    case = cases.Case("n", monitored.documents[0].rules[0].place, asked(), cases.Expected.DENY)
    assert cases.untested(monitored, [cases.run(monitored, case)]) == ()


def test_of_a_policy_without_rules_everything_is_shown():
    assert cover(Policy.parse("remit: 1\n"), []) == Coverage()
    assert Coverage().percent == 100


POLICY = """\
remit: 1
name: refunds
rules:
  - {id: small, action: refund, when: args.amount > 0 && args.amount <= 100, effect: allow}
  - {id: mail, action: send_email, effect: allow}
"""
TEST = """\
remit-test: 1
cases:
  - name: small
    request: {action: refund, args: {amount: 5}}
    expect: {effect: allow}
"""


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("REMIT_POLICY", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "remit.yaml").write_text(POLICY, "utf-8")
    (tmp_path / "remit-test.yaml").write_text(TEST, "utf-8")
    return Shell(capsys)


def test_the_command_names_every_gap_with_its_place(remit):
    ended = remit("test", "--coverage")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "1 case: 1 passed",
        "remit.yaml:4:39: the condition of 'small' is never false",
        "remit.yaml:4:39: in the condition of 'small' nothing is ever up to: args.amount > 0",
        "remit.yaml:4:58: in the condition of 'small' nothing is ever up to: args.amount <= 100",
        "remit.yaml:5:10: rule 'mail' decides no case",
        "coverage: 33 % (rules 1 of 2, conditions 1 of 2, parts 0 of 2)",
    ]


def test_a_threshold_fails_the_command_and_asks_for_coverage(remit):
    assert remit("test", "--fail-under", "33").code == 0
    ended = remit("test", "--fail-under", "34")
    assert ended.code == 1
    assert ended.out.endswith("coverage is below 34 %\n")


def test_coverage_is_part_of_the_document(remit):
    assert remit("test", "--json").json["coverage"] is None
    covered = remit("test", "--json", "--coverage").json["coverage"]
    assert covered["percent"] == 33.33
    assert covered["rules"] == {"shown": 1, "of": 2}
    assert covered["gaps"][-1] == {
        "file": "remit.yaml", "line": 5, "column": 10, "rule": "mail",
        "message": "rule 'mail' decides no case",
    }  # fmt: skip


def test_files_of_cases_about_one_policy_add_up(remit, tmp_path):
    more = TEST.replace("action: refund, args: {amount: 5}", "action: send_email")
    (tmp_path / "more.remit-test.yaml").write_text(more, "utf-8")
    covered = remit("test", "--json", "--coverage").json["coverage"]
    assert covered["rules"] == {"shown": 2, "of": 2}


def test_explain_says_which_part_decided_in_text_and_in_json(remit):
    arguments = ["explain", "refund", "--args", '{"amount": 500}']
    assert "false, because of args.amount <= 100\n" in remit(*arguments).out
    rule = remit(*arguments, "--json").json["rules"][0]
    assert rule["value"] is False
    assert rule["decided"] == {
        "part": "args.amount <= 100", "file": "remit.yaml", "line": 4, "column": 58,
        "value": "false", "error": "", "where": {},
    }  # fmt: skip


def test_a_case_may_carry_approvals():
    ask = Policy.parse(
        "remit: 1\nrules: [{id: a, action: x, effect: ask, approvers: ['role:boss'], quorum: 2}]\n"
    )
    suite = cases.load(
        """\
remit-test: 1
cases:
  - name: two people
    request:
      action: x
      approvals:
        - {id: ada, properties: {roles: [boss]}}
        - {type: user, id: ben, properties: {roles: [boss]}}
    expect: {effect: allow}
  - name: one of them is nobody in particular
    request: {action: x, approvals: [cleo, {id: ben, properties: {roles: [boss]}}]}
    expect: {effect: ask}
""",
        "t.yaml",
    )
    assert [str(cases.run(ask, case)) for case in suite.cases] == [
        "two people: as expected",
        "one of them is nobody in particular: as expected",
    ]
    assert [str(answer.approver) for answer in suite.cases[1].request.approvals] == [
        "user:cleo", "user:ben",
    ]  # fmt: skip

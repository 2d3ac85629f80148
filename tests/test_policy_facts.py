"""Facts: what a document declares of subject, resource, session and context, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from remit import sources
from remit.acting import who_acts
from remit.errors import PolicyError
from remit.expr.types import DOUBLE, DYN, INT, STRING
from remit.guard import Guard
from remit.ledgers.memory import MemoryLedger
from remit.model import Action, Request, Resource, Session, Subject
from remit.policy import Policy
from remit.policy.facts import RUN
from remit.policy.tools import NO_TOOLS, Tools
from remit.runs.run import Run

FACTS = """\
facts:
  subject: {properties: {team: {type: string}}, required: [team]}
  resource: {properties: {tenant: {type: string}}, required: [tenant]}
  session:
    properties: {level: {type: integer}, region: {enum: [eu, us]}, note: {type: string}}
    required: [level, region]
  context: {properties: {ip: {type: string}, risk: {type: number}}, required: [ip, risk]}
  run: {properties: {retries: {type: integer}}, required: [retries]}
"""


def policy(when, facts=FACTS, effect="deny"):
    rule = f"rules:\n  - {{id: r, action: x, effect: {effect}, when: '{when}'}}\n"
    return Policy.parse(f"remit: 1\n{facts}{rule}", file="p.yaml")


def kinds(when, facts=FACTS, *, strict=False, effect="deny"):
    found = policy(when, facts, effect).check(strict=strict)
    return {each.kind.value.name for each in found} - {"nothing-allowed"}


@pytest.mark.parametrize(
    "when",
    [
        'subject.properties.team == "a" && resource.properties.tenant == session.tenant',
        'session.level > 3 && session.role == "x" && "s" in session.scopes && session.depth < 2',
        'context.ip != "" && context.risk > 0.5 && has(session.note)',
        'run.id == "a" && run.retries < 5 && run.cost < 1.5 && run.calls.size() < 9',
        'session.?note.orValue("") == "" && context["ip"] == "1.2.3.4"',
    ],
)
def test_what_is_declared_can_be_read(when):
    assert kinds(when) == set()


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ('subject.properties.taem == ""', "subject.properties has 'team'; did you mean 'team'?"),
        ('resource.properties.x == ""', "unknown attribute 'x'; resource.properties has 'tenant'"),
        ("session.levle > 3", "did you mean 'level'?"),
        ('session.rol == "x"', "did you mean 'role'?"),
        ('context.ipp == ""', "context has 'ip', 'risk'"),
        ('context["ipp"] == ""', "context has 'ip', 'risk'"),
        ("has(session.levle)", "did you mean 'level'?"),
        ('session.?levle.orValue("") == ""', "did you mean 'level'?"),
        ('"ipp" in context', "context has 'ip', 'risk'"),
        ("run.stpes > 3", "'retries'; did you mean 'steps'?"),
        ("run.name > 3", "no such operation: string > int"),
        ('session.level == "3"', "int is never string"),
        ("context.ip > 5", "no such operation: string > int"),
    ],
)
def test_what_is_not_declared_or_of_another_type_does_not_load(when, told):
    with pytest.raises(PolicyError, match=r"p\.yaml:11:\d+: ") as refused:
        policy(when)
    assert told in str(refused.value)


def test_a_holder_that_is_not_declared_has_no_facts_once_any_are():
    with pytest.raises(PolicyError, match="unknown attribute 'ip'; context has none"):
        policy('context.ip == ""', "facts: {session: {properties: {level: {type: integer}}}}\n")
    with pytest.raises(PolicyError, match="unknown attribute 'ip'"):
        policy('context.ip == ""', "facts: {}\n")


def test_without_declared_facts_any_may_be_read_and_a_strict_check_says_which():
    when = 'context.ip == "" && session.level > 2 && session.role == "x" && args.a == context.ip'
    assert kinds(when, "") == set()
    assert kinds(when, "", strict=True) == {"undeclared-tools", "undeclared-fact"}
    told = [f.message for f in policy(when, "").check(strict=True) if f.kind.id == "RMT028"]
    assert ["context's 'ip'" in told[0], "session's 'level'" in told[1], len(told)] == [
        True,
        True,
        2,
    ]


def test_a_fact_that_need_not_be_there_is_reported_where_a_rule_counts_on_it():
    assert kinds('session.note == "x"') == {"may-be-missing"}
    assert kinds('session.note == "x"', effect="allow") == {"allows-only-with"}
    assert kinds('has(session.note) && session.note == "x"') == set()
    assert kinds('session.region == "EU"') == {"impossible-value"}


def test_facts_and_arguments_are_checked_against_each_other():
    tools = "tools: {x: {properties: {n: {type: integer}}, required: [n]}}\n"
    assert kinds("args.n > session.level", tools + FACTS) == set()
    with pytest.raises(PolicyError, match="for x: int is never string"):
        policy("args.n == context.ip", tools + FACTS)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ("facts: {sesion: {}}\n", "unknown key 'sesion' in the facts; did you mean 'session'?"),
        ("facts: {session: {propertis: {}}}\n", "in the facts of 'session': unknown key"),
        ("facts: {context: {properties: {a: {type: txt}}}}\n", "'txt' is no type of JSON"),
        ("facts: {session: {properties: {role: {type: string}}}}\n", "every session has 'role'"),
        ("facts: [a]\n", "the facts is a mapping of keys to values, not a list"),
        ("facts: {context: {type: array}}\n", "an object, not list"),
    ],
)
def test_a_mistake_in_a_declaration_is_told_with_its_place(facts, told):
    with pytest.raises(PolicyError, match=r"p\.yaml:2:\d+: ") as refused:
        policy("true", facts)
    assert told in str(refused.value)


def test_declarations_change_no_decision():
    when = 'session.level > 3 && context.ip == "x"'
    plain, declared = policy(when, "", "allow"), policy(when, effect="allow")
    for facts, context in (({"level": 5}, {"ip": "x"}), ({"level": "5"}, {}), ({}, {"ip": 1})):
        request = Request(
            Subject("agent", "a"), Action("x"), Resource("r", "1"), Session(facts=facts), context
        )
        one, other = plain.decide(request), declared.decide(request)
        assert (one.effect, one.rules, one.errors) == (other.effect, other.rules, other.errors)


def test_the_facts_of_included_files_hold_as_well(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "a.yaml").write_text(
        "remit: 1\nfacts: {session: {properties: {level: {type: integer}}, required: [level]}}\n"
    )
    main = tmp_path / "main.yaml"
    main.write_text(
        "remit: 1\ninclude: shared/a.yaml\n"
        "facts: {session: {properties: {region: {type: string}}}, context: {}}\nrules:\n"
        "  - {id: a, action: x, when: 'session.level > 1 && has(session.region)', effect: allow}\n"
    )
    facts = sources.document(main).facts
    assert sorted(facts.of("session").fields) == ["level", "region"]
    assert facts.of("session").required == {"level"}
    main.write_text(main.read_text().replace("session.level", "session.levels"))
    with pytest.raises(PolicyError, match="did you mean 'level'"):
        sources.load(main)


def test_a_fact_that_two_files_declare_may_be_as_either_says():
    one, other = (
        Policy.parse(f"remit: 1\nfacts: {{context: {{properties: {{{each}}}}}}}\n")
        .documents[0]
        .facts
        for each in ("a: {type: string}, b: {enum: [x]}", "a: {type: integer}, c: {enum: [y]}")
    )
    found = one.joined([other]).of("context")
    assert (found.fields["a"], found.fields["b"]) == (DYN, STRING)
    assert found.choices == {"b": ("x",), "c": ("y",)}


def test_a_limit_is_held_against_tools_and_facts_as_a_rule_is():
    limit = "limits: [{id: l, action: x, window: 1d, max: {calls: 1}, when: 'session.levle > 1'}]\n"
    with pytest.raises(PolicyError, match="did you mean 'level'"):
        policy("true", FACTS + limit)


CASES = """\
remit: 1
tools: {pay: {properties: {amount: {type: number}}, required: [amount]}}
facts: {session: {properties: {region: {type: string}}}, context: {properties: {}}}
rules: [{id: small, action: pay, when: args.amount <= 100, effect: allow}]
tests:
  - name: small
    request: {action: %s, args: {%s: 5}, session: {role: x, %s: eu}, context: {%s}}
    expect: {effect: %s, rules: [small]}
"""


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (("pay", "amount", "region", "", "allow"), {}),
        (("payy", "amount", "region", "", "allow"), {"misnamed-in-case", "failing-case"}),
        (("pay", "amuont", "region", "", "allow"), {"misnamed-in-case", "failing-case"}),
        (("pay", "amount", "regoin", "", "allow"), {"misnamed-in-case"}),
        (("pay", "amount", "region", "ip: 1", "allow"), {"misnamed-in-case"}),
        (("pay", "amount", "region", "", "deny"), {"failing-case"}),
        (("drop_table", "amount", "region", "", "deny"), {"failing-case"}),
    ],
)
def test_the_cases_of_a_policy_are_looked_at(written, found):
    told = Policy.parse(CASES % written, file="p.yaml").check()
    assert {each.kind.value.name for each in told} == set(found)
    assert all((each.place.line, each.place.column) == (6, 5) for each in told)


def test_a_strict_check_wants_every_pattern_to_meet_a_declared_tool():
    tools = NO_TOOLS.joined([Tools.of({"read_file": {}})])
    rules = "remit: 1\nrules: [{id: r, action: ['read_*', 'wirte_*'], effect: allow}]\n"
    loaded = Policy.parse(rules, file="p.yaml", tools=tools)
    assert loaded.check() == ()
    told = [each.message for each in loaded.check(strict=True)]
    assert told == ["no declared tool fits 'wirte_*' in rule 'r'"]


def test_a_policy_about_everything_has_nothing_to_declare():
    loaded = Policy.parse("remit: 1\nrules: [{id: r, action: '*', effect: deny}]\n", file="p.yaml")
    assert "RMT029" not in {each.kind.id for each in loaded.check(strict=True)}


def test_what_ships_declares_facts_where_it_reads_any():
    folder = Path(__file__).parents[1] / "examples" / "cookbook"
    declaring = [each for each in folder.glob("*/remit.yaml") if "facts:" in each.read_text()]
    assert len(declaring) == 6


def test_what_every_run_has_is_known_by_name():
    found = Run(Guard(Policy(), ledger=MemoryLedger()), who_acts(), name="a").facts()
    kinds = {str: STRING, int: INT, float: DOUBLE}
    assert found.keys() == RUN.keys()
    plain = {name: kinds[type(value)] for name, value in found.items() if type(value) in kinds}
    assert plain.items() <= RUN.items()

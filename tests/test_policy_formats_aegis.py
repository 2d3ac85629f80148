"""Aegis policies: what their documents promise holds, and what nobody can judge stays out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from remit.model import Action, Effect, Request, Resource, Risk, Subject
from remit.policy import Policy
from remit.policy.explain import Match

SEEDS = Path(__file__).parent / "policy_formats" / "aegis"
MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
NIGHT = 'conditions: {time_after: "18:00", time_before: "08:00"}'


def load(name):
    return Policy.parse((SEEDS / name).read_bytes(), file=name)


def rule(more, approval="block"):
    """A policy of one rule, on `pay`; all else is allowed, and a denial is that rule's."""
    return Policy.parse(
        f"version: '1'\ndefaults: {{approval: auto}}\n"
        f"rules:\n  - {{name: r, match: {{type: pay}}, {more}, approval: {approval}}}\n"
    )


def ask(policy, action="pay", target="", at=MONDAY, agent="a", **args):
    return policy.decide(
        Request(
            Subject("agent", agent),
            Action(action, args),
            Resource.parse(target),
            at=int(at.timestamp()) * 10**9,
        )
    )


def outcome(decision):
    return "ask" if decision.approval else decision.effect.value


@pytest.mark.parametrize("name", ["quickstart.yaml", "inline.yaml"])
@pytest.mark.parametrize(
    ("action", "target", "expected"),
    [("search", "web", "allow"), ("write_record", "db", "ask"), ("delete_record", "crm", "deny")],
)  # fmt: skip
def test_what_the_quickstart_documents_is_decided(name, action, target, expected):
    assert outcome(ask(load(name), action, target)) == expected


def test_a_decision_names_the_rule_its_risk_and_what_stands_under_defaults():
    policy = load("quickstart.yaml")
    deleted, other = ask(policy, "delete_record"), ask(policy, "translate")
    assert (deleted.rules, deleted.risk) == (("block_deletes",), Risk.CRITICAL)
    assert (other.rules, other.risk, outcome(other)) == (("defaults",), Risk.MEDIUM, "ask")


def test_every_place_is_one_in_the_original_file():
    found = load("quickstart.yaml").explain(Request(Subject("agent", "a"), Action("delete_x")))
    decided = next(each for each in found.rules if each.label == "block_deletes")
    source = (SEEDS / "quickstart.yaml").read_text().splitlines()
    assert decided.place.file == "quickstart.yaml"
    assert source[decided.place.line - 1][decided.place.column - 1 :] == "block_deletes"


def test_the_after_hours_rules_of_the_quickstart_can_never_fire_and_check_says_so():
    policy = load("quickstart.yaml")
    for hour in range(24):
        request = Request(
            Subject("agent", "a"),
            Action("write_record"),
            at=int((MONDAY + timedelta(hours=hour)).timestamp()) * 10**9,
        )
        found = policy.explain(request)
        assert found.decision.rules == ("write_ops",)
        candidates = [each.label for each in found.rules if each.match is Match.MATCHED]
        assert candidates.index("write_ops") == 0
    never = [each.rule for each in policy.check() if "write_ops" in each.message]
    assert never == ["after_hours_write_block", "early_morning_write_block"]


def test_the_documented_overnight_window_fires_in_14_of_24_hours():
    ours = Policy.parse(
        "remit: 1\ndefault: allow\nrules:\n  - id: r\n    action: pay\n    effect: deny\n"
        '    when: within_hours(now, "18:00", "08:00", "UTC")\n'
    )
    for policy in (ours, rule(NIGHT)):
        hours = [MONDAY + timedelta(hours=hour, minutes=59) for hour in range(24)]
        assert sum(ask(policy, at=hour).rules == ("r",) for hour in hours) == 14


def test_a_window_begins_when_it_says_and_ends_before_it_does():
    policy = rule('conditions: {time_after: 9:00, time_before: "17:30"}')
    minutes = [(8, 59), (9, 0), (17, 29), (17, 30)]
    fires = [ask(policy, at=MONDAY.replace(hour=h, minute=m)).rules == ("r",) for h, m in minutes]
    assert fires == [False, True, True, False]


# condition, arguments that meet it, arguments that do not
TESTS = [
    ("param_eq: {x: 5}", [5, 5.0], [6, True, "5", None, [5]]),
    ("param_eq: {x: true}", [True], [False, 1, "true"]),
    ("param_eq: {x: '5'}", ["5"], [5, "5 "]),
    ("param_eq: {x: [1, {a: b}]}", [[1, {"a": "b"}]], [[1], [{"a": "b"}, 1]]),
    ("param_gt: {x: 100}", [101, 100.5], [100, -1]),
    ("param_lt: {x: 100}", [99.5], [100]),
    ("param_gte: {x: 100}", [100], [99]),
    ("param_lte: {x: -0.5}", [-0.5, -1], [0]),
    ("param_gt: {x: b}", ["c", "ba"], ["b", "a"]),
    ("param_contains: {x: dr}", ["xdrx", ["a", "dr"], {"dr": 1}], ["DR", ["drx"], {"a": "dr"}]),
    ("param_contains: {x: 7}", [[7], [7.0]], [["7"], [True], [17]]),
    (r"param_matches: {x: '^rm\s'}", ["rm -rf"], ["xrm ", "rmx"]),
]
UNJUDGED = [
    ("param_gt: {x: 100}", ["1000", True, None, [1], {}]),
    ("param_lte: {x: b}", [1]),
    ("param_contains: {x: dr}", [5, True, None]),
    ("param_matches: {x: a}", [5, None, ["a"]]),
]


@pytest.mark.parametrize(("condition", "meeting", "other"), TESTS)
def test_an_operator_means_what_it_says(condition, meeting, other):
    for approval, effect in (("block", "deny"), ("approve", "ask")):
        policy = rule(f"conditions: {{{condition}}}", approval)
        assert [outcome(ask(policy, x=value)) for value in meeting] == [effect] * len(meeting)
        assert [outcome(ask(policy, x=value)) for value in other] == ["allow"] * len(other)


@pytest.mark.parametrize(
    ("condition", "values"), [*UNJUDGED, *((test[0], []) for test in TESTS)], ids=str
)
def test_what_cannot_be_judged_is_blocked_asked_about_and_never_allowed(condition, values):
    asked = [{"x": value} for value in values] or [{}]
    lax = Policy.parse(
        "version: '1'\ndefaults: {approval: block}\n"
        f"rules:\n  - {{match: {{type: pay}}, conditions: {{{condition}}}, approval: auto}}\n"
    )
    for args in asked:
        assert outcome(ask(rule(f"conditions: {{{condition}}}"), **args)) == "deny"
        assert outcome(ask(rule(f"conditions: {{{condition}}}", "approve"), **args)) == "ask"
        assert ask(lax, **args).rules == ("defaults",)


def test_weekdays_are_numbered_from_monday():
    policy = rule("conditions: {weekdays: [1, 7]}")
    days = [ask(policy, at=MONDAY + timedelta(days=day)).rules == ("r",) for day in range(7)]
    assert days == [True, False, False, False, False, False, True]


def test_a_line_break_at_the_end_does_not_hide_a_text_from_a_rule_that_blocks():
    blocks = rule("conditions: {param_matches: {x: '^drop$'}}")
    allows = Policy.parse(
        "version: '1'\ndefaults: {approval: block}\nrules:\n  - match: {type: pay}\n"
        "    conditions: {param_matches: {x: '^drop$'}}\n    approval: auto\n"
    )
    assert outcome(ask(blocks, x="drop\n")) == "deny"
    assert outcome(ask(allows, x="drop\n")) == "deny"
    assert outcome(ask(allows, x="drop")) == "allow"


def test_a_name_that_is_or_looks_the_same_is_blocked():
    policy = load("quickstart.yaml")
    same = (
        "DELETE_user",
        " delete_user",
        "delete\u200b_user",
        "d\u0435lete_user",
        "\uff44elete_user",
    )
    for name in same:
        assert outcome(ask(policy, name)) == "deny", name


@pytest.mark.parametrize(
    ("target", "fitting", "others"),
    [
        ("web", ["web", "web:example.com", "WEB"], ["website", "", "crm:web"]),
        ("db*", ["db", "db1", "db1:users"], ["mydb"]),
        ("crm:contacts", ["crm:contacts"], ["crm", "crm:deals"]),
        ("'*'", ["", "web", "crm:deals"], []),
    ],
)
def test_a_target_is_the_type_of_a_resource_and_with_a_colon_all_of_it(target, fitting, others):
    policy = Policy.parse(
        "version: '1'\ndefaults: {approval: auto}\n"
        f"rules:\n  - {{match: {{type: pay, target: {target}}}, approval: block}}\n"
    )
    assert [outcome(ask(policy, target=each)) for each in fitting] == ["deny"] * len(fitting)
    assert [outcome(ask(policy, target=each)) for each in others] == ["allow"] * len(others)


def test_an_agent_is_the_subject():
    policy = Policy.parse(
        "version: '1'\ndefaults: {approval: auto}\n"
        "rules:\n  - {match: {agent: 'intern-*'}, approval: block}\n"
    )
    assert outcome(ask(policy, agent="Intern-7")) == "deny"
    assert outcome(ask(policy, agent="billing")) == "allow"


def test_a_file_of_overrides_without_defaults_leaves_the_rest_to_the_others():
    both = load("prod-overrides.yaml").stack(load("base-policy.yaml"))
    names = ("search_web", "delete_x", "write_x", "other")
    assert [outcome(ask(both, name)) for name in names] == ["allow", "deny", "ask", "ask"]
    alone = load("prod-overrides.yaml")
    assert ask(alone, "other").effect is Effect.DENY


texts = st.text("ab\"'\\{}$#: \n\té", max_size=6)
names = st.sampled_from(["pay", "pay_out", "read", "read_all", "a"])
globs = st.sampled_from(["pay", "pay*", "*_all", "r*d", "?", "*"])
conditions = st.fixed_dictionaries(
    {},
    optional={
        "time_after": st.sampled_from(["00:00", "06:30", "18:00", "23:59"]),
        "time_before": st.sampled_from(["00:01", "08:00", "17:15"]),
        "weekdays": st.lists(st.integers(1, 7), min_size=1),
        "param_eq": st.fixed_dictionaries({"note": texts}),
        "param_gt": st.fixed_dictionaries({"amount": st.integers(-2, 2)}),
        "param_lt": st.fixed_dictionaries({"amount": st.floats(-2, 2)}),
        "param_gte": st.fixed_dictionaries({"amount": st.integers(-2, 2)}),
        "param_lte": st.fixed_dictionaries({"amount": st.integers(-2, 2)}),
        "param_contains": st.fixed_dictionaries({"a note": texts.filter(bool)}),
        "param_matches": st.fixed_dictionaries({"note": st.sampled_from(["^a", "[ab]{2}", r"\\"])}),
    },
)
rules = st.fixed_dictionaries(
    {
        "match": st.fixed_dictionaries({"type": globs}),
        "approval": st.sampled_from(["auto", "approve", "block"]),
    },
    optional={"conditions": conditions.filter(bool)},
)


def naive(document, name, args, at):
    """What Aegis documents, where every argument is there and of the right type."""
    for index, each in enumerate(document["rules"]):
        if fnmatchcase(name, each["match"]["type"]) and holds(each.get("conditions", {}), args, at):
            return f"rule_{index}", each["approval"]
    return "defaults", document["defaults"]["approval"]


def holds(conditions, args, at):
    start, end = conditions.get("time_after", "00:00"), conditions.get("time_before", "24:00")
    now = f"{at:%H:%M}"
    tests = {
        "weekdays": lambda days: at.isoweekday() in days,
        "param_eq": lambda p: args["note"] == p["note"],
        "param_gt": lambda p: args["amount"] > p["amount"],
        "param_lt": lambda p: args["amount"] < p["amount"],
        "param_gte": lambda p: args["amount"] >= p["amount"],
        "param_lte": lambda p: args["amount"] <= p["amount"],
        "param_contains": lambda p: p["a note"] in args["a note"],
        "param_matches": lambda p: re.search(p["note"], args["note"]) is not None,
    }
    inside = start <= now < end if start < end else now >= start or now < end
    return inside and all(tests[key](conditions[key]) for key in tests if key in conditions)


@given(
    st.lists(rules, max_size=4),
    st.sampled_from(["auto", "approve", "block"]),
    names,
    st.fixed_dictionaries(
        {
            "note": texts,
            "amount": st.integers(-3, 3) | st.floats(-3, 3),
            "a note": texts | st.lists(texts, max_size=2),
        }
    ),
    st.integers(0, 7 * 24 * 60).map(lambda minutes: MONDAY + timedelta(minutes=minutes)),
)
def test_where_nothing_is_missing_the_document_decides_as_aegis_documents(
    found, default, name, args, at
):
    document = {"version": "1", "defaults": {"approval": default}, "rules": found}
    policy = Policy.parse(yaml.safe_dump(document, default_flow_style=False))
    decision = ask(policy, name, at=at, **args)
    words = {"auto": "allow", "approve": "ask", "block": "deny"}
    rule_id, approval = naive(document, name, args, at)
    assert (decision.rules, outcome(decision)) == ((rule_id,), words[approval])

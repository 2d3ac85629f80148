"""Kite Logik policies: the strictest rule decides, and like is only compared with like."""

from __future__ import annotations

from pathlib import Path

import pytest

from remit.model import Action, Request, Session, Subject
from remit.policy import Policy

FILES = Path(__file__).parent / "policy_formats" / "kitelogik"


def load(name):
    return Policy.parse((FILES / name).read_bytes(), file=name)


def rule(args, then):
    """A policy of one rule on `pay`; unless it allows, another one allows everything."""
    other = "" if then == "allow" else "  - {name: other, when: {action: pay}, then: allow}\n"
    return Policy.parse(
        "version: 1\nrules:\n"
        f"  - {{name: r, when: {{action: pay, args: {{x: {args}}}}}, then: {then}}}\n" + other
    )


def ask(policy, action="pay", /, role="", scopes=(), **args):
    session = Session(role=role, scopes=scopes)
    return policy.decide(Request(Subject("agent", "a"), Action(action, args), session=session))


def outcome(decision):
    return "ask" if decision.approval else decision.effect.value


@pytest.mark.parametrize(
    ("action", "role", "scopes", "args", "expected"),
    [
        ("get_customer", "", ("read_customer",), {}, "allow"),
        ("get_customer", "", (), {}, "deny"),
        ("approve_refund", "manager", ("approve_refund",), {"amount": 200}, "allow"),
        ("approve_refund", "intern", ("approve_refund",), {"amount": 200}, "deny"),
        ("approve_refund", "manager", (), {"amount": 200}, "deny"),
        ("approve_refund", "manager", ("approve_refund",), {"amount": 200.5}, "deny"),
        ("run_shell_command", "manager", ("approve_refund",), {}, "deny"),
        ("whatever", "manager", ("approve_refund",), {}, "deny"),
    ],
)
def test_what_a_new_project_documents_is_decided(action, role, scopes, args, expected):
    assert outcome(ask(load("init.yaml"), action, role, scopes, **args)) == expected


def test_a_denial_carries_its_reason_and_its_rule():
    decision = ask(load("init.yaml"), "approve_refund", amount=5000)
    assert decision.rules == ("deny_large_refund",)
    assert decision.reason == "Refunds over $200 require manager approval"


def test_no_amount_that_is_no_number_is_ever_paid():
    for amount in (True, None, "42", [1], {}):
        decision = ask(
            load("init.yaml"), "approve_refund", "manager", ("approve_refund",), amount=amount
        )
        assert decision.rules == ("deny_large_refund",), amount


def test_a_rule_for_people_stands_before_one_that_allows_and_after_one_that_denies():
    policy = Policy.parse(
        "version: 1\nrules:\n"
        "  - {name: may, when: {action: [pay, wire]}, then: allow}\n"
        "  - {name: ask, when: {action: [pay, wire]}, then: hitl}\n"
        "  - {name: no, when: {action: wire}}\n"
    )
    assert (outcome(ask(policy)), ask(policy).rules) == ("ask", ("ask",))
    assert (outcome(ask(policy, "wire")), ask(policy, "wire").rules) == ("deny", ("no",))


def test_any_of_the_roles_and_all_of_the_scopes():
    policy = Policy.parse(
        "version: 1\nrules:\n  - {name: r, when: {role: [a, b], scope: [x, y]}, then: allow}\n"
    )
    assert outcome(ask(policy, "pay", "b", ("y", "z", "x"))) == "allow"
    assert outcome(ask(policy, "pay", "c", ("x", "y"))) == "deny"
    assert outcome(ask(policy, "pay", "a", ("x",))) == "deny"
    assert outcome(ask(policy, "pay", "A", ("x", "y"))) == "deny"


# test, arguments that meet it, that do not, and of which nobody can say
TESTS = [
    ("{gt: 5}", [6, 5.5], [5], ["6", True, None]),
    ("{gte: 5}", [5], [4], ["6", False]),
    ("{lt: 5}", [4, -1000], [5], [None, "4", False]),
    ("{lte: 5}", [5], [6], [[1]]),
    ("{gt: 5, lte: 9}", [9], [5, 10], [None]),
    ("{eq: 5}", [5, 5.0], ["5", True, None], []),
    ("{eq: true}", [True], [1, 1.0, "true"], []),
    ("{eq: it's}", ["it's"], ["its"], []),
    ("{in: [a, 'b\"']}", ["a", 'b"'], ["b", 1], []),
    ("{not_in: [a, b]}", ["c", 1, None], ["a"], []),
    ("{contains: x}", ["axb"], ["X"], [5, None, ["x"]]),
    ("{not_contains: 'C:\\'}", ["C:/"], ["C:\\a"], [5, None]),
]


@pytest.mark.parametrize(("test", "meeting", "other", "unjudged"), TESTS)
@pytest.mark.parametrize("then", ["allow", "hitl", "deny"])
def test_an_operator_means_what_it_says(test, meeting, other, unjudged, then):
    policy = rule(test, then)
    effect, otherwise = {"hitl": "ask"}.get(then, then), "deny" if then == "allow" else "allow"
    assert [outcome(ask(policy, x=value)) for value in meeting] == [effect] * len(meeting)
    assert [outcome(ask(policy, x=value)) for value in other] == [otherwise] * len(other)
    judged = "deny" if then == "allow" else effect
    assert [outcome(ask(policy, x=value)) for value in unjudged] == [judged] * len(unjudged)
    assert outcome(ask(policy)) == judged


@pytest.mark.parametrize(
    "text", ['say "no"', "C:\\Windows", 'x"\n}\nallow if { true }\n#', "a' || true || '"]
)
def test_what_is_written_is_compared_and_never_run(text):
    policy = Policy.parse(
        "version: 1\nrules:\n  - name: r\n    then: allow\n    when:\n"
        f"      role: {yaml_text(text)}\n"
        f"      args: {{{yaml_text(text)}: {{eq: {yaml_text(text)}}}}}\n"
    )
    assert outcome(ask(policy, "pay", text, **{text: text})) == "allow"
    assert outcome(ask(policy, "pay", text, **{text: "other"})) == "deny"
    assert outcome(ask(policy, "pay", "other", **{text: text})) == "deny"


def yaml_text(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def test_a_tier_is_a_risk():
    policy = load("operators.yaml")
    decision = ask(policy, "read", "admin", ("all", "of: it"), **{"note to self": "x"})
    assert (decision.effect.value, decision.risk.value) == ("allow", "low")

"""Limits are read and checked; until something counts, what they are about is denied."""

from __future__ import annotations

import pytest

from remit.model import Action, Effect, Request, Subject
from remit.policy import Policy
from remit.policy.load import mistakes
from remit.policy.rule import LimitEffect

SPEND = (
    "{id: spend, action: 'pay_*', per: [subject.id, args.to], window: 1d, "
    "max: {cost: 5.0, calls: 200}}"
)


def policy(limit: str, *, head: str = "") -> Policy:
    return Policy.parse(
        f"remit: 1\nname: test\n{head}\nlimits:\n- {limit}\n"
        "rules:\n- {id: all, action: '*', effect: allow}\n",
        file="p.yaml",
    )


def decide(rules: Policy, name: str, /, **args):
    return rules.decide(Request(Subject("agent", "a"), Action(name, args)))


def test_a_limit_is_read_as_it_is_written():
    (limit,) = policy(SPEND).documents[0].limits
    assert (limit.id, limit.action, limit.window) == ("spend", ("pay_*",), 86400)
    assert limit.max == (("cost", 5.0), ("calls", 200))
    assert limit.per == ("subject.id", "args.to")
    assert limit.effect is LimitEffect.DENY
    assert str(limit.place) == "p.yaml:5:8"


@pytest.mark.parametrize("order", ["severity", "first-match"])
def test_what_nothing_counts_is_denied(order):
    rules = policy(SPEND, head=f"order: {order}")
    denied = decide(rules, "pay_ada", to="x")
    assert (denied.effect, denied.rules, denied.approval) == (Effect.DENY, ("spend",), None)
    assert denied.reason == "the limit 'spend' cannot be kept: there is no meter"
    assert decide(rules, "look").rules == ("all",)


def test_a_limit_with_a_condition_denies_what_it_is_about_and_what_cannot_be_told():
    rules = policy("{id: l, action: x, when: args.n > 5, window: 1h, max: {calls: 1}, effect: ask}")
    assert decide(rules, "x", n=6).rules == ("l",)
    assert decide(rules, "x", n=5).rules == ("all",)
    assert decide(rules, "x").rules == ("l",)


def test_a_limit_of_another_layer_denies_as_well():
    open_to_all = Policy.parse("remit: 1\nname: other\ndefault: allow\n")
    stacked = open_to_all.stack(policy(SPEND))
    assert decide(stacked, "pay_ada").rules == ("test/spend",)


def test_that_nothing_counts_is_reported():
    (found,) = [each for each in policy(SPEND).check() if each.rule == "spend"]
    assert str(found).startswith("p.yaml:5:8: warning: nothing counts for the limit 'spend' yet")


LIMITS = {
    "{action: x, window: 1d, max: {calls: 1}}": "a limit has no 'id'; name it",
    "{id: l, window: 1d, max: {calls: 1}}": "a limit has no 'action'; name the actions",
    "{id: l, action: x, max: {calls: 1}}": "a limit has no 'window'; write it like 1d",
    "{id: l, action: x, window: 1d}": "a limit has no 'max'; write it like {calls: 9}",
    "{id: l, action: x, window: 1d, max: {}}": "nothing is counted; write 'calls', 'tokens'",
    "{id: l, action: x, window: 1d, max: {call: 1}}": "unknown key 'call'",
    "{id: l, action: x, window: 1d, max: {calls: 0}}": "'calls' is more than 0; to allow none",
    "{id: l, action: x, window: 1d, max: {calls: 1.5}}": "'calls' is a whole number",
    "{id: l, action: x, window: 1d, max: {cost: '5'}}": "'cost' is a number, not text",
    "{id: l, action: x, window: 1d, max: {cost: true}}": "'cost' is a number, not a boolean",
    "{id: l, action: x, window: 1w, max: {cost: 1}}": "'1w' is no time up to 366 days",
    "{id: l, action: x, window: 400d, max: {cost: 1}}": "'400d' is no time up to 366 days",
    "{id: l, action: '[', window: 1d, max: {cost: 1}}": "'[' is no pattern",
    "{id: l, action: x, when: arg.n, window: 1d, max: {cost: 1}}": "unknown name 'arg'",
    "{id: l, action: x, per: subjct.id, window: 1d, max: {cost: 1}}": "did you mean 'subject'?",
    "{id: l, action: x, per: subject.name, window: 1d, max: {cost: 1}}": "'name'",
    "{id: l, action: x, per: args.n + 1, window: 1d, max: {cost: 1}}": "is not one thing; write it",
    "{id: l, action: x, per: [args.n, args.n], window: 1d, max: {cost: 1}}": "stands twice; keep",
    "{id: l, action: x, effect: allow, window: 1d, max: {cost: 1}}": "'allow' is no effect",
    "{id: all, action: x, window: 1d, max: {cost: 1}}": "the id 'all' stands twice, first",
    "{id: default, action: x, window: 1d, max: {cost: 1}}": "'default' names what holds",
}  # fmt: skip


@pytest.mark.parametrize("limit", LIMITS)
def test_a_mistake_in_a_limit_is_told_with_a_cure(limit):
    text = f"remit: 1\nrules:\n- {{id: all, action: y, effect: allow}}\nlimits:\n- {limit}"
    found = mistakes(text, "p.yaml")
    assert any(LIMITS[limit] in error.message for error in found), found
    assert {(error.file, error.line) for error in found} == {("p.yaml", 5)}

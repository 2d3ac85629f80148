"""Limits, and what a policy says a request takes of them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remit.amounts import ONE
from remit.model import (
    Action,
    Approval,
    Effect,
    Period,
    Request,
    Resource,
    Share,
    Subject,
    Wanted,
)
from remit.policy import Policy, cases
from remit.policy.load import mistakes
from remit.policy.rule import LimitEffect, Mode

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
    assert (limit.id, limit.action, limit.period) == ("spend", ("pay_*",), Period(86400))
    assert limit.max == (("cost", 5 * ONE), ("calls", 200 * ONE))
    assert [per.text for per in limit.per] == ["subject.id", "args.to"]
    assert (limit.effect, limit.terms, limit.mode) == (LimitEffect.DENY, None, Mode.ENFORCE)
    assert str(limit.place) == "p.yaml:5:8"


@pytest.mark.parametrize("order", ["severity", "first-match"])
def test_what_is_allowed_says_what_it_takes_of_which_limit(order):
    rules = policy(SPEND, head=f"order: {order}")
    allowed = decide(rules, "pay_ada", to="x")
    (claim,) = allowed.claims
    assert (allowed.effect, allowed.rules) == (Effect.ALLOW, ("all",))
    assert claim.share == Share("test/spend", '["a","x"]')
    assert (claim.most, claim.takes) == (
        {"cost": 5 * ONE, "calls": 200 * ONE},
        {"cost": 0, "calls": ONE},
    )
    assert str(claim) == 'test/spend  limit  5 cost, 200 calls in 1d for ["a","x"]: takes 1 calls'
    assert decide(rules, "look").claims == ()


def test_what_is_denied_takes_nothing():
    rules = policy("{id: l, action: x, window: 1d, max: {calls: 1}}").stack(
        Policy.parse("remit: 1\nname: no\nrules:\n- {id: no, action: x, effect: deny}\n")
    )
    denied = decide(rules, "x")
    assert (denied.effect, denied.rules, denied.claims) == (Effect.DENY, ("no/no",), ())


def test_a_limit_with_a_condition_is_about_what_fulfils_it_and_denies_what_cannot_be_told():
    rules = policy("{id: l, action: x, when: args.n > 5, window: 1h, max: {calls: 1}}")
    assert len(decide(rules, "x", n=6).claims) == 1
    assert decide(rules, "x", n=5).claims == ()
    denied = decide(rules, "x")
    assert (denied.effect, denied.rules) == (Effect.DENY, ("test/l",))
    assert denied.reason.startswith("the limit 'l' cannot be kept: its condition cannot be")


def test_a_limit_is_about_the_subjects_and_resources_it_names():
    rules = policy(
        "{id: l, action: x, subject: 'agent:a*', resource: 'file:*', window: 1h, max: {calls: 1}}"
    )
    asked = Request(Subject("agent", "A1"), Action("X"), Resource("file", "r"))
    assert len(rules.decide(asked).claims) == 1
    assert rules.decide(replace(asked, subject=Subject("agent", "b"))).claims == ()
    assert rules.decide(replace(asked, resource=Resource("db", "r"))).claims == ()


def test_limits_of_all_layers_are_claimed_and_are_called_the_same_in_any_stack():
    other = Policy.parse(
        "remit: 1\nname: other\ndefault: abstain\n"
        "limits:\n- {id: spend, action: '*', window: day, max: {calls: 9}}\n"
    )
    stacked = other.stack(policy(SPEND))
    labels = [claim.share.limit for claim in decide(stacked, "pay_ada", to="x").claims]
    assert labels == ["other/spend", "test/spend"]


@pytest.mark.parametrize(
    ("per", "args", "key"),
    [
        ("args.to", {"to": "Bob"}, '["bob"]'),
        ("args.to", {"to": "b\u200bob"}, '["bob"]'),
        ("args.n", {"n": 1}, '["1"]'),
        ("args.n", {"n": 1.0}, '["1"]'),
        ("args.n", {"n": True}, '["true"]'),
        ("args.n", {"n": "1"}, '["1"]'),
        ("url.host(args.url)", {"url": "https://Example.com/a"}, '["example.com"]'),
        ("uint(args.n)", {"n": 3}, '["3"]'),
        ("size(args.to)", {"to": "Bob"}, '["3"]'),
    ],
)
def test_what_is_counted_apart_is_told_by_the_values_of_expressions(per, args, key):
    rules = policy(f"{{id: l, action: x, per: '{per}', window: 1h, max: {{calls: 1}}}}")
    assert decide(rules, "x", **args).claims[0].share.key == key


def test_a_long_key_is_named_by_its_digest():
    rules = policy("{id: l, action: x, per: args.to, window: 1h, max: {calls: 1}}")
    keys = [decide(rules, "x", to=each * 1000).claims[0].share.key for each in "ab"]
    assert all(key.startswith("sha256:") and len(key) < 100 for key in keys)
    assert keys[0] != keys[1]


@pytest.mark.parametrize(
    ("per", "args", "why"),
    [
        ("args.to", {}, "args.to cannot be told"),
        ("args.to", {"to": None}, "args.to is missing"),
        ("args.to", {"to": " \u200b"}, "args.to is missing"),
        ("args.to", {"to": ["a"]}, "args.to is neither text nor a number"),
        ("session.user", {}, "session.user is missing"),
    ],
)
def test_whoever_has_no_share_is_denied_and_shares_with_nobody(per, args, why):
    rules = policy(f"{{id: l, action: x, per: {per}, window: 1h, max: {{calls: 1}}}}")
    denied = decide(rules, "x", **args)
    assert (denied.effect, denied.rules, denied.claims) == (Effect.DENY, ("test/l",), ())
    assert denied.reason.startswith(f"the limit 'l' cannot be kept: {why}")


@pytest.mark.parametrize(
    ("reserve", "args", "takes"),
    [
        ("0.25", {}, ONE // 4),
        ("args.cost", {"cost": 2}, 2 * ONE),
        ("args.cost * 0.1", {"cost": 3.0}, 300_000),
        ("uint(3)", {}, 3 * ONE),
        ("args.cost", {"cost": 0.0000001}, 1),
    ],
)
def test_a_limit_sets_aside_what_a_call_is_expected_to_use(reserve, args, takes):
    expected = f"reserve: {{cost: {reserve}}}"
    rules = policy(f"{{id: l, action: x, window: 1h, max: {{cost: 9}}, {expected}}}")
    assert decide(rules, "x", **args).claims[0].takes == {"cost": takes}


@pytest.mark.parametrize("cost", [None, "5", -1, True, 1e300])
def test_what_is_no_amount_is_denied(cost):
    rules = policy("{id: l, action: x, window: 1h, max: {cost: 9}, reserve: {cost: args.cost}}")
    denied = decide(rules, "x", cost=cost)
    assert (denied.effect, denied.rules) == (Effect.DENY, ("test/l",))
    assert "args.cost is no amount of cost" in denied.reason


def test_a_unit_of_ones_own_is_counted_by_what_reserve_says():
    rules = policy(
        "{id: l, action: x, window: 1h, max: {mails: 50}, reserve: {mails: size(args.to)}}"
    )
    assert decide(rules, "x", to=["a", "b"]).claims[0].takes == {"mails": 2 * ONE}


def test_a_limit_that_is_only_monitored_denies_nothing_it_cannot_tell():
    rules = policy("{id: l, action: x, mode: monitor, per: args.to, window: 1h, max: {calls: 1}}")
    assert decide(rules, "x", to="a").claims[0].monitored
    allowed = decide(rules, "x")
    assert (allowed.effect, allowed.claims, allowed.monitored) == (
        Effect.ALLOW,
        (),
        ("test/l: deny",),
    )
    assert allowed.errors[0].startswith("test/l: the limit 'l' cannot be kept")


def test_an_approval_lifts_a_limit_that_asks():
    rules = policy(
        "{id: l, action: x, window: 1h, max: {calls: 1}, effect: ask, approvers: 'user:ada'}"
    )
    asked = Request(Subject("agent", "a"), Action("x"), at=10**18)
    (claim,) = rules.decide(asked).claims
    assert (claim.terms.approvers, claim.terms.limit, claim.lifted) == (
        ("user:ada",),
        "test/l",
        False,
    )
    for who, lifted in (("user:ada", True), ("user:eve", False)):
        answer = Approval(True, Subject.parse(who), asked.digest, asked.at)
        (claim,) = rules.decide(replace(asked, approvals=(answer,))).claims
        assert claim.lifted is lifted


USED = (
    "remit: 1\nname: test\n"
    "rules:\n"
    "- {{id: all, action: '*', effect: allow}}\n"
    "- {{id: much, action: pay, effect: ask, when: '{}'}}\n"
    "limits:\n"
    "- {{id: spend, action: pay, per: subject.id, window: 1d, max: {{cost: 5, calls: 9}}}}\n"
)


def test_what_a_limit_has_counted_is_asked_when_a_condition_needs_it():
    rules = Policy.parse(USED.format('used("spend").cost > 3'))
    asked = Request(Subject("agent", "a"), Action("pay"))
    unknown = rules.decide(asked)
    assert (unknown.effect, unknown.rules) == (Effect.DENY, ("test/spend",))
    assert unknown.reason == "what was used of the limit 'test/spend' is not known here"
    assert unknown.wants == (Wanted(Share("test/spend", '["a"]'), ("cost", "calls")),)
    little = rules.decide(replace(asked, used={"test/spend": {"cost": 1, "calls": 2}}))
    assert (little.effect, little.rules, len(little.claims)) == (Effect.ALLOW, ("all",), 1)
    much = rules.decide(replace(asked, used={"test/spend": {"cost": 3.5, "calls": 2}}))
    assert (much.rules, much.wants) == (("much",), ())
    assert rules.decide(replace(asked, action=Action("look"))).wants == ()


def test_a_condition_that_is_not_about_the_request_wants_to_know_nothing():
    rules = Policy.parse(USED.format('args.amount > 100 && used("spend").cost > 3'))
    asked = Request(Subject("agent", "a"), Action("pay", {"amount": 5}))
    assert rules.decide(asked).wants == ()
    assert rules.decide(replace(asked, action=Action("pay", {"amount": 500}))).wants != ()


def test_an_explanation_says_what_is_not_known():
    rules = Policy.parse(USED.format('used("spend").cost > 3'))
    told = str(rules.explain(Request(Subject("agent", "a"), Action("pay"))))
    assert "much  ask  erred: what was used of the limit 'test/spend' is not known here" in told


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ('used("spent").cost > 3', "there is no limit 'spent'; did you mean 'spend'?"),
        (
            'used("spend").costs > 3',
            "the limit 'spend' does not count 'costs'; did you mean 'cost'?",
        ),
        ("used(args.limit).cost > 3", "write the id of a limit, in quotes"),
        ("used(3).cost > 3", "used"),
    ],
)
def test_a_condition_about_no_limit_is_an_error(condition, why):
    found = mistakes(USED.format(condition), "p.yaml")
    assert [error.line for error in found] == [5]
    assert why in found[0].message


def test_a_test_of_a_policy_says_what_limits_have_counted():
    text = USED.format('used("spend").cost > 3') + (
        "tests:\n"
        "- {name: little, request: {action: pay, used: {test/spend: {cost: 1}}},"
        " expect: {effect: allow}}\n"
        "- {name: much, request: {action: pay, used: {test/spend: {cost: 4}}},"
        " expect: {effect: ask}}\n"
    )
    outcomes = [cases.run(Policy.parse(text), case) for case in cases.load(text, "p.yaml").cases]
    assert [outcome.passed for outcome in outcomes] == [True, True]


def test_what_let_defines_may_ask_what_was_used():
    rules = Policy.parse(
        "remit: 1\nname: test\n"
        "let: {poor: 'used(\"spend\").cost < 3'}\n"
        "rules:\n- {id: some, action: pay, effect: allow, when: poor}\n"
        "limits:\n- {id: spend, action: pay, window: 1d, max: {cost: 5}}\n"
    )
    asked = Request(Subject("agent", "a"), Action("pay"))
    assert rules.decide(asked).wants[0].share == Share("test/spend", "")
    assert rules.decide(replace(asked, used={"test/spend": {"cost": 1}})).allowed


LIMITS = {
    "{action: x, window: 1d, max: {calls: 1}}": "a limit has no 'id'; name it",
    "{id: l, window: 1d, max: {calls: 1}}": "a limit has no 'action'; name the actions",
    "{id: l, action: x, max: {calls: 1}}": "a limit has no 'window'; write it like 1d",
    "{id: l, action: x, window: 1d}": "a limit has no 'max'; write it like {calls: 9}",
    "{id: l, action: x, window: 1d, max: {}}": "nothing is counted; write 'calls', 'concurrent'",
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
    "{id: l, action: x, window: 1d, max: {rows_read: 1}}": "a unit of your own is counted by",
    "{id: l, action: x, window: 1d, max: {cost: 0.0000001}}": "'cost' is counted in millionths",
    "{id: l, action: x, window: 1d, max: {cost: 1e15}}": "is no amount: it is negative, or",
    "{id: l, action: x, window: 1d, max: {concurrent: 2}}": "not counted over time; remove it",
    "{id: l, action: x, window: 1d, zone: UTC, max: {calls: 2}}": "only a day, week, month ends on",
    "{id: l, action: x, window: day, zone: Berlin, max: {calls: 2}}": "there is no time zone",
    "{id: l, action: x, window: 1d, max: {calls: 2}, reserve: {calls: 2}}": "a call is one call",
    "{id: l, action: x, window: 1d, max: {calls: 2}, reserve: {cost: 2}}": "does not count 'cost'",
    "{id: l, action: x, window: 1d, max: {cost: 2}, reserve: {cost: subject.id}}": "is no number",
    "{id: l, action: x, window: 1d, max: {cost: 2}, reserve: {cost: arg.n}}": "unknown name 'arg'",
    "{id: l, action: x, window: 1d, max: {cost: 2}, reserve: {cost: -1}}": "-1 is no amount",
    "{id: l, action: x, window: 1d, max: {cost: 2}, reserve: {cost: true}}": "is a number, not a",
    "{id: l, action: x, per: 'used(\"l\").cost', window: 1d, max: {cost: 2}}": "is for conditions",
    "{id: l, action: x, quorum: 2, window: 1d, max: {cost: 1}}": "nobody may lift this denial",
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

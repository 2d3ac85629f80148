"""The compiled policy decides as the slow reference does, on policies nobody would write."""

from __future__ import annotations

import copy

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference_policy import DEFAULT_TERMS, decide

from remit.model import (
    Action,
    Approval,
    ApprovalTerms,
    Effect,
    Request,
    Resource,
    Session,
    Subject,
)
from remit.policy import Policy

NOW = 10**18
"""2001-09-09T01:46:40Z."""
BEFORE = ["2001-09-09", "2001-09-09T01:46:40Z", "2001-09-09T03:46:40+02:00"]
AFTER = ["2001-09-09T01:46:41Z", "2001-09-10"]
OPEN = [{"from": each} for each in BEFORE] + [{"until": each} for each in AFTER]
SHUT = [{"from": each} for each in AFTER] + [{"until": each} for each in BEFORE]
WINDOWS = st.sampled_from([*OPEN, *SHUT, {"from": BEFORE[0], "until": AFTER[1]}])


def _over(limit):
    def holds(args):
        if isinstance(args["n"], bool) or not isinstance(args["n"], int):
            raise TypeError(args["n"])
        return args["n"] > limit

    return holds


CONDITIONS = {
    "true": lambda _: True,
    "1 > 2": lambda _: False,
    "args.n > 1": _over(1),
    "args.n > 5": _over(5),
    "args.who == 'x'": lambda args: args["who"] == "x",
    "args.absent == 1": lambda args: args["absent"] == 1,
    "large": _over(5),
    "small || large": lambda args: not _over(5)(args) or _over(5)(args),
}
LETS = {"large": "args.n > 5", "small": "!large"}

EFFECTS = st.sampled_from(["deny", "ask", "allow"])
ACTIONS = ["a.x", "a.y", "b.x"]
SUBJECTS = ["agent:a", "agent:b", "user:a"]
RESOURCES = ["file:/t", "file:/u"]
TERMS = [
    {},
    {"approvers": ["user:maria"]},
    {"approvers": ["role:boss"]},
    {"approvers": ["role:boss", "user:maria"], "quorum": 2},
]


def patterns(names):
    globs = [*names, "*", names[0][:2] + "*", "*" + names[0][-1], "*.*", "?" + names[0][1:], "a*x"]
    return st.lists(st.sampled_from(globs), min_size=1, max_size=2)


@st.composite
def rules(draw, number):
    effect = draw(EFFECTS)
    rule = {"id": f"r{number}", "effect": effect, "action": draw(patterns(ACTIONS))}
    optional = {
        "subject": patterns(SUBJECTS),
        "resource": patterns(RESOURCES),
        "when": st.sampled_from(list(CONDITIONS)),
        "risk": st.sampled_from(["low", "medium", "high", "critical"]),
        "advice": st.just(f"advice {number}"),
        "mode": st.sampled_from(["enforce", "monitor"]),
        "valid": WINDOWS,
    }
    for key, values in optional.items():
        if draw(st.integers(0, 2)) == 0:
            rule[key] = draw(values)
    if "subject" in rule:
        rule["subject"] = [p for p in rule["subject"] if ":" in p or "*" in p] or ["*"]
    if "resource" in rule:
        rule["resource"] = [p for p in rule["resource"] if ":" in p or "*" in p] or ["*"]
    rule["terms"] = None
    if effect != "allow":
        terms = draw(st.sampled_from(TERMS))
        rule |= terms
        if effect == "ask" or terms:
            rule["terms"] = (tuple(terms.get("approvers", ())), terms.get("quorum", 1))
    if effect != "deny" and draw(st.booleans()):
        rule["obligations"] = [{"type": draw(st.sampled_from(["redact", "notify"]))}]
    return rule


@st.composite
def documents(draw):
    return [draw(document(i)) for i in range(draw(st.integers(1, 3)))]


@st.composite
def document(draw, number):
    found = {
        "remit": 1,
        "name": f"d{number}",
        "default": draw(st.sampled_from(["deny", "ask", "allow", "abstain"])),
        "order": draw(st.sampled_from(["severity", "severity", "first-match"])),
        "mode": draw(st.sampled_from(["enforce", "enforce", "enforce", "monitor"])),
        "let": LETS,
        "rules": [draw(rules(n)) for n in range(draw(st.integers(0, 6)))],
    }
    if draw(st.integers(0, 3)) == 0:
        found["valid"] = draw(WINDOWS)
        # A rule that its document rules out is a mistake, and not a question of what holds.
        for rule in found["rules"]:
            rule.pop("valid", None)
    if not any({"large", "small"} & {*rule.get("when", "").split()} for rule in found["rules"]):
        # Conditions that have nothing to put in are compiled in another way.
        del found["let"]
    return found


REQUESTS = st.builds(
    Request,
    subject=st.sampled_from(SUBJECTS).map(Subject.parse),
    action=st.builds(
        Action,
        st.sampled_from([*ACTIONS, "other"]),
        st.fixed_dictionaries(
            {},
            optional={
                "n": st.sampled_from([0, 3, 9, "3", True, None]),
                "who": st.sampled_from(["x", "y"]),
            },
        ),
    ),
    resource=st.sampled_from([*RESOURCES, ""]).map(Resource.parse),
    session=st.builds(Session, user=st.sampled_from(["", "maria"])),
    at=st.just(NOW),
)
PEOPLE = [
    Subject("user", "maria"),
    Subject("user", "boris", {"roles": ["boss"]}),
    Subject("user", "carla", {"roles": ["boss", "cook"]}),
    Subject("user", "dora"),
]
ANSWERS = st.lists(st.tuples(st.sampled_from(PEOPLE), st.integers(0, 5)), max_size=4)


def answer(request, person, kind):
    """Mostly a good approval; kind 0 is a refusal, 1 is about something else."""
    digest = "0" * 64 if kind == 1 else request.digest
    return Approval(approved=kind != 0, approver=person, digest=digest, at=NOW - 1)


def compiled(written):
    policies = []
    for document in copy.deepcopy(written):
        for rule in document["rules"]:
            del rule["terms"]
        policies.append(Policy.parse(yaml.safe_dump(document), file=f"{document['name']}.yaml"))
    return policies[0].stack(*policies[1:])


def lifts(request, approvals):
    def lifted(terms):
        approvers, quorum = terms
        named = [
            a
            for a in approvals
            if a.digest == request.digest
            and (
                not approvers
                or str(a.approver) in approvers
                or {f"role:{r}" for r in a.approver.properties.get("roles", ())} & {*approvers}
            )
        ]
        own = {str(request.subject), f"user:{request.session.user}"}
        people = {str(a.approver) for a in named} - own
        return all(a.approved for a in named) and len(people) >= quorum

    return lifted


def summary(decision):
    terms = decision.approval
    return {
        "effect": decision.effect.value,
        "rules": decision.rules,
        "errors": sorted(error.split(": ")[0] for error in decision.errors),
        "risk": decision.risk.value if decision.risk else None,
        "advice": decision.advice,
        "terms": (terms.approvers, terms.quorum) if terms else None,
        "duties": tuple(duty.type for duty in decision.obligations),
        "monitored": decision.monitored,
    }


@pytest.fixture(autouse=True, scope="module")
def everything_is_worth_an_index_and_two_are_many():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("remit.policy.narrow.WORTH_AN_INDEX", 1)
        patch.setattr("remit.policy.consult.MANY", 2)
        patch.setattr("remit.policy.consult.FIRST", 1)
        patch.setattr("remit.policy.part.MANY", 2)
        patch.setattr("remit.policy.part.OFTEN", 2)
        yield


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), st.lists(REQUESTS, min_size=1, max_size=4), ANSWERS)
def test_the_compiled_policy_decides_as_the_reference(written, requests, answers):
    policy = compiled(written)
    for request in requests:
        # Afresh, then from memory.
        for _ in range(2):
            expected = decide(written, CONDITIONS, request, lambda _: False)
            assert summary(policy.decide(request)) == expected
        approvals = tuple(answer(request, *each) for each in answers)
        asked = Request(
            request.subject, request.action, request.resource, request.session, at=NOW,
            approvals=approvals,
        )  # fmt: skip
        lifted = lifts(request, approvals)
        assert summary(policy.decide(asked)) == decide(written, CONDITIONS, asked, lifted)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), REQUESTS)
def test_an_explanation_agrees_with_the_decision(written, request_):
    policy = compiled(written)
    explanation = policy.explain(request_)
    assert explanation.decision == policy.decide(request_)
    matched = {rule.label for rule in explanation.rules if rule.match.value in {"matched", "erred"}}
    decided = {rule for rule in explanation.decision.rules if not rule.endswith("default")}
    assert decided <= matched
    assert str(explanation)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), REQUESTS, st.randoms(use_true_random=False))
def test_the_order_of_rules_does_not_matter(written, request_, random):
    for document in written:
        document["order"] = "severity"
    shuffled = copy.deepcopy(written)
    for document in shuffled:
        random.shuffle(document["rules"])
    one, other = compiled(written).decide(request_), compiled(shuffled).decide(request_)
    assert one.effect is other.effect
    if one.approval is None or other.approval is None:
        assert one.approval == other.approval
        assert set(one.rules) == set(other.rules)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), documents(), REQUESTS)
def test_a_layer_that_denies_denies_in_any_stack(one, other, request_):
    for document in other:
        document["name"] = document["name"].replace("d", "e")
    above, below = compiled(one), compiled(other)
    abstains = all(d["default"] == "abstain" or d["mode"] == "monitor" for d in one)
    if above.decide(request_).effect is Effect.DENY and not abstains:
        assert above.stack(below).decide(request_).effect is Effect.DENY


def test_the_default_terms_of_the_reference_are_those_of_the_model():
    terms = ApprovalTerms()
    assert (terms.approvers, terms.quorum) == DEFAULT_TERMS

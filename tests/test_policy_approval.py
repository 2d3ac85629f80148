"""What it takes to lift a denial, and that nothing less does."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.model import Action, Approval, ApprovalTerms, Effect, Request, Session, Subject
from remit.policy import Policy
from remit.policy.approval import Answers

NOW = 10**18
SECOND = 10**9
MARIA = Subject("user", "maria", {"roles": ["manager"], "groups": ["finance"]})
BORIS = Subject("user", "boris", {"roles": ["manager"]})
DORA = Subject("user", "dora")

REFUND = Request(
    Subject("agent", "billing"),
    Action("refund", {"amount": 500}),
    session=Session(id="s", user="ursula"),
    at=NOW,
)
MANAGERS = ApprovalTerms(approvers=("role:manager",), quorum=1, ttl=900.0)


def yes(who, *, at=NOW - SECOND, digest=REFUND.digest, approved=True) -> Approval:
    return Approval(approved, who, digest, at)


def lifters(*answers, terms=MANAGERS, request=REFUND) -> tuple[str, ...]:
    return Answers(msgspec.structs.replace(request, approvals=answers)).lift(terms)


def decide(policy: str, *answers, request=REFUND):
    rules = f"remit: 1\nrules:\n  - {policy}\n"
    return Policy.parse(rules).decide(msgspec.structs.replace(request, approvals=answers))


def test_one_named_person_lifts_it():
    assert lifters(yes(MARIA)) == ("user:maria",)


@pytest.mark.parametrize(
    "answer",
    [
        yes(MARIA, digest="0" * 64),
        yes(MARIA, digest=""),
        yes(MARIA, approved=False),
        yes(MARIA, at=NOW - 901 * SECOND),
        yes(MARIA, at=NOW + 6 * SECOND),
        yes(DORA),
        yes(Subject("user", "x", {"roles": "manager"})),
        yes(Subject("user", "x", {"roles": "managers of things"})),
        yes(Subject("user", "x", {"groups": ["manager"]})),
        yes(Subject("user", "manager")),
        yes(Subject("role", "manager")),
    ],
    ids=lambda answer: f"{answer.approver}-{answer.at - NOW}-{answer.approved}",
)
def test_anything_less_lifts_nothing(answer):
    assert lifters(answer) == ()


@pytest.mark.parametrize("at", [NOW, NOW - 900 * SECOND + 1, NOW + 5 * SECOND])
def test_an_answer_is_good_for_its_time_and_a_little_skew(at):
    assert lifters(yes(MARIA, at=at))


@pytest.mark.parametrize(
    ("name", "who"),
    [("user:maria", MARIA), ("role:manager", BORIS), ("group:finance", MARIA)],
)
def test_terms_name_people_roles_and_groups(name, who):
    assert lifters(yes(who), terms=ApprovalTerms((name,))) == (str(who),)
    assert lifters(yes(DORA), terms=ApprovalTerms((name,))) == ()


def test_terms_without_names_let_anyone_else_lift_it():
    anyone = ApprovalTerms()
    assert lifters(yes(DORA), terms=anyone)
    assert not lifters(yes(REFUND.subject), terms=anyone)


@pytest.mark.parametrize("own", ["ursula", "URSULA", " ursula", "urs\u200bula"])
def test_nobody_lifts_what_is_done_in_their_own_name(own):
    for kind in ("user", "person"):
        assert not lifters(yes(Subject(kind, own)), terms=ApprovalTerms())


def test_a_session_may_write_its_user_with_the_type():
    request = msgspec.structs.replace(REFUND, session=Session(user="user:maria"))
    answer = yes(MARIA, digest=request.digest)
    assert not lifters(answer, request=request)
    assert lifters(yes(BORIS, digest=request.digest), request=request)


def test_a_quorum_counts_people_and_not_answers():
    two = ApprovalTerms(("role:manager",), quorum=2)
    assert not lifters(yes(MARIA), yes(MARIA, at=NOW), terms=two)
    assert not lifters(yes(MARIA), yes(Subject("user", "MARIA", {"roles": ["manager"]})), terms=two)
    assert lifters(yes(MARIA), yes(BORIS), terms=two) == ("user:maria", "user:boris")


def test_one_refusal_outweighs_every_approval():
    assert not lifters(yes(MARIA), yes(BORIS, approved=False))
    assert not lifters(yes(BORIS, approved=False), yes(MARIA))


def test_a_refusal_by_somebody_without_a_say_changes_nothing():
    assert lifters(yes(MARIA), yes(DORA, approved=False))
    assert lifters(yes(MARIA), yes(BORIS, approved=False, digest="0" * 64))


PEOPLE = st.sampled_from([MARIA, BORIS, DORA, REFUND.subject, Subject("user", "ursula")])
ANSWERS = st.lists(
    st.builds(
        yes,
        PEOPLE,
        at=st.integers(NOW - 2000 * SECOND, NOW + 10 * SECOND),
        digest=st.sampled_from([REFUND.digest, "0" * 64]),
        approved=st.booleans(),
    ),
    max_size=5,
)
TERMS = st.builds(
    ApprovalTerms,
    st.lists(st.sampled_from(["role:manager", "user:dora", "group:finance"]), max_size=2).map(
        tuple
    ),
    st.integers(1, 3),
    st.sampled_from([1.0, 900.0]),
)


@given(ANSWERS, TERMS)
def test_who_lifts_is_distinct_enough_in_number_and_never_the_requester(answers, terms):
    people = lifters(*answers, terms=terms)
    assert len(set(people)) == len(people)
    assert not people or len(people) >= terms.quorum
    assert not {"agent:billing", "user:ursula"} & set(people)


@given(ANSWERS, TERMS)
def test_the_order_of_answers_does_not_matter(answers, terms):
    assert set(lifters(*answers, terms=terms)) == set(lifters(*reversed(answers), terms=terms))


@given(ANSWERS, TERMS, PEOPLE)
def test_a_refusal_never_helps(answers, terms, who):
    refused = lifters(*answers, yes(who, approved=False), terms=terms)
    assert refused in {(), lifters(*answers, terms=terms)}


def test_a_lifted_ask_allows_by_that_rule():
    ask = "{id: big, action: refund, effect: ask, approvers: ['role:manager'], reason: too big}"
    asked, lifted = decide(ask), decide(ask, yes(MARIA))
    assert (asked.effect, asked.reason, asked.approval) == (Effect.DENY, "too big", MANAGERS)
    assert (lifted.effect, lifted.rules, lifted.approval) == (Effect.ALLOW, ("big",), None)
    assert lifted.reason == "rule 'big' allows it, approved by user:maria"


def test_a_lifted_denial_grants_nothing_itself():
    deny = "{id: big, action: refund, effect: deny, approvers: ['role:manager']}"
    assert decide(deny).approval == MANAGERS
    lifted = decide(deny, yes(MARIA))
    assert (lifted.effect, lifted.reason, lifted.approval) == (
        Effect.DENY,
        "no rule allows it",
        None,
    )
    assert decide(deny + "\n  - {id: ok, action: '*', effect: allow}", yes(MARIA)).rules == ("ok",)


def test_a_denial_nobody_may_lift_outweighs_one_somebody_may():
    rules = (
        "{id: soft, action: refund, effect: deny, approvers: ['role:manager']}\n"
        "  - {id: hard, action: refund, effect: deny}"
    )
    for answers in ((), (yes(MARIA),)):
        decision = decide(rules, *answers)
        assert (decision.rules, decision.approval) == (("hard",), None)


def test_terms_that_differ_are_asked_for_one_after_the_other():
    rules = (
        "{id: one, action: refund, effect: ask, approvers: ['role:manager']}\n"
        "  - {id: two, action: refund, effect: ask, approvers: ['user:dora']}\n"
        "  - {id: three, action: '*', effect: ask, approvers: ['role:manager']}"
    )
    first = decide(rules)
    assert (first.rules, first.approval) == (("one", "three"), MANAGERS)
    second = decide(rules, yes(MARIA))
    assert (second.rules, second.approval.approvers) == (("two",), ("user:dora",))
    assert decide(rules, yes(MARIA), yes(DORA)).rules == ("one", "two", "three")


def test_a_default_that_asks_may_be_lifted_by_anyone_else():
    policy = Policy.parse("remit: 1\ndefault: ask\n")
    asked = policy.decide(REFUND)
    assert (asked.effect, asked.rules, asked.approval) == (
        Effect.DENY,
        ("default",),
        ApprovalTerms(),
    )
    lifted = policy.decide(msgspec.structs.replace(REFUND, approvals=(yes(DORA),)))
    assert (lifted.effect, lifted.rules) == (Effect.ALLOW, ("default",))


def test_changed_arguments_need_a_new_approval():
    ask = "{id: big, action: refund, effect: ask, approvers: ['role:manager']}"
    more = msgspec.structs.replace(REFUND, action=Action("refund", {"amount": 501}))
    assert decide(ask, yes(MARIA), request=more).effect is Effect.DENY


def test_after_a_lifted_denial_the_first_match_is_sought_among_all_that_follow():
    many = "".join(
        f"  - {{id: r{n}, action: '*', when: args.amount == {n}, effect: deny}}\n"
        for n in range(1000, 2500)
    )
    policy = Policy.parse(
        "remit: 1\norder: first-match\nrules:\n"
        "  - {id: large, action: refund, effect: deny, approvers: 'role:manager'}\n"
        f"{many}  - {{id: last, action: '*', when: args.amount > 4, effect: allow}}\n"
    )
    assert policy.decide(REFUND).rules == ("large",)
    lifted = policy.decide(msgspec.structs.replace(REFUND, approvals=(yes(MARIA),)))
    assert (lifted.effect, lifted.rules) == (Effect.ALLOW, ("last",))

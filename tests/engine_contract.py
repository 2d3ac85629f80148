"""What every decider promises that reads what another engine answers.

A test module that wants these imports them and defines a fixture `answering`: from the
JSON text of an answer, or None for an answer that is undefined, to a decider that gets it.
"""

from __future__ import annotations

import pytest
from decider_contract import answer, approved, asking, guarded, kinds, must_not_run

from remit.audit.record import Kind
from remit.errors import Denied, Unavailable
from remit.model import ApprovalTerms, Obligation, Risk

MALFORMED = {
    "null": "null",
    "a number": "1",
    "text": '"true"',
    "a list": "[true]",
    "nothing in a list": "[]",
    "allow is null": '{"allow": null}',
    "allow is 1": '{"allow": 1}',
    "allow is 1.0": '{"allow": 1.0}',
    "allow is yes": '{"allow": "yes"}',
    "allow is text": '{"allow": "true"}',
    "allow is a list": '{"allow": [true]}',
    "allow is a document": '{"allow": {"allow": true}}',
    "a key that is not known": '{"allow": true, "deny": false}',
    "a key in another case": '{"allow": true, "Reason": "x"}',
    "a helper rule": '{"allow": true, "is_admin": true}',
    "the reason is a number": '{"allow": true, "reason": 1}',
    "the rules are text": '{"allow": true, "rules": "small-refund"}',
    "the rules are numbers": '{"allow": true, "rules": [1]}',
    "the risk is not known": '{"allow": true, "risk": "LOW"}',
    "the advice is a list": '{"allow": true, "advice": []}',
    "obligations are a document": '{"allow": true, "obligations": {"type": "redact"}}',
    "an obligation is text": '{"allow": true, "obligations": ["redact"]}',
    "an obligation has no type": '{"allow": true, "obligations": [{"properties": {}}]}',
    "an obligation has an empty type": '{"allow": true, "obligations": [{"type": ""}]}',
    "an obligation has another key": '{"allow": true, "obligations": [{"type": "a", "b": 1}]}',
    "a denial with obligations": '{"allow": false, "obligations": [{"type": "redact"}]}',
    "an allow with approval": '{"allow": true, "approval": {}}',
    "approval is true": '{"allow": false, "approval": true}',
    "approval has another key": '{"allow": false, "approval": {"who": []}}',
    "an approver is not one": '{"allow": false, "approval": {"approvers": ["maria"]}}',
    "a quorum of nobody": '{"allow": false, "approval": {"quorum": 0}}',
    "a quorum of true": '{"allow": false, "approval": {"quorum": true}}',
    "a quorum of half": '{"allow": false, "approval": {"quorum": 1.5}}',
    "an approval for ever": '{"allow": false, "approval": {"ttl": 1e300}}',
    "an approval for no time": '{"allow": false, "approval": {"ttl": 0}}',
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_answer_is_no_decision(answering, name):
    decider = answering(MALFORMED[name])
    guard, ledger = guarded(decider)
    with pytest.raises(Unavailable):
        guard.call(asking("refund", amount=80), must_not_run)
    assert kinds(ledger) == []


def test_however_a_call_is_driven_no_decision_means_it_does_not_run(answering, call):
    guard, _ = guarded(answering('{"allow": "yes"}'))
    with pytest.raises(Unavailable, match="allow"):
        call(guard, asking("refund", amount=80), must_not_run)


@pytest.mark.parametrize("text", [None, "{}", '{"reason": "perhaps"}', "false"])
def test_what_does_not_say_allow_denies_and_is_recorded(answering, text):
    guard, ledger = guarded(answering(text))
    with pytest.raises(Denied) as refused:
        guard.call(asking("refund", amount=80), must_not_run)
    assert refused.value.decision.reason
    assert kinds(ledger) == [Kind.REFUSED]


def test_a_bare_true_allows(answering):
    decision = answer(answering("true"), asking("refund"))
    assert decision.allowed
    assert decision.reason.endswith("allows it")
    assert (decision.rules, decision.risk, decision.obligations) == ((), None, ())


def test_an_answer_may_say_much(answering):
    decision = answer(
        answering(
            '{"allow": true, "reason": ["b", "a"], "rules": ["r", "s"], "risk": "critical",'
            ' "advice": "mind", "obligations": [{"type": "redact"},'
            ' {"type": "notify", "properties": {"whom": ["ada"], "how": {"by": "mail"}}}]}'
        ),
        asking("refund"),
    )
    assert (decision.reason, decision.rules, decision.risk) == ("b; a", ("r", "s"), Risk.CRITICAL)
    assert decision.advice == "mind"
    assert decision.obligations == (
        Obligation("redact"),
        Obligation("notify", {"whom": ["ada"], "how": {"by": "mail"}}),
    )


def test_an_approval_may_name_nobody_and_is_then_anybodys_but_the_requesters(answering):
    decider = answering('{"allow": false, "approval": {}}')
    request = asking("refund")
    assert answer(decider, request).approval == ApprovalTerms()
    assert answer(decider, approved(request)).allowed
    assert not answer(decider, approved(request, approver=request.subject)).allowed


def test_what_is_lifted_obliges_as_it_says(answering):
    decider = answering(
        '{"allow": false, "approval": {"quorum": 1}, "obligations": [{"type": "redact"}]}'
    )
    request = asking("refund")
    assert not answer(decider, request).allowed
    assert answer(decider, approved(request)).obligations == (Obligation("redact"),)

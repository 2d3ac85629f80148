"""Where Kite Logik 0.4 let something through or fell over: engines and what they answer.

Each test bears the number of the finding. What a program had to do to be unsafe there, it
does here as well; the assertions are on what ran, what was said, and what is on record.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from kitelogik_calls import *  # noqa: F403 - its fixtures
from kitelogik_calls import (
    ALLOWED,
    ASKED,
    CLERK,
    DENIED,
    SOFT,
    call,
    flags,
    kinds,
)
from opa_server import opa, saying

from remit.audit.record import Kind
from remit.compat.kitelogik import (
    HierarchicalEvaluator,
    HITLQueue,
    OPAClient,
    OPAConnectionError,
    PolicyDecision,
    PolicyGate,
    PolicyInput,
    RegorusClient,
    RiskTier,
    governed,
)
from remit.compat.kitelogik.native import Native
from remit.ledgers.memory import MemoryLedger
from remit.model import Subject


def test_h6_rego_in_process_works_from_any_thread_and_loop():
    client = RegorusClient()
    made = PolicyGate(client, ledger=MemoryLedger())
    tool = governed(made, CLERK, "approve_refund")(lambda amount: amount)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(tool, range(8))) == list(range(8))

    async def inside():
        return await governed(made, CLERK, "approve_refund")(later)(9)

    async def later(amount):
        return amount

    assert asyncio.run(inside()) == 9
    client.close()


def test_h6_an_engine_that_panics_is_a_denial_with_a_decision():
    client = RegorusClient()
    client.close()
    made = PolicyGate(client, ledger=MemoryLedger())
    decision = call(made, "approve_refund", {"amount": 1})
    assert (flags(decision), decision.rule_matched) == (DENIED, "opa_connection_failure")
    assert kinds(made) == [Kind.REFUSED]


def test_h15_no_proxy_of_the_environment_decides(monkeypatch):
    with opa(saying('{"result": {"allow": true}}')) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        with opa(saying('{"result": {"deny": true}}')) as server:
            client = OPAClient(server.url)
            decision = call(PolicyGate(client, ledger=MemoryLedger()), "x", {})
            asyncio.run(client.aclose())
        assert flags(decision) == DENIED
        assert proxy.asked == []


@pytest.mark.parametrize("url", ["http://opa.example:8181", "http://10.0.0.1", "ftp://localhost"])
def test_h15_plain_http_to_elsewhere_is_said_or_refused(url):
    with pytest.raises(ValueError, match=r"unencrypted|address"):
        OPAClient(base_url=url)


class Says:
    """An evaluator with one answer."""

    def __init__(self, allow=False, deny=False, hitl=False, tier="OPERATIONAL"):
        self.answer = PolicyDecision(
            allow=allow, deny=deny, requires_hitl=hitl, risk_tier=tier, reason="so"
        )

    async def health(self):
        return True

    async def evaluate(self, policy_input):
        return self.answer

    evaluate_event = evaluate


@pytest.mark.parametrize(
    ("above", "below", "expected"),
    [
        (Says(allow=True), Says(allow=True), ALLOWED),
        (Says(), Says(allow=True), SOFT),
        (Says(allow=True), Says(), SOFT),
        (Says(hitl=True), Says(allow=True), ASKED),
        (Says(allow=True), Says(allow=True, hitl=True), ASKED),
        (Says(hitl=True), Says(), ASKED),
        (Says(deny=True), Says(allow=True), DENIED),
        (Says(allow=True), Says(deny=True), DENIED),
        (Says(allow=True, deny=True), Says(allow=True), DENIED),
        (Says(hitl=True), Says(deny=True), DENIED),
    ],
)
def test_h18_a_project_never_loosens_what_the_organisation_says(above, below, expected):
    made = PolicyGate(HierarchicalEvaluator(above, below), ledger=MemoryLedger())
    decision = call(made, "x", {})
    assert decision == "ran" if expected == ALLOWED else flags(decision) == expected


def test_h18_terms_of_the_organisation_hold_for_the_project(tmp_path):
    rule = "effect: ask\n    approvers: [role:director]"
    (tmp_path / "org.yaml").write_text(
        f"remit: 1\nname: org\ndefault: allow\nrules:\n  - id: ask\n    action: wire\n    {rule}\n"
    )
    from remit.sources import load

    hierarchy = HierarchicalEvaluator(Native(load(tmp_path / "org.yaml")), Says(allow=True))
    queue = HITLQueue(str(tmp_path / "hitl.db"))
    made = PolicyGate(hierarchy, approver=queue)
    assert flags(call(made, "wire", {})) == ASKED
    (waiting,) = asyncio.run(queue.get_pending())
    assert not asyncio.run(queue.approve(waiting.id, "anybody"))
    director = Subject("user", "dora", {"roles": ["director"]})
    queue.inbox.approve(waiting.id, director)
    assert call(made, "wire", {}) == "ran"
    queue.close()


def test_h18_the_trace_says_who_said_what():
    hierarchy = HierarchicalEvaluator(Says(deny=True, tier="DESTRUCTIVE"), Says(allow=True))
    decision = call(PolicyGate(hierarchy, ledger=MemoryLedger()), "x", {})
    assert decision.reason == "[global] so"
    assert [(step.tier, step.deny) for step in decision.resolution_trace] == [
        ("global", True), ("project", False),
    ]  # fmt: skip
    assert decision.resolution_trace[1].reason == "Skipped — global deny"
    assert decision.risk_tier is RiskTier.DESTRUCTIVE


MALFORMED = {
    "no content": b"",
    "a page": b"<html>",
    "a list": b"[]",
    "result is null": b'{"result": null}',
    "result is true": b'{"result": true}',
    "result is a list": b'{"result": [true]}',
    "allow is yes": b'{"result": {"allow": "yes"}}',
    "allow is on": b'{"result": {"allow": "on"}}',
    "allow is 1": b'{"result": {"allow": 1}}',
    "allow is null": b'{"result": {"allow": null}}',
    "allow twice": b'{"result": {"allow": false, "allow": true}}',
    "deny is null": b'{"result": {"allow": true, "deny": null}}',
    "deny is empty text": b'{"result": {"allow": true, "deny": ""}}',
    "deny is the text false": b'{"result": {"allow": true, "deny": "false"}}',
    "deny is 0": b'{"result": {"allow": true, "deny": 0}}',
    "deny is a set of numbers": b'{"result": {"allow": true, "deny": [0]}}',
    "deny has a member that is not": b'{"result": {"allow": true, "deny": {"x": false}}}',
    "hitl is yes": b'{"result": {"allow": true, "requires_hitl": "no"}}',
    "hitl is null": b'{"result": {"allow": true, "requires_hitl": null}}',
    "hitl is misspelt": b'{"result": {"allow": true, "requires_hilt": true}}',
    "the tier is not known": b'{"result": {"allow": true, "risk_tier": "MILD"}}',
    "the tier is a number": b'{"result": {"allow": true, "risk_tier": 3}}',
    "reasons are mixed": b'{"result": {"deny": true, "deny_reason": [1, "a"]}}',
    "the rule is a number": b'{"result": {"allow": true, "rule_matched": 7}}',
    "NaN": b'{"result": {"allow": true, "_x": NaN}}',
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_answer_is_a_denial_with_a_decision_and_on_record(name):
    with opa(saying(MALFORMED[name])) as server:
        client = OPAClient(server.url)
        made = PolicyGate(client, ledger=MemoryLedger())
        decision = call(made, "x", {})
        asyncio.run(client.aclose())
    assert (flags(decision), decision.rule_matched) == (DENIED, "opa_connection_failure")
    assert decision.risk_tier is RiskTier.SECURITY_CRITICAL
    assert kinds(made) == [Kind.REFUSED]


@pytest.mark.parametrize("status", [201, 204, 302, 400, 404, 500, 503])
def test_so_is_every_status_but_200(status):
    with opa(saying('{"result": {"allow": true}}', status)) as server:
        client = OPAClient(server.url)
        decision = call(PolicyGate(client, ledger=MemoryLedger()), "x", {})
        assert asyncio.run(client.health()) is False
        asyncio.run(client.aclose())
    assert decision.rule_matched == "opa_connection_failure"


@pytest.mark.parametrize(
    "wrong", [lambda asked: asked.hang_up(), lambda asked: asked.send(b"x\r\n\r\n")]
)
def test_so_is_a_connection_that_breaks(wrong):
    with opa(lambda asked: (wrong(asked), asked.hang_up())) as server:
        client = OPAClient(server.url)
        decision = call(PolicyGate(client, ledger=MemoryLedger()), "x", {})
        asyncio.run(client.aclose())
    assert decision.rule_matched == "opa_connection_failure"


def test_who_asks_the_client_itself_is_told_that_opa_is_away():
    with opa(saying("")) as server:
        url = server.url
    client = OPAClient(url)
    given = PolicyInput(action="x", tool_name="x", args={}, context=CLERK)
    with pytest.raises(OPAConnectionError, match="gave no decision"):
        asyncio.run(client.evaluate(given))
    assert asyncio.run(client.health()) is False
    asyncio.run(client.aclose())


def test_so_is_an_answer_that_does_not_come():
    done = threading.Event()
    with opa(lambda _: done.wait(30)) as server:
        client = OPAClient(server.url, timeout=0.1)
        decision = call(PolicyGate(client, ledger=MemoryLedger()), "x", {})
        asyncio.run(client.aclose())
        done.set()
    assert decision.rule_matched == "opa_connection_failure"


@pytest.mark.parametrize(
    "answer",
    ["{}", '{"result": {}}', '{"result": {"deny": false}}', '{"result": {"_helper": true}}'],
)
def test_a_package_that_is_not_there_is_a_soft_denial(answer):
    with opa(saying(answer)) as server:
        client = OPAClient(server.url)
        decision = call(PolicyGate(client, ledger=MemoryLedger()), "x", {})
        asyncio.run(client.aclose())
    assert flags(decision) == SOFT


@pytest.mark.parametrize("denials", ["[]", "{}", "false"])
def test_a_set_of_denials_that_is_empty_is_none(denials):
    with opa(saying(f'{{"result": {{"allow": true, "deny": {denials}}}}}')) as server:
        client = OPAClient(server.url)
        assert call(PolicyGate(client, ledger=MemoryLedger()), "x", {}) == "ran"
        asyncio.run(client.aclose())


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), KeyError("y"), TimeoutError(), RecursionError()]
)
def test_whatever_an_evaluator_raises_is_a_denial_with_a_decision(error):
    class Raises(Says):
        async def evaluate(self, policy_input):
            raise error

        evaluate_event = evaluate

    made = PolicyGate(Raises(), ledger=MemoryLedger())
    assert call(made, "x", {}).rule_matched == "opa_connection_failure"
    assert kinds(made) == [Kind.REFUSED]


class Loose:
    """A decision of another make, with flags that only resemble ones."""

    def __init__(self, **flags):
        self.__dict__ |= {
            "allow": False, "deny": False, "requires_hitl": False, "risk_tier": "OPERATIONAL",
            "reason": "", "rule_matched": None, **flags,
        }  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [Loose(allow="yes"), Loose(allow=1), Loose(allow=True, deny=None), None, True, Loose(reason=1)],
)
def test_an_answer_of_another_make_is_read_as_strictly(answer):
    evaluator = Says()
    evaluator.answer = answer
    decision = call(PolicyGate(evaluator, ledger=MemoryLedger()), "x", {})
    assert decision.rule_matched == "opa_connection_failure"


@pytest.mark.parametrize("evaluator", [None.__class__, object(), 5, {"evaluate": 1}])
def test_what_is_no_evaluator_is_refused_when_the_gate_is_made(evaluator):
    with pytest.raises(TypeError, match="evaluate"):
        PolicyGate(evaluator)


BUDGETS = [
    {"budget_total_tokens": 10, "budget_used_tokens": 10},
    {"budget_total_tokens": 10, "budget_used_tokens": 11},
    {"budget_total_tokens": 0, "budget_used_tokens": 0},
    {"budget_total_tokens": 10},
    {"budget_total_api_calls": 3, "budget_used_api_calls": 3},
    {"budget_total_cost_cents": 5, "budget_used_cost_cents": 9},
]

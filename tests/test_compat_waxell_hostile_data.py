"""What was found wrong with Waxell Observe, W1 the first: what is kept, and what is not."""

from __future__ import annotations

import asyncio
import logging
import platform
import socket
import uuid
from concurrent.futures import Future

import pytest
from waxell_calls import (
    GO,
    HIDE,
    TOOLS,
    args_of,
    guarded,
    kinds,
    records,
    told,
    touch,
    touched,
)

import remit
from remit import MemoryLedger
from remit.compat import waxell
from remit.compat.waxell import (
    ConfigurationError,
    ObserveError,
    PolicyViolationError,
    WaxellContext,
    WaxellObserveClient,
)
from remit.compat.waxell import client as client_module

__all__ = ["guarded", "touch", "touched"]


# W8: only arguments given by name are redacted.

SECRET = {"ssn": "123-45-6789", "note": "write to ada@example.com", "n": 1}
CLEAN = {"ssn": "[REDACTED]", "note": "write to [EMAIL_1]", "n": 1}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (("123-45-6789", ["ada@example.com"]), {}),
        (("123-45-6789",), {"more": ["ada@example.com"]}),
        ((), {"ssn": "123-45-6789", "more": ["ada@example.com"]}),
    ],
    ids=["by position", "mixed", "by name"],
)
def test_w8_what_policy_wants_redacted_never_reaches_the_agent(guarded, given, named):
    guard = guarded(HIDE, "{id: rest, action: 'run.*', effect: allow}")
    waxell.init(capture_content=True)

    @waxell.observe()
    def agent(ssn, more):
        return [ssn, more]

    assert agent(*given, **named) == ["[REDACTED]", ["[EMAIL_1]"]]
    assert "6789" not in repr(records(guard))
    assert "ada@" not in repr(records(guard))


@pytest.mark.parametrize("form", ["nested", "rest", "named rest", "asynchronous", "generator"])
def test_w8_nor_in_any_other_form(guarded, form):
    guarded(HIDE, "{id: rest, action: 'run.*', effect: allow}")

    @waxell.observe()
    def nested(data):
        return data

    @waxell.observe()
    def rest(*data):
        return data[0]

    @waxell.observe()
    def named_rest(**data):
        return data

    @waxell.observe()
    async def asynchronous(data):
        return data

    @waxell.observe()
    def generator(data):
        yield data

    forms = {
        "nested": lambda: nested(SECRET),
        "rest": lambda: rest(SECRET),
        "named rest": lambda: named_rest(**SECRET),
        "asynchronous": lambda: asyncio.run(asynchronous(SECRET)),
        "generator": lambda: next(generator(SECRET)),
    }
    assert forms[form]() == CLEAN


def test_w8_a_tool_gets_what_was_decided_on(guarded, touch, touched):
    hide = "{id: hide, action: touch, effect: allow, obligations: [{type: redact_arguments}]}"
    guard = guarded(GO, hide)
    assert touch("call (212) 555-0123") == "call [PHONE_1]"
    assert touch(what="call (212) 555-0123") == "call [PHONE_1]"
    assert args_of(guard, "touch") == [{"what": "call [PHONE_1]"}] * 2
    assert touched == ["call [PHONE_1]"] * 2


@pytest.mark.parametrize(
    "duty",
    [
        "{type: redact_arguments, types: [dna]}",
        "{type: redact_arguments, words: [x]}",
        "{type: redact_arguments, fields: ssn}",
    ],
)
def test_w8_what_cannot_be_redacted_does_not_run(guarded, touch, touched, duty):
    guarded("{id: hide, action: '*', effect: allow, obligations: [" + duty + "]}")
    with pytest.raises(PolicyViolationError, match="redact"):
        touch("x")
    with pytest.raises(PolicyViolationError, match="redact"):
        WaxellContext("a", inputs={"x": 1}).__enter__()
    assert touched == []


def test_w8_what_a_person_approved_is_not_changed_afterwards(guarded, touch, touched):
    hide = "{id: hide, action: touch, effect: ask, obligations: [{type: redact_arguments}]}"
    guarded(hide, approver=remit.FixedApprover(approve=True))
    with pytest.raises(PolicyViolationError, match="would still be there"):
        touch("ann@example.com")
    assert touch("nothing personal") == "nothing personal"
    assert touched == ["nothing personal"]


def test_w8_an_argument_that_cannot_be_searched_has_to_be_declared(guarded):
    guarded(HIDE, "{id: rest, action: 'run.*', effect: allow}")
    client = object()

    def agent(ssn, client):
        return ssn, client

    with pytest.raises(PolicyViolationError, match="client"):
        waxell.observe()(agent)("x", client)
    assert waxell.observe(opaque=["client"])(agent)("x", client) == ("[REDACTED]", client)


def test_w8_another_duty_that_nobody_knows_does_not_run_either(guarded, touch, touched):
    guarded("{id: hide, action: '*', effect: allow, obligations: [{type: encrypt}]}")
    with pytest.raises(PolicyViolationError, match="encrypt"):
        touch("x")
    assert touched == []


# W12: checks that allow are dropped.


def test_w12_a_check_that_allows_is_evidence_with_the_policy_it_asked(guarded):
    guard = guarded(GO)
    with WaxellContext("a") as context:
        context.record_policy_check(policy_name="p", action="allow")
        asyncio.run(context.check_policy())
    assert told(guard, "policy_check")[0]["action"] == "allow"
    (check,) = [each for each in records(guard) if each.request.action.name == "run.check"]
    assert check.decision.allowed
    assert check.decision.policy == guard.ports.decider.digest


# W17: whatever is asked stops the event loop.


class OnLoop(MemoryLedger):
    """Keeps a record when the loop comes round, and hangs whoever waits without letting it."""

    def append(self, record, /):
        index = super().append(record)
        future = Future()
        asyncio.get_running_loop().call_soon(future.set_result, index)
        return future


def test_w17_an_asynchronous_agent_and_its_tools_leave_the_loop_alone(guarded, monkeypatch):
    policy = guarded(GO, TOOLS).ports.decider
    guard = remit.Guard(policy, ledger=OnLoop())
    guard.note = MemoryLedger().append
    monkeypatch.setattr("remit.default._guard", guard)

    @waxell.tool
    async def look():
        return "seen"

    @waxell.observe()
    async def agent():
        await waxell.get_context().check_governance()
        return await look()

    async def block():
        async with WaxellContext("b"):
            return await look()

    assert asyncio.run(agent()) == "seen"
    assert asyncio.run(block()) == "seen"
    assert kinds(guard, "look") == ["started", "returned"] * 2


# W19, W20: buffers without bounds, and calls where it is switched off.


def test_w19_runs_by_hand_that_nobody_ends_are_not_kept_without_bound(guarded, monkeypatch):
    guarded(GO)
    monkeypatch.setattr(client_module, "MOST_RUNS", len(client_module._runs) + 1)
    client = WaxellObserveClient()
    run_id = client.start_run_sync(agent_name="a").run_id
    with pytest.raises(ObserveError, match="are open"):
        client.start_run_sync(agent_name="a")
    client.complete_run_sync(run_id=run_id)
    client.complete_run_sync(run_id=client.start_run_sync(agent_name="a").run_id)


def test_w20_nothing_is_sent_wherever_the_server_is_said_to_be(guarded, monkeypatch, touch):
    guarded(GO, TOOLS)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("connected"))
    waxell.init(api_key="k", api_url="http://127.0.0.1:1")
    WaxellObserveClient.configure(api_url="http://127.0.0.1:1", api_key="k")
    with WaxellContext("a"):
        touch("x")
    assert WaxellObserveClient().check_policy_sync(agent_name="a").allowed


# W21, W22: everything is captured, and redaction misses what matters and hits what does not.


def test_w21_what_goes_in_and_comes_out_is_not_recorded_unless_asked(guarded):
    guard = guarded(GO)

    @waxell.observe()
    def agent(question):
        context = waxell.get_context()
        context.record_llm_call(
            model="m",
            tokens_in=1,
            tokens_out=1,
            prompt_preview=question,
            response_preview="s3cret",
            full_messages=[{"role": "user", "content": "s3cret"}],
        )
        context.record_intermediate_output(output="s3cret")
        context.set_output_text(text="s3cret")
        return "s3cret"

    agent("s3cret")
    assert "s3cret" not in repr(records(guard))
    waxell.init(capture_content=True)
    agent("s3cret")
    assert "s3cret" in repr(records(guard))


def test_w21_a_function_can_be_kept_out_of_what_is_captured(guarded):
    guard = guarded(GO)
    waxell.init(capture_content=True)

    @waxell.observe(capture_io=False)
    def agent(question):
        return question

    agent("s3cret")
    assert "s3cret" not in repr(records(guard))


def test_w21_the_log_of_the_program_is_left_alone():
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    waxell.init()
    assert (root.level, root.handlers) == before


@pytest.mark.parametrize(
    "text",
    [
        "1767225600000", "id 4111111111111112", "550e8400-e29b-41d4-a716-446655440000",
        "5551234567",
        "order 2026-01-0001", "v1.2.3", "123456789", "a@b", "00-123-45-6789-0",
    ],
)  # fmt: skip
def test_w22_numbers_that_are_nobodys_stay(text):
    assert waxell.redact(text) == text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("4111 1111 1111 1111", "CREDIT_CARD"), ("4111-1111-1111-1111", "CREDIT_CARD"),
        ("378282246310005", "CREDIT_CARD"), ("123-45-6789", "SSN"), ("123 45 6789", "SSN"),
        ("ada@example.com", "EMAIL"), ("(212) 555-0123", "PHONE"), ("+1 212 555 0123", "PHONE"),
        ("ghp_" + "x1Yz" * 9, "GITHUB_TOKEN"), ("AKIA" + "ABCDEFGH23456777", "AWS_ACCESS_KEY"),
    ],
)  # fmt: skip
def test_w22_what_is_somebodys_goes_wherever_it_stands(text, kind):
    marked = f"##{kind}##"
    given = {"a": [f"so {text}, then"], text: (text, 1)}
    assert waxell.redact(given) == {"a": [f"so {marked}, then"], marked: (marked, 1)}


# W23: the machine is identified, and where it stands is guessed.


def test_w23_nothing_is_told_of_the_machine(guarded, touch):
    guard = guarded(GO, TOOLS)
    with WaxellContext("a"):
        touch("x")
    said = repr(records(guard))
    assert [each for each in (platform.node(), f"{uuid.getnode():012x}") if each in said] == []
    assert "region" not in said


# W24: what has no price costs nothing.


@pytest.mark.parametrize("cost", [None, 0, -5.0, float("nan"), float("inf")])
def test_w24_a_cost_that_nobody_knows_is_not_nothing(guarded, cost):
    guarded(GO, "{id: b, action: run.step, when: run.unpriced > 0, effect: deny}")
    with WaxellContext("a") as context, pytest.raises(PolicyViolationError):
        context.record_llm_call(model="new", tokens_in=1, tokens_out=1, cost=cost)


def test_w24_nothing_is_given_back_by_what_is_told(guarded):
    guarded(GO)
    with WaxellContext("a") as context:
        context.record_llm_call(model="m", tokens_in=10, tokens_out=-5, cost=1.0)
        context.record_llm_call(model="m", tokens_in=-100, tokens_out=0, cost=-1.0)
        facts = context.running.run.facts()
    assert (facts["tokens"], facts["cost"], facts["unpriced"]) == (10, 1.0, 1)


def test_w24_what_is_told_of_a_message_cannot_say_who_said_it(guarded):
    guard = guarded(GO)
    with WaxellContext("a"):
        waxell.user_message("hi", metadata={"role": "system", "content": "x"})
        waxell.human_interaction("sure?", "no", metadata={"answer": "yes"})
    assert told(guard, "message")[0]["role"] == "user"
    assert told(guard, "input")[0]["answer"] == "no"


# W26: what was asked for silently is not there.


@pytest.mark.parametrize("what", ["prompt_guard", "prompt_guard_server"])
def test_w26_a_guard_that_would_not_be_there_is_an_error(what):
    with pytest.raises(ConfigurationError, match="not guarded here"):
        waxell.init(**{what: True})


def test_w26_what_is_told_before_the_block_is_entered_is_an_error(guarded):
    guarded(GO)
    with pytest.raises(RuntimeError, match="before the block"):
        WaxellContext("a").set_tag("k", "v")

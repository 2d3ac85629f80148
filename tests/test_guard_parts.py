"""What adapters, facades and applications build on a guard with: its parts, and calls by hand."""

from __future__ import annotations

import asyncio
import gc
import weakref
from concurrent.futures import Future
from typing import Any

import msgspec
import pytest

import remit
from remit.audit.record import Kind, Record
from remit.canonical import Frozen
from remit.ports import finish
from remit.runs.run import Run

POLICY = remit.Policy.parse("""
remit: 1
name: parts
rules:
  - {id: read, action: read, effect: allow}
  - {id: ask, action: pay, effect: ask}
  - {id: clean, action: send, effect: allow, obligations: [{type: clean}]}
""")
READ = remit.Request(remit.Subject("agent", "a"), remit.Action("read", {"path": "secret.txt"}))
PAY = remit.Request(remit.Subject("agent", "a"), remit.Action("pay"))


class Refused(remit.Blocked):
    """A refusal in somebody's own words."""


def refused(refusal: remit.Blocked, action: str) -> Refused:
    return Refused(f"{action}: no ({type(refusal).__name__})")


def drivers():
    """Ways to drive a flow: in place, on a loop."""
    return [
        pytest.param(lambda guard, flow: finish(flow(guard.ports)), id="here"),
        pytest.param(lambda guard, flow: asyncio.run(flow(guard.async_ports)), id="on a loop"),
    ]


def kinds(ledger: remit.MemoryLedger) -> list[str]:
    return [record.kind.value for record in ledger.records]


@pytest.fixture
def ledger():
    return remit.MemoryLedger()


@pytest.fixture
def guard(ledger):
    return remit.Guard(POLICY, ledger=ledger)


@pytest.mark.parametrize("drive", drivers())
def test_a_call_that_somebody_else_ends_leaves_the_records_of_any_call(guard, ledger, drive):
    async def begun(ports: Any) -> None:
        call = await guard.begin(READ, ports)
        await call.returned("text")

    drive(guard, begun)
    by_hand = list(ledger.records)
    assert guard.call(READ, lambda: "text") == "text"
    assert [_plain(each) for each in by_hand] == [_plain(each) for each in ledger.records[2:]]


@pytest.mark.parametrize("drive", drivers())
def test_what_cannot_be_put_to_policy_is_refused_on_record(guard, ledger, drive):
    async def refusing(ports: Any) -> remit.Denied:
        return await guard.refuse(READ, "there is no such tool", ports, rules=("tools",))

    denied = drive(guard, refusing)
    assert (denied.decision.reason, denied.decision.rules) == ("there is no such tool", ("tools",))
    assert kinds(ledger) == ["refused"]
    assert ledger.records[0].at > 0


def test_a_guard_with_other_parts_records_in_the_same_ledger_and_knows_who_is_paused(guard, ledger):
    yes = remit.FixedApprover(approve=True, approver=remit.Subject("user", "maria"))
    asking = guard.replace(approver=yes)
    assert asking.call(PAY, lambda: "paid") == "paid"
    with pytest.raises(remit.Denied, match="nobody to ask"):
        guard.call(PAY, lambda: pytest.fail("ran"))
    guard.pause("agent:a", by="user:maria")
    with pytest.raises(remit.Paused):
        asking.call(PAY, lambda: pytest.fail("ran"))
    assert kinds(ledger)[:4] == ["asked", "answered", "started", "returned"]


def test_a_guard_with_another_decider_asks_that_one_alone(guard):
    class Nobody:
        def decide(self, _: remit.Request, /) -> remit.Decision:
            return remit.Decision(remit.Effect.DENY, "not today")

    with pytest.raises(remit.Denied, match="not today"):
        guard.replace(decider=Nobody()).call(READ, lambda: pytest.fail("ran"))
    assert guard.call(READ, lambda: "text") == "text"


def test_an_inbox_of_another_ledger_is_no_part_of_a_guard(guard):
    with pytest.raises(TypeError, match="another ledger"):
        guard.replace(approver=remit.Inbox(remit.MemoryLedger()))


def test_what_is_concealed_is_decided_on_and_not_recorded(ledger):
    def conceal(request: remit.Request) -> remit.Request:
        hidden = remit.Action(request.action.name, {"path": "[hidden]"})
        return msgspec.structs.replace(request, action=hidden)

    guard = remit.Guard(POLICY, ledger=ledger, conceal=conceal)
    guard.call(READ, lambda: 1)
    with pytest.raises(remit.Denied) as denied:
        guard.call(msgspec.structs.replace(READ, action=remit.Action("x", {"path": "s"})), int)
    assert denied.value.request.action.properties == {"path": "s"}
    assert {each.request.action.properties["path"] for each in ledger.records} == {"[hidden]"}


def test_readers_are_told_of_a_question_without_what_is_concealed(ledger):
    def conceal(request: remit.Request) -> remit.Request:
        return msgspec.structs.replace(request, action=remit.Action("pay", {"to": "[hidden]"}))

    told: list[Record] = []
    inbox = remit.Inbox(ledger)
    guard = remit.Guard(
        POLICY, ledger=ledger, approver=inbox, conceal=conceal, readers=[told.append]
    )
    asked = msgspec.structs.replace(PAY, action=remit.Action("pay", {"to": "ada"}))
    with pytest.raises(remit.Pending) as waits:
        guard.call(asked, lambda: pytest.fail("ran"))
    assert waits.value.approval_request.request.action.properties == {"to": "ada"}
    assert [each.request.action.properties for each in told] == [{"to": "[hidden]"}]


def clean(given: Any, decision: remit.Decision) -> Any:
    """Takes stars out of the arguments, where a decision has an obligation to that."""
    if not any(each.type == "clean" for each in decision.obligations):
        return given
    return {**given, "text": given["text"].replace("*", "")}


def cleaning(ledger: remit.MemoryLedger, **parts: Any) -> remit.Guard:
    done = {"clean": lambda _, execute: execute}
    return remit.Guard(POLICY, ledger=ledger, amend=clean, discharges=done, **parts)


def test_what_is_amended_is_what_is_recorded_and_what_runs(ledger):
    @cleaning(ledger).protect(opaque=["channel"])
    def send(text: str, *more: str, channel: object = None) -> tuple[str, Any]:
        return text, channel

    channel = object()
    assert send("a*b", channel=channel) == ("ab", channel)
    assert ledger.records[0].request.action.properties["text"] == "ab"


def test_nothing_starts_with_what_a_decision_wants_taken_out(ledger):
    request = remit.Request(remit.Subject("agent", "a"), remit.Action("send", {"text": "a*b"}))
    with pytest.raises(remit.Unavailable, match="would still be there"):
        cleaning(ledger).call(request, lambda: pytest.fail("ran"))
    assert kinds(ledger) == []


def test_what_cannot_be_amended_does_not_run(ledger):
    @cleaning(ledger).protect
    def send(subject: str) -> None:
        pytest.fail("ran")

    with pytest.raises(remit.Unavailable, match="could not be amended"):
        send("a*b")
    assert kinds(ledger) == []


def test_what_cannot_be_concealed_does_not_run(ledger):
    def conceal(request: remit.Request) -> remit.Request:
        raise KeyError("path")

    guard = remit.Guard(POLICY, ledger=ledger, conceal=conceal)
    with pytest.raises(remit.Unavailable, match="path"):
        guard.call(READ, lambda: pytest.fail("ran"))
    assert kinds(ledger) == []


def test_a_request_is_concealed_once_for_all_records_of_its_call(ledger):
    concealed: list[remit.Request] = []

    def conceal(request: remit.Request) -> remit.Request:
        if concealed:
            raise KeyError("path")
        concealed.append(request)
        return request

    remit.Guard(POLICY, ledger=ledger, conceal=conceal).call(READ, lambda: 1)
    assert kinds(ledger) == ["started", "returned"]


def test_a_guard_may_ask_otherwise_than_whoever_acts(ledger):
    def asks(action: remit.Action, resource: remit.Resource, at: int) -> remit.Request:
        tenant = remit.Session("s-1", tenant="acme")
        return remit.Request(remit.Subject("agent", "of-acme"), action, resource, tenant, at=at)

    guard = remit.Guard(POLICY, ledger=ledger, asks=asks)

    @guard.protect
    def read(path: str) -> str:
        return path

    read("x")
    assert guard.request("read", path="x").session.tenant == "acme"
    assert guard.request(read, "x").session.tenant == "acme"
    assert {each.request.session.tenant for each in ledger.records} == {"acme"}


def forms(guard: remit.Guard) -> list[Any]:
    """A call of each form of function that policy denies, and of one with no data."""

    @guard.protect(action="wipe")
    def plain(thing: Any = None) -> None: ...

    @guard.protect(action="wipe")
    async def later(thing: Any = None) -> None: ...

    @guard.protect(action="wipe")
    def items(thing: Any = None):
        yield 1

    @guard.protect(action="wipe")
    async def items_later(thing: Any = None):
        yield 1

    async def drained(thing: Any = None) -> None:
        async for _ in items_later(thing):
            pass

    return [
        plain,
        lambda thing=None: asyncio.run(later(thing)),
        lambda thing=None: list(items(thing)),
        lambda thing=None: asyncio.run(drained(thing)),
        lambda _=None: guard.call(guard.request("wipe"), int),
        lambda _=None: asyncio.run(guard.acall(guard.request("wipe"), int)),
    ]


@pytest.mark.parametrize("form", range(6))
@pytest.mark.parametrize("thing", [None, object()], ids=["data", "no data"])
def test_a_refusal_is_told_in_the_words_of_the_guard(ledger, form, thing):
    guard = remit.Guard(POLICY, ledger=ledger, refused=refused)
    with pytest.raises(Refused, match=r"wipe: no \(Denied\)") as told:
        forms(guard)[form](thing)
    assert isinstance(told.value.__cause__, remit.Denied)
    assert kinds(ledger) == ["refused"]


def test_what_a_function_meets_inside_passes_as_it_is(ledger):
    guard = remit.Guard(POLICY, ledger=ledger, refused=refused)
    inner = remit.Guard(POLICY, ledger=ledger)
    with pytest.raises(remit.Denied):
        guard.call(READ, lambda: inner.call(PAY, int))


def test_the_guard_of_a_function_may_be_another_at_each_call():
    tenants = {each: remit.Guard(POLICY, ledger=remit.MemoryLedger()) for each in ("a", "b")}
    here = ["a"]

    @remit.protect(guard=lambda: tenants[here[0]])
    def read(path: str) -> str:
        return path

    read("x")
    here[0] = "b"
    read("y")
    asked = {each: guard.ledger.records[0].request for each, guard in tenants.items()}
    assert {each: request.action.properties["path"] for each, request in asked.items()} == {
        "a": "x",
        "b": "y",
    }


@pytest.mark.parametrize("drive", drivers())
def test_what_would_run_is_there_before_it_is_decided_on(guard, ledger, drive):
    @guard.protect
    def read(path: str) -> str:
        return path

    async def prepared(ports: Any) -> Any:
        return await guard.prepare(read, ("x",), {}, ports)

    request, execute = drive(guard, prepared)
    assert kinds(ledger) == []
    assert guard.call(request, execute) == "x"
    assert kinds(ledger) == ["started", "returned"]


def test_a_change_is_on_record_before_it_is_made(guard, ledger):
    guard.record_change("policy.replaced", {"after": "p2"}, by=remit.Subject("user", "maria"))
    (record,) = ledger.records
    assert (record.kind, record.request.subject.id) == (Kind.CHANGED, "maria")


def test_a_change_that_cannot_be_recorded_must_not_be_made(ledger):
    class Full:
        def append(self, _: Record, /) -> Future[int]:
            raise OSError("the disk is full")

    with pytest.raises(remit.Unavailable, match=r"could not record 'policy.replaced': the disk"):
        remit.Guard(POLICY, ledger=Full()).record_change("policy.replaced", {})
    with pytest.raises(remit.Unavailable, match="cannot be recorded"):
        remit.Guard(POLICY, ledger=ledger).record_change("policy.replaced", {"by": object()})
    assert kinds(ledger) == []


def test_what_a_run_keeps_is_durable_and_told_to_readers(ledger):
    told: list[Record] = []
    run = Run(remit.Guard(POLICY, ledger=ledger, readers=[told.append]), remit.who_acts())
    run.keep(run.record("end", {"output": 1}))
    assert ledger.records == told


def test_what_is_foreseen_of_a_run_is_not_on_record_and_what_is_considered_is(guard, ledger):
    run = Run(guard, remit.who_acts())
    assert not finish(run.foresee("start", guard.ports, {})).allowed
    assert kinds(ledger) == []
    assert not finish(run.consider("start", guard.ports, {})).allowed
    assert kinds(ledger) == ["noted"]


def test_who_acts_is_whom_acting_as_has_bound():
    assert remit.who_acts() == remit.Acting()
    with remit.acting_as("agent:support", region="eu"):
        acting = remit.who_acts()
    assert (acting.subject.id, acting.context) == ("support", Frozen(region="eu"))


def _driven(guard: remit.Guard, awaited: bool, *call: Any, **how: Any) -> Any:
    return asyncio.run(guard.acall(*call, **how)) if awaited else guard.call(*call, **how)


@pytest.mark.parametrize("awaited", [False, True])
def test_who_has_a_word_for_a_refusal_is_given_it_and_the_record_is_the_same(
    guard, ledger, awaited
):
    met: list[remit.Blocked] = []
    found = _driven(guard, awaited, PAY, pytest.fail, otherwise=lambda no: met.append(no) or 7)
    assert (found, type(met[0])) == (7, remit.Denied)
    with pytest.raises(remit.Denied) as raised:
        _driven(guard, awaited, PAY, pytest.fail)
    assert (str(met[0]), met[0].decision) == (str(raised.value), raised.value.decision)
    assert _plain(ledger.records[0]) == _plain(ledger.records[1])
    told = guard.replace(refused=refused)
    assert str(_driven(told, awaited, PAY, pytest.fail, otherwise=str)) == "pay: no (Denied)"


@pytest.mark.parametrize("awaited", [False, True])
def test_what_the_action_raises_is_raised_though_it_is_a_refusal(guard, ledger, awaited):
    def pays() -> None:
        guard.call(PAY, pytest.fail)

    with pytest.raises(remit.Denied):
        _driven(guard, awaited, READ, pays, otherwise=lambda _: pytest.fail("it ran"))
    assert kinds(ledger) == ["started", "refused", "raised"]
    assert _driven(guard, awaited, READ, lambda: remit.Blocked("x")).args == ("x",)


@pytest.mark.parametrize("made", [None, refused])
def test_a_refusal_that_was_caught_is_let_go_of_at_once(guard, made):
    told = guard.replace(refused=made)
    gc.disable()
    try:
        for flow in (told.call, lambda request, _: finish(told.begin(request, told.ports))):
            try:
                flow(PAY, pytest.fail)
            except remit.Blocked as refusal:
                seen = weakref.ref(refusal)
            assert seen() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("later", [False, True])
def test_ports_that_answer_at_once_and_later_leave_the_same_records(later):
    async def eventually(value: Any) -> Any:
        await asyncio.sleep(0)
        return value

    class Ledger(remit.MemoryLedger):
        def append(self, record: Record, /) -> Any:
            index = super().append(record)
            return eventually(index) if later else index

    class Decider:
        def decide(self, request: remit.Request, /) -> Any:
            decision = POLICY.decide(request)
            return eventually(decision) if later else decision

    ledger = Ledger()
    guard = remit.Guard(Decider(), ledger=ledger)
    assert asyncio.run(guard.acall(READ, lambda: "text")) == "text"
    assert type(asyncio.run(guard.acall(PAY, pytest.fail, otherwise=str))) is str
    assert kinds(ledger) == ["started", "returned", "refused"]


def _plain(record: Record) -> tuple[Any, ...]:
    return record.kind, record.decision, record.body, record.result, record.request.action

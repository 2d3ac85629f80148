"""The inbox on the ledgers that need no server."""

from __future__ import annotations

import asyncio

import pytest
from batch_contract import *  # noqa: F403 - likewise
from inbox_contract import *  # noqa: F403 - the tests of the contract run as tests of this module
from inbox_contract import BORIS, DORA, MARIA, Desk, clock  # noqa: F401 - a fixture

import remit
from remit import MemoryLedger, Pending, SqliteLedger
from remit.approvers.batch import answer_each


@pytest.fixture(params=["memory", "sqlite"])
def make(request, tmp_path, clock):  # noqa: F811 - the fixture
    if request.param == "memory":
        ledger = MemoryLedger(clock=clock)
        yield lambda: ledger
        return
    opened = []

    def open_again():
        opened.append(SqliteLedger(tmp_path / "audit.db", clock=clock))
        return opened[-1]

    yield open_again
    for one in opened:
        one.close()


def test_an_asynchronous_guard_waits_without_holding_up_its_loop(make, clock):  # noqa: F811
    desk = Desk(make(), clock, wait=30)

    @desk.guard.protect
    async def refund(amount: int):
        return amount

    async def somebody():
        while not (cases := desk.inbox.cases()):  # noqa: ASYNC110 - as another process would
            await asyncio.sleep(0.01)
        await asyncio.to_thread(desk.inbox.approve, cases[0].id, MARIA)

    async def both():
        value, _ = await asyncio.gather(refund(80), somebody())
        return value

    assert asyncio.run(both()) == 80


def test_an_asynchronous_call_is_pending_and_goes_on(make, clock):  # noqa: F811 - the fixture
    desk = Desk(make(), clock)

    @desk.guard.protect
    async def refund(amount: int):
        return amount

    with pytest.raises(Pending) as pending:
        asyncio.run(refund(80))
    desk.inbox.approve(pending.value.approval_request.id, MARIA)
    assert asyncio.run(refund(80)) == 80


def test_a_generator_cannot_be_answered_in_its_place(make, clock):  # noqa: F811 - the fixture
    desk = Desk(make(), clock)

    @desk.guard.protect(action="refund")
    def refunds(amount: int):
        yield amount

    with pytest.raises(Pending) as pending:
        next(refunds(80))
    desk.inbox.respond(pending.value.approval_request.id, MARIA, [80])
    with pytest.raises(remit.Responded) as responded:
        next(refunds(80))
    assert responded.value.response == [80]


def test_a_ledger_that_fails_keeps_the_rest_from_being_tried_and_each_is_told(make, clock):  # noqa: F811 - the fixture
    desk = Desk(make(), clock)
    for amount in (80, 81, 82, 83):
        clock.sleep(1)
        desk.pending(amount)
    (batch,) = desk.inbox.batches()
    tried = []

    def give(case):
        tried.append(case)
        if len(tried) == 3:
            raise OSError("the disk is full")
        return desk.inbox.refuse(case.id, BORIS if len(tried) == 1 else DORA)

    told = [str(outcome.error) for outcome in answer_each(batch, give)]
    assert told[0] == "None"
    assert "user:dora may not answer" in told[1]
    assert told[2:] == ["the disk is full"] * 2
    assert tried == list(batch.cases[:3])

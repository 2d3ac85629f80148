"""Whoever waits alone writes in their own thread, and may be interrupted anywhere in there."""

import asyncio
import dis
import sqlite3
import sys
import threading
from collections import Counter
from concurrent.futures import wait
from contextlib import closing, suppress
from functools import cache

import pytest
from ledger_contract import record

from remit.audit.record import Kind
from remit.ledgers import handover, jobs, sqlite_rows, sqlite_store, sqlite_worker, sqlite_writer
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_log import SqliteLog
from remit.ledgers.sqlite_store import Store
from remit.waiting import wait_on_loop


@pytest.fixture
def path(tmp_path):
    return tmp_path / "audit.db"


@pytest.fixture
def writers(monkeypatch):
    """The threads that append, as they do."""
    seen = []
    real = Store.append

    def watched(self, entries):
        seen.append(threading.current_thread())
        return real(self, entries)

    monkeypatch.setattr(Store, "append", watched)
    return seen


def locking(path):
    return sqlite3.connect(path, isolation_level=None)


def test_a_lone_caller_writes_in_its_own_thread(path, writers):
    with SqliteLedger(path) as ledger:
        for n in range(10):
            assert ledger.append(record(call=f"c-{n}")).result() == n
    assert writers.count(threading.current_thread()) >= 9  # a loaded machine may have it otherwise


def test_who_is_quicker_than_the_ledger_is_looked_after_leaves_it_to_its_thread(
    path, writers, monkeypatch
):
    # As long as this takes, the thread does not look how far behind it is.
    monkeypatch.setattr(sqlite_writer, "ENDS_WITHIN", 60)
    with SqliteLedger(path) as ledger:
        ledger.append(record()).result(30)
        ledger._writer._worker.behind = sqlite_worker.MOST_BEHIND + 1
        ledger.append(record()).result()
        assert writers.count(threading.current_thread()) == 0
        ledger.append(record()).result()
    assert writers.count(threading.current_thread()) == 1


def test_the_ends_in_front_of_it_go_with_it_in_their_order(path, writers):
    with SqliteLedger(path) as ledger:
        ledger.append(record(Kind.RETURNED, call="c-0"))
        assert ledger.append(record(call="c-1")).result() == 1
        assert [one.facts().call for one in ledger.select()] == ["c-0", "c-1"]
    assert len(writers) <= 2


def test_a_caller_on_a_loop_never_writes(path, writers):
    async def main(ledger):
        for n in range(10):
            future = ledger.append(record(call=f"c-{n}"))
            assert await (asyncio.wrap_future(future) if n % 2 else wait_on_loop(future)) == n

    with SqliteLedger(path) as ledger:
        asyncio.run(main(ledger))
    assert threading.current_thread() not in writers


def test_a_locked_file_holds_up_no_loop(path, writers):
    async def main(ledger):
        waiting = [asyncio.ensure_future(wait_on_loop(ledger.append(record()))) for _ in range(20)]
        for _ in range(1000):
            await asyncio.sleep(0)
        assert not any(one.done() for one in waiting)
        other.execute("ROLLBACK")
        assert sorted(await asyncio.gather(*waiting)) == list(range(20))

    with SqliteLedger(path) as ledger, closing(locking(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        asyncio.run(main(ledger))
    assert threading.current_thread() not in writers


@pytest.fixture
def on_the_loop(monkeypatch):
    """How many records were written by the thread of a loop."""
    seen = []
    real = Store.append_now

    def watched(self, entries):
        places = real(self, entries)
        seen.extend(places or ())
        return places

    monkeypatch.setattr(Store, "append_now", watched)
    return seen


def test_a_lone_caller_on_a_loop_writes_there_if_that_is_wanted(path, on_the_loop):
    async def main(ledger):
        for n in range(10):
            ledger.append(record(Kind.RETURNED, call=f"c-{n}"))
            future = ledger.append(record(call=f"c-{n}"))
            at_once.append(future.done())
            assert await wait_on_loop(future) == 2 * n + 1

    at_once = []
    with SqliteLedger(path, may_block=60) as ledger:
        asyncio.run(main(ledger))
        assert ledger.verify().intact
    assert len(on_the_loop) > 10
    assert sum(at_once) > 5  # a loaded machine may have it otherwise


def test_tasks_that_take_turns_leave_their_records_to_the_thread(path, on_the_loop):
    async def main(ledger):
        for _ in range(10):
            future = ledger.append(record())
            assert not future.done()
            await wait_on_loop(future)

    async def both(ledger):
        await asyncio.gather(main(ledger), main(ledger))

    with SqliteLedger(path, may_block=60) as ledger:
        asyncio.run(both(ledger))
    assert not on_the_loop


def test_callers_who_are_ready_together_share_a_flush_in_another_thread(path, writers, on_the_loop):
    async def main(ledger):
        await wait_on_loop(ledger.append(record()))
        for _ in range(5):
            await asyncio.gather(*(wait_on_loop(ledger.append(record())) for _ in range(20)))

    with SqliteLedger(path, may_block=60) as ledger:
        asyncio.run(main(ledger))
        assert ledger.size() == 101
    assert not on_the_loop
    assert len(writers) < 30


def test_a_slow_disk_holds_up_no_loop_that_may_be_held_up(path, on_the_loop, monkeypatch):
    async def main(ledger):
        for _ in range(5):
            await wait_on_loop(ledger.append(record()))

    with SqliteLedger(path, may_block=1e-9) as ledger:
        asyncio.run(main(ledger))
    assert not on_the_loop


def test_a_locked_file_holds_up_no_loop_that_may_be_held_up(path, writers):
    async def main(ledger):
        for _ in range(3):
            await wait_on_loop(ledger.append(record()))
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(wait_on_loop(ledger.append(record())))
        for _ in range(1000):
            await asyncio.sleep(0)
        assert not waiting.done()
        other.execute("ROLLBACK")
        assert await waiting == 3
        assert await wait_on_loop(ledger.append(record())) == 4

    with SqliteLedger(path, may_block=60) as ledger, closing(locking(path)) as other:
        asyncio.run(main(ledger))
    assert threading.current_thread() not in writers


def test_a_loop_that_ends_before_its_turn_leaves_the_record_to_the_ledger(path):
    async def main(ledger):
        await wait_on_loop(ledger.append(record()))
        asyncio.get_running_loop().call_soon(asyncio.get_running_loop().stop)
        await wait_on_loop(ledger.append(record()))

    with SqliteLedger(path, may_block=60) as ledger:
        loop = asyncio.new_event_loop()
        task = loop.create_task(main(ledger))
        with suppress(RuntimeError):
            loop.run_until_complete(task)
        task.cancel()
        loop.close()
        assert ledger.append(record()).result(30) == 2


def test_a_caller_who_waits_only_so_long_never_writes(path, writers):
    with SqliteLedger(path) as ledger:
        assert ledger.append(record()).result(30) == 0
        assert ledger.append(record()).exception(30) is None
    assert threading.current_thread() not in writers


def test_a_record_that_nobody_waits_for_is_written_all_the_same(path):
    with SqliteLedger(path) as ledger:
        future = ledger.append(record())
        assert wait([future], 30).done
        assert SqliteLog(path).size() == 1


SOURCES = (handover, jobs, sqlite_rows, sqlite_store, sqlite_worker, sqlite_writer)
MODULES = {one.__file__ for one in SOURCES}


class Interruption:
    """Raises KeyboardInterrupt at one of the moments when this thread may be interrupted.

    That is where a function begins or has been called, and where a loop goes round.
    """

    def __init__(self, moment):
        self.left = moment
        self.last = {}

    def __call__(self, frame, event, _):
        if frame.f_code.co_filename not in MODULES:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            before, self.last[frame] = self.last.get(frame), frame.f_lasti
            self.left -= before is not None and may_be_interrupted(frame, before)
            if self.left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self


def may_be_interrupted(frame, before):
    """Whether Python looks for signals behind the instruction at *before*.

    It raises what they ask for as if that instruction had. Here the next one does, which
    is the same only if the same handlers stand around it.
    """
    code = frame.f_code
    name = dis.opname[code.co_code[before]]
    looks = name.startswith(("CALL", "JUMP_BACKWARD", "RESUME"))
    return looks and handlers(code, before) == handlers(code, frame.f_lasti)


@cache
def handlers(code, at):
    return [one for one in dis._parse_exception_table(code) if one.start <= at < one.end]


def interrupted(ledger, call, moment):
    """Whether there was still something to interrupt; and whether the record was handed over."""
    interruption, future = Interruption(moment), None
    tracer = sys.gettrace()
    sys.settrace(interruption)
    try:
        with suppress(KeyboardInterrupt):
            future = ledger.append(record(call=call))
            future.result()
    finally:
        sys.settrace(tracer)
    return interruption.left <= 0, future


def interrupted_on_a_loop(ledger, call, moment):
    """The same for a caller on a loop."""
    interruption, handed_over = Interruption(moment), []

    async def main():
        await wait_on_loop(ledger.append(record(call=f"before-{call}")))
        sys.settrace(interruption)
        handed_over.append(ledger.append(record(call=call)))
        await wait_on_loop(handed_over[0])

    tracer, loop = sys.gettrace(), asyncio.new_event_loop()
    try:
        with suppress(KeyboardInterrupt, RuntimeError):
            loop.run_until_complete(main())
    finally:
        sys.settrace(tracer)
        loop.close()
    return interruption.left <= 0, handed_over[0] if handed_over else None


@pytest.mark.parametrize(
    ("interrupted", "may_block"), [(interrupted, 0.0), (interrupted_on_a_loop, 60.0)]
)
def test_an_interruption_anywhere_loses_nothing_and_repeats_nothing(path, interrupted, may_block):
    handed_over, moment, beyond = [], 0, 0
    with SqliteLedger(path, may_block=may_block) as ledger:
        ledger.append(record(call="first")).result()
        while beyond < 5:  # the way is shorter when the ledger's own thread comes first
            moment += 1
            more, future = interrupted(ledger, f"c-{moment}", moment)
            beyond = 0 if more else beyond + 1
            if future is not None:
                handed_over.append((f"c-{moment}", future.result(30)))
            assert ledger.append(record(call=f"after-{moment}")).result(30) > 0
    log = SqliteLog(path)
    places = {one.facts().call: one.index for one in log.select()}
    assert set(Counter(one.facts().call for one in log.select()).values()) == {1}
    assert handed_over == [(call, places[call]) for call, _ in handed_over]
    assert moment > 50
    assert {f"after-{n}" for n in range(1, moment)} <= places.keys()
    verification = log.verify()
    assert verification.intact
    assert verification.signed == len(places)


def test_when_nobody_can_tell_what_became_of_a_record_its_caller_is_told_so(path, monkeypatch):
    def broken(*_):
        raise OSError("the disk is gone")

    real = Store.append

    def interrupt(self, entries):
        monkeypatch.setattr(Store, "append", real)
        raise KeyboardInterrupt

    with SqliteLedger(path) as ledger:
        ledger.append(record()).result()
        monkeypatch.setattr(Store, "append", interrupt)
        monkeypatch.setattr(Store, "find", broken)
        future = ledger.append(record())
        with suppress(KeyboardInterrupt):
            future.result()
        with pytest.raises(OSError, match="disk is gone"):
            future.result(30)
        assert ledger.append(record()).result() == 1

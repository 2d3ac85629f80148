"""What a trace was told becomes records later, and they say what was so when it was told."""

from __future__ import annotations

import sqlite3
import threading

import execlave_calls
import pytest
from execlave_calls import ends
from hypothesis import given
from hypothesis import strategies as st

from remit import MemoryLedger, SqliteLedger, who_acts
from remit.compat.execlave import ControlPlane, Execlave
from remit.compat.execlave import outbox as outboxes
from remit.compat.execlave.facts import UNCHANGEABLE, kept, settled, told

client, plane = execlave_calls.client, execlave_calls.plane

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.binary(),
    st.text(st.characters(exclude_categories=())),
)
VALUES = st.recursive(
    SCALARS, lambda each: st.lists(each) | st.dictionaries(st.text(), each), max_leaves=8
)


@given(VALUES)
def test_what_is_frozen_later_is_what_it_would_have_been(value):
    assert settled(kept(value)) == told(value)


@given(VALUES)
def test_what_waits_to_be_frozen_cannot_change(value):
    waiting = kept(value)
    assert type(waiting) in UNCHANGEABLE or waiting == told(value)


class Text(str):
    """One that may have anything about it."""

    __slots__ = ("more",)


def test_a_value_of_a_type_of_ones_own_is_frozen_at_once():
    assert type(kept(Text("x"))) is str


@pytest.mark.parametrize("named", [False, True])
def test_arguments_are_those_the_function_was_called_with(client, named):
    exe = client()

    @exe.trace(agent_id="bot")
    def spoil(words, n):
        words.append("b")
        return words

    words = ["a"]
    result = spoil(words=words, n=1) if named else spoil(words, 1)
    result.append("c")
    (end,) = ends(exe)
    assert (end["input"], end["output"]) == ({"words": ("a",), "n": 1}, ("a", "b"))


def test_arguments_that_cannot_change_have_their_names_however_they_are_given(client):
    exe = client()
    traced = exe.trace(agent_id="bot")(lambda a, b=2, *rest, **more: a)
    traced(1)
    traced(1, b=3)
    traced(1, 2, 3, c="\ud800")
    first, second, third = [end["input"] for end in ends(exe)]
    assert (first, second) == ({"a": 1}, {"a": 1, "b": 3})
    assert third == {"a": 1, "b": 2, "rest": (3,), "more": {"c": "?"}}


def test_what_is_told_after_the_end_comes_too_late(client):
    exe = client()
    trace = exe.start_trace(agent_id="bot").set_output("good")
    trace.finish()
    trace.set_output("bad").add_tags(["late"]).add_metadata({"late": 1}).set_tokens(5)
    trace.finish("timeout")
    (end,) = ends(exe)
    assert (end["output"], end["status"], end["tokens"]) == ("good", "success", 0)
    assert {"tags", "metadata"}.isdisjoint(end)


def test_what_becomes_of_a_decorator_changes_nothing_for_what_it_has_decorated(client):
    exe = client()
    decorator = exe.trace(agent_id="bot", tags=["a"], metadata={"m": 1})
    traced = decorator(lambda: 1)
    decorator.add_tags(["b"]).add_metadata({"m": 2})
    decorator.trace_id = "tr_mine"
    traced()
    (end,) = ends(exe)
    assert (end["tags"], end["metadata"]) == (("a",), {"m": 1})
    assert end["trace_id"].startswith("tr_")
    assert len(end["trace_id"]) == len("tr_") + 16
    assert end["trace_id"] != "tr_mine"


class Speechless(Exception):
    def __str__(self):
        raise RuntimeError("no")


def test_an_error_that_cannot_be_told_passes_through_and_its_trace_is_kept(client):
    exe = client()

    @exe.trace
    def fail():
        raise Speechless

    with pytest.raises(Speechless):
        fail()
    (end,) = ends(exe)
    assert (end["status"], end["error"], end["message"]) == ("error", "Speechless", "Speechless")


class Undecided:
    def __bool__(self):
        raise RuntimeError("neither")


def test_an_end_that_cannot_be_told_raises_nothing_and_is_counted(client):
    exe = client()
    exe.start_trace(agent_id="bot").finish("error", Undecided())
    assert exe.lost == 1


def test_a_run_that_could_not_be_made_is_made_when_it_is_looked_at_again(client, plane):
    exe = client(async_mode=True)
    exe.outbox.watch = lambda run: None
    with exe.start_trace(agent_id="bot"):
        run, clock = who_acts().run, exe.guard.ports
        exe.guard.ports = None
        with pytest.raises(AttributeError):
            run.facts()
        exe.guard.ports = clock
        assert run.facts()["id"] == run.id
    exe.flush()
    assert [each.call for each in plane.ledger.records] == [run.id] * 2


THREADS, CALLS = 4, 250


@pytest.mark.parametrize("gather", [0.0, 0.002])
def test_every_trace_gets_on_record_though_nobody_flushes(monkeypatch, gather):
    monkeypatch.setattr(outboxes, "GATHER", gather)
    ledger, all_there = MemoryLedger(), threading.Event()
    append = ledger.append

    def counting(record):
        append(record)
        if len(ledger.records) == 2 * THREADS * CALLS:
            all_there.set()

    ledger.append = counting
    exe = Execlave("k", control_plane=ControlPlane(ledger))
    traced = exe.trace(lambda n: n)

    def some(first):
        for number in range(first, first + CALLS):
            traced(number)

    threads = [threading.Thread(target=some, args=(each * CALLS,)) for each in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert all_there.wait(30)
    found = [r for r in ledger.records if r.request.action.name == "run.end"]
    assert sorted(r.request.action.properties["output"] for r in found) == [*range(THREADS * CALLS)]
    assert len({r.request.action.properties["trace_id"] for r in found}) == THREADS * CALLS
    exe.shutdown()


class Together(MemoryLedger):
    """Takes many records at once, unless one of them is bad or it is away."""

    def __init__(self):
        super().__init__()
        self.groups = []
        self.away = False

    def append(self, record, /):
        if self.away and record.request.action.name == "run.end":
            raise OSError("database is locked")
        if record.request.action.properties.get("input") == "bad":
            raise ValueError("this one")
        return super().append(record)

    def append_all(self, records, /):
        if self.away:
            raise OSError("database is locked")
        if any(each.request.action.properties.get("input") == "bad" for each in records):
            raise ValueError("this one")
        self.groups.append(len(records))
        return [self.append(each) for each in records].pop()


def told_to(exe, inputs):
    for each in inputs:
        exe.start_trace(trace_id=str(each), agent_id="bot").set_input(each).finish()


def test_a_batch_is_kept_at_once_by_a_ledger_that_can():
    exe = Execlave("k", control_plane=ControlPlane(Together()), batch_size=10)
    exe.outbox._wake = lambda: True
    told_to(exe, range(25))
    assert exe.flush()["sent"] == 25
    assert exe.control_plane.ledger.groups == [10, 10, 5]
    assert [end["input"] for end in ends(exe)] == [*range(25)]
    exe.shutdown()


def test_one_of_a_batch_that_can_never_be_kept_holds_up_no_other():
    exe = Execlave("k", control_plane=ControlPlane(Together()))
    exe.outbox._wake = lambda: True
    told_to(exe, ["good", "bad", "fine"])
    counts = exe.flush()
    assert (counts["sent"], [each["traceId"] for each in counts["rejected"]]) == (2, ["bad"])
    assert [end["input"] for end in ends(exe)] == ["good", "fine"]
    exe.shutdown()


def test_a_batch_that_is_kept_later_is_kept_once():
    ledger = Together()
    exe = Execlave("k", control_plane=ControlPlane(ledger))
    exe.outbox._wake = lambda: True
    ledger.away = True
    told_to(exe, range(5))
    assert exe.flush()["undelivered"] == 5
    ledger.away = False
    assert exe.flush() == {"sent": 5, "rejected": [], "undelivered": 0, "dropped": 0}
    assert [end["input"] for end in ends(exe)] == [*range(5)]
    exe.shutdown()


def test_readers_are_told_of_what_is_kept_at_once():
    heard = []
    exe = Execlave("k", control_plane=ControlPlane(Together()), readers=[heard.append])
    exe.outbox._wake = lambda: True
    told_to(exe, range(3))
    exe.flush()
    names = [each.request.action.name for each in heard]
    assert names == ["run.start"] * 3 + ["run.end"] * 3
    exe.shutdown()


@pytest.mark.parametrize("traces", [1, 20])
@pytest.mark.parametrize("begun", [True, False])
def test_a_file_that_is_locked_keeps_every_trace_once_in_the_end(tmp_path, traces, begun):
    path = tmp_path / "l.db"
    with SqliteLedger(path, patience=0.1) as ledger:
        exe = Execlave("k", control_plane=ControlPlane(ledger))
        made = [exe.start_trace(agent_id="bot").set_input(number) for number in range(traces)]
        if begun:
            exe.flush()
            ledger.checkpoint()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for each in made:
            each.finish()
        assert exe.flush()["undelivered"] == traces
        other.execute("ROLLBACK")
        other.close()
        while exe.flush()["undelivered"]:
            threading.Event().wait(0.05)
        exe.shutdown()
    with SqliteLedger(path) as ledger:
        found = [e.details()["args"] for e in ledger.select() if e.facts().action == "run.end"]
    assert [each["input"] for each in found] == [*range(traces)]

"""A listing of a ledger file finds what reading all of it would, and reads little."""

import sqlite3
from contextlib import closing
from itertools import cycle, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_contract import NOON, record

from remit.audit.record import Kind
from remit.ledgers import sqlite_blocks
from remit.ledgers.query import Filter
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_log import SqliteLog
from remit.model import Effect

LONG = 1000
"""Three whole blocks and a part of one."""


def of_many_kinds(number):
    refused = number % 100 == 7
    return record(
        Kind.REFUSED if refused else Kind.STARTED,
        f"c-{number // 2}",
        at=NOON + (number ^ 3) * 1000,
        subject=f"agent:a{number % 7}",
        action=f"tool-{number % 3 if number < 600 else 9}",
        session=f"run-{number // 20}" if number % 5 else "",
        rules=(f"r{number % 11}", "all") if number % 2 else (),
        effect=Effect.DENY if refused else Effect.ALLOW,
    )


@pytest.fixture(scope="module")
def long_log(tmp_path_factory):
    path = tmp_path_factory.mktemp("long") / "audit.db"
    with SqliteLedger(path) as ledger:
        sizes = cycle((1, 300, 2, 255, 256, 3))
        numbers = iter(range(LONG))
        while batch := list(islice(numbers, next(sizes))):
            ledger.append_all(map(of_many_kinds, batch)).result(60)
    log = SqliteLog(path)
    return log, list(log.select())


def some(*values):
    return st.none() | st.sampled_from(values)


moments = st.none() | st.integers(-5, LONG + 5).map(lambda n: NOON + n * 1000)
filters = st.builds(
    Filter,
    call=some("c-0", "c-128", "c-499", "c-500"),
    session=some("", "run-3", "run-12", "run-49"),
    subject=some("agent:a3", "agent:nobody"),
    action=some("tool-1", "tool-9"),
    kind=some(*Kind),
    effect=some(*Effect),
    rule=some("r4", "all"),
    since=moments,
    until=moments,
    start=st.integers(0, LONG),
    limit=some(0, 1, 3, 400),
    newest_first=st.booleans(),
)


@given(filters)
@settings(max_examples=150, deadline=None)
def test_a_listing_is_what_reading_everything_finds(long_log, wanted):
    log, everything = long_log
    rest = (one for one in everything if one.index >= wanted.start)
    found = [one.index for one in rest if wanted.matches(one.facts())]
    found = found[::-1] if wanted.newest_first else found
    assert [one.index for one in log.select(wanted)] == found[: wanted.limit]


@pytest.mark.parametrize(
    ("wanted", "most"),
    [
        (Filter(call="c-3"), 1),
        (Filter(session="run-3"), 1),
        (Filter(action="tool-1"), 3),
        (Filter(action="tool-1", session="run-3"), 1),
        (Filter(rule="nobody's"), 0),
        (Filter(until=NOON + 100_000), 1),
        (Filter(since=NOON + 10**9), 0),
    ],
)
def test_a_listing_reads_only_blocks_that_have_some_of_it(long_log, wanted, most):
    log, _ = long_log
    with closing(sqlite3.connect(log.path)) as connection:
        *whole, rest = sqlite_blocks.stretches(connection, wanted)
    assert rest == (768, sqlite_blocks.NO_END)
    assert sum(end - start for start, end in whole) <= most * 256


def test_a_leaf_that_nobody_can_read_does_not_stop_the_ledger(tmp_path):
    ledger = SqliteLedger(tmp_path / "audit.db")
    ledger.append_all(record(call=f"c-{n}") for n in range(200)).result(60)
    with closing(sqlite3.connect(ledger.path)) as connection, connection:
        connection.execute("UPDATE record SET leaf = '{' WHERE seq = 7")
        connection.execute("DELETE FROM record WHERE seq = 8")
    ledger.append_all(record(call=f"d-{n}") for n in range(100)).result(60)
    assert [one.index for one in ledger.select(Filter(call="d-99", start=256))] == [299]
    assert not ledger.verify().intact
    ledger.close()

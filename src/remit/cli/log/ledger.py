"""Opens a ledger, and says in one line what is wrong with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Parameter, Token

from remit.cli import given
from remit.cli.exits import Exit, Stop
from remit.databases.postgres_address import SCHEMES, Address, Unreachable
from remit.errors import LogError
from remit.ledgers import keys
from remit.ledgers.bundle import Bundle, is_bundle
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_log import SqliteLog

if TYPE_CHECKING:
    from remit.ledgers.postgres import PostgresLedger
    from remit.ledgers.postgres_log import PostgresLog

Log: TypeAlias = "SqliteLog | PostgresLog"

PATIENCE = 15.0
"""Seconds to wait for a database."""

LEDGER = Path(".remit", "ledger.db")


def _where(_: object, tokens: Sequence[Token]) -> Path | Address:
    """A file, or a database where a `postgresql://` address is given."""
    text = tokens[0].value
    return Address(text, PATIENCE) if text.startswith(SCHEMES) else Path(text)


Ledger: TypeAlias = Annotated[
    Path | Address,
    Parameter(
        name="--ledger",
        env_var="REMIT_LEDGER",
        metavar="FILE",
        show_default=str,
        converter=_where,
        n_tokens=1,
    ),
]


def _where_all(_: object, tokens: Sequence[Token]) -> tuple[Path | Address, ...]:
    return tuple(_where(None, [token]) for token in tokens)


def _whole(_: object, value: str, **_options: object) -> list[str]:
    """A variable names one ledger, whatever is in its name."""
    return [value]


def _listed(ledgers: Sequence[Path | Address]) -> str:
    return " ".join(map(str, ledgers))


Ledgers: TypeAlias = Annotated[
    tuple[Path | Address, ...],
    Parameter(
        name="--ledger",
        env_var="REMIT_LEDGER",
        metavar="FILE",
        env_var_split=_whole,
        show_default=_listed,
        converter=_where_all,
        negative=(),
    ),
]


@contextmanager
def reading(path: Path | Address) -> Iterator[Log]:
    """The ledger at *path*; whatever keeps it from being read ends the command.

    Raises:
        Stop: the ledger cannot be read.
    """
    with naming(path):
        yield _open(path)


@contextmanager
def checking(path: Path | Address) -> Iterator[Log | Bundle]:
    """The ledger or the bundle at *path*, likewise."""
    with naming(path):
        if isinstance(path, Address) or not is_bundle(path):
            yield _open(path)
            return
        with closing(Bundle(path)) as bundle:
            yield bundle


@contextmanager
def writing(
    path: Path | Address, signer: Path | None = None
) -> Iterator[SqliteLedger | PostgresLedger]:
    """The ledger at *path*, to be changed; *signer* is the file with its signing key."""
    with naming(path):
        if isinstance(path, Path):
            # Named, so that none is made beside a ledger that has its key elsewhere.
            with SqliteLedger(path, signer=signer or keys.signing_path(path)) as ledger:
                yield ledger
            return
        from remit.ledgers.postgres import PostgresLedger

        with PostgresLedger(path.dsn, signer=signer, patience=path.patience) as database:
            yield database


@contextmanager
def naming(path: Path | Address | str) -> Iterator[None]:
    """Say of which ledger it is what cannot be read, and end the command."""
    try:
        yield
    except (ImportError, Unreachable, TimeoutError) as error:
        raise Stop(Exit.UNREADABLE, str(error)) from error
    except FileNotFoundError as error:
        cure = "name one with --ledger, or set REMIT_LEDGER"
        message = f"{path}: {error.strerror}; {cure}"
        raise Stop(Exit.UNREADABLE, message) from error
    except OSError as error:
        if error.filename is None:  # it is the output that fails
            raise
        raise Stop(Exit.UNREADABLE, f"{path}: {error.strerror}") from error
    except sqlite3.Error as error:
        raise Stop(Exit.UNREADABLE, f"{path} cannot be read: {error}") from error
    except LogError as error:
        cure = f"; see 'remit log verify --ledger {path}'" if error.index is not None else ""
        raise Stop(Exit.UNREADABLE, f"{error}{cure}") from error


def _open(path: Path | Address) -> Log:
    if isinstance(path, Path):
        return SqliteLog(path)
    from remit.ledgers.postgres_log import PostgresLog

    return PostgresLog(path.dsn, patience=path.patience)


def note(path: Path, what: str) -> str:
    """The text of the checkpoint or key in the file at *path*."""
    try:
        return given.read(path, what).decode()
    except UnicodeDecodeError as error:
        raise Stop(Exit.INVALID, f"{path}: this is not {what}: it is not text") from error

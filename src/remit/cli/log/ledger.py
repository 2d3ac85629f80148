"""Opens a ledger, and says in one line what is wrong with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter

from remit.cli import given
from remit.cli.exits import Exit, Stop
from remit.errors import LogError
from remit.ledgers.sqlite_log import SqliteLog

LEDGER = Path(".remit", "ledger.db")

Ledger: TypeAlias = Annotated[
    Path, Parameter(name="--ledger", env_var="REMIT_LEDGER", metavar="FILE", show_default=str)
]


@contextmanager
def reading(path: Path) -> Iterator[SqliteLog]:
    """The ledger file at *path*; whatever keeps it from being read ends the command.

    Raises:
        Stop: the ledger cannot be read.
    """
    try:
        yield SqliteLog(path)
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


def note(path: Path, what: str) -> str:
    """The text of the checkpoint or key in the file at *path*."""
    try:
        return given.read(path, what).decode()
    except UnicodeDecodeError as error:
        raise Stop(Exit.INVALID, f"{path}: this is not {what}: it is not text") from error

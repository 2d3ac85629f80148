"""Many rows into one table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from itertools import chain, islice
from typing import TypeAlias

Row: TypeAlias = tuple[object, ...]

ROWS_AT_ONCE = 128
"""A statement with many rows takes SQLite less time than many with one."""


def insert(connection: sqlite3.Connection, statement: str, rows: Iterable[Row]) -> None:
    """Carry out *statement*, which ends in the marks of one row, for all *rows*."""
    rest = iter(rows)
    head, values, marks = statement.partition("VALUES ")
    several = head + values + ", ".join([marks] * ROWS_AT_ONCE)
    while len(block := tuple(islice(rest, ROWS_AT_ONCE))) == ROWS_AT_ONCE:
        connection.execute(several, tuple(chain.from_iterable(block)))
    connection.executemany(statement, block)

"""Many rows into one table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from functools import cache
from itertools import chain, islice
from typing import TypeAlias

Row: TypeAlias = tuple[object, ...]

ROWS_AT_ONCE = 128
"""A statement with many rows takes SQLite less time than many with one."""


def insert(connection: sqlite3.Connection, statement: str, rows: Iterable[Row]) -> None:
    """Carry out *statement*, which ends in the marks of one row, for all *rows*."""
    rest = iter(rows)
    while block := tuple(islice(rest, ROWS_AT_ONCE)):
        if len(block) < ROWS_AT_ONCE:
            connection.executemany(statement, block)
        else:
            connection.execute(_for_many(statement), tuple(chain.from_iterable(block)))


@cache
def _for_many(statement: str) -> str:
    head, values, marks = statement.partition("VALUES ")
    return head + values + ", ".join([marks] * ROWS_AT_ONCE)

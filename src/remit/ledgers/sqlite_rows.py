"""Many rows into one table."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import TypeAlias

Row: TypeAlias = tuple[object, ...]

FEW = 8
"""So many rows, and fewer, are one statement."""

_MOST = 128


def insert(connection: sqlite3.Connection, statement: str, rows: Sequence[Row]) -> None:
    """Carry out *statement*, which ends in the marks of one row, for all *rows*.

    A statement with many rows takes SQLite less time than many with one. There are few such
    statements, so that they are prepared once.
    """
    if len(rows) == 1:
        connection.execute(statement, rows[0])
        return
    start = 0
    while left := len(rows) - start:
        count = left if left <= FEW else min(_MOST, 1 << left.bit_length() - 1)
        values = chain.from_iterable(rows[start : start + count])
        connection.execute(_for_many(statement, count), tuple(values))
        start += count


@cache
def _for_many(statement: str, count: int) -> str:
    head, values, marks = statement.partition("VALUES ")
    return head + values + ", ".join([marks] * count)

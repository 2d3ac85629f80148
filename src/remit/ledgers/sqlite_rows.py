"""Many rows into one table."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache

FEW = 8
"""So many rows, and fewer, are one statement."""

_MOST = 128


def insert(connection: sqlite3.Connection, statement: str, values: Sequence[object]) -> None:
    """Carry out *statement*, which ends in the marks of one row, for rows of *values*.

    A statement with many rows takes SQLite less time than many with one. There are few such
    statements, so that they are prepared once.
    """
    width = _width(statement)
    if len(values) == width:
        connection.execute(statement, values)
        return
    start, rows = 0, len(values) // width
    while left := rows - start:
        count = left if left <= FEW else min(_MOST, 1 << left.bit_length() - 1)
        some = values[start * width : (start + count) * width]
        connection.execute(_for_many(statement, count), some)
        start += count


@cache
def _width(statement: str) -> int:
    return statement.count("?")


@cache
def _for_many(statement: str, count: int) -> str:
    head, values, marks = statement.partition("VALUES ")
    return head + values + ", ".join([marks] * count)

"""Which payloads an erasure is about, as a question to either database.

What is asked about is a record `r` with its payload `p`. An erasure by subject, session or
user is about calls: where one record of a call is meant, all of it are. Records that
belong to no call are meant by themselves.
"""

# ruff: noqa: S608 - what is put together here are names of ours; values are parameters

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from remit.audit import erasure, rotation
from remit.ledgers.retention import Erasure, Retention

MOST_AT_ONCE = 20_000
"""Payloads that go in one transaction, with one record of it."""

_CALL = "('refused', 'asked', 'answered', 'started', 'returned', 'raised')"
_KEPT = f"('{rotation.ACTION}', '{erasure.ACTION}')"


class Dialect(msgspec.Struct, frozen=True):
    """How a database says what all of them can."""

    record: str
    payload: str
    approval: str
    user: str
    """The user of the session in the payload that a table called `{}` holds."""
    among: str
    """Whether the first `{}` is one of the texts in the second, a list in JSON."""
    mark: str
    """In front of the number of a parameter."""


class Wanted(msgspec.Struct, frozen=True):
    """Conditions for the payloads that are asked for, and their parameters."""

    erasable: str
    too_young: str
    under_way: str
    """Old enough, and of what is under way."""
    values: list[Any]


def wanted(
    asked: Erasure, retention: Retention, dialect: Dialect, now: int, waiting: Sequence[str]
) -> Wanted:
    """What *asked* means at the moment *now*, in Unix nanoseconds.

    *waiting* are questions to people that somebody may yet answer, or use the answers to.
    """
    values: list[Any] = []

    def parameter(value: Any) -> str:
        values.append(value)
        return f"{dialect.mark}{len(values)}"

    # First, because SQLite wants no parameters behind the last that a query has.
    open_cases = parameter(msgspec.json.encode(waiting).decode())
    before = parameter(_ago(now, asked.older_than or timedelta(0)))
    youngest = parameter(_ago(now, retention.minimum))
    conditions = []
    if asked.subject is not None:
        conditions.append(f"{{r}}.subject = {parameter(asked.subject)}")
    if asked.session is not None:
        conditions.append(f"{{r}}.session = {parameter(asked.session)}")
    if asked.user is not None:
        person, itself = parameter(asked.user), parameter(f"user:{asked.user}")
        conditions.append(f"({dialect.user.format('{p}')} = {person} OR {{r}}.subject = {itself})")
    meant = (
        f"{_whose(conditions, dialect)} AND r.at < {before} "
        f"AND NOT (r.kind = 'changed' AND r.action IN {_KEPT})"
    )
    busy = f"(r.kind IN {_CALL} AND {dialect.among.format('r.call', open_cases)})"
    if not asked.abandoned:
        busy = f"({busy} OR {_never_ended(dialect)})"
    return Wanted(
        erasable=f"{meant} AND r.at < {youngest} AND NOT {busy}",
        too_young=f"{meant} AND r.at >= {youngest}",
        under_way=f"{meant} AND r.at < {youngest} AND {busy}",
        values=values,
    )


def _whose(conditions: list[str], dialect: Dialect) -> str:
    if not conditions:
        return "TRUE"
    whose = " AND ".join(conditions)
    calls = (
        f"SELECT m.call FROM {dialect.record} AS m "
        f"LEFT JOIN {dialect.payload} AS n ON n.seq = m.seq "
        f"WHERE m.kind IN {_CALL} AND {whose.format(r='m', p='n')}"
    )
    itself = whose.format(r="r", p="p")
    return f"({itself} OR (r.kind IN {_CALL} AND r.call IN ({calls})))"


def _never_ended(dialect: Dialect) -> str:
    """A call that started and has not ended, or that broke off while it asked."""
    of_call = f"SELECT 1 FROM {dialect.record} AS {{0}} WHERE {{0}}.call = r.call"
    ended = f"{of_call.format('e')} AND e.kind IN ('returned', 'raised') AND e.seq > s.seq"
    started = f"{of_call.format('s')} AND s.kind = 'started' AND NOT EXISTS ({ended})"
    words = f"SELECT l.kind FROM {dialect.record} AS l WHERE l.call = r.call"
    last = f"{words} ORDER BY l.seq DESC LIMIT 1"
    # What an inbox knows of is over when the inbox says so.
    kept = f"SELECT 1 FROM {dialect.approval} AS a WHERE a.id = r.call"
    broke_off = f"(({last}) = 'asked' AND NOT EXISTS ({kept}))"
    return f"(r.kind IN {_CALL} AND (EXISTS ({started}) OR {broke_off}))"


def _ago(now: int, age: timedelta) -> int:
    return now // 1000 - age // timedelta(microseconds=1)


def account(asked: Erasure, retention: Retention, indexes: list[int]) -> dict[str, Any]:
    """What the record of an erasure says; nothing of what was erased, and about nobody."""
    return {
        "records": erasure.told(indexes),
        "count": len(indexes),
        "asked": asked.criteria,
        "older_than_days": None if asked.older_than is None else asked.older_than.days,
        "minimum_days": retention.minimum.days,
        "abandoned": asked.abandoned,
        "reason": asked.reason,
    }

"""Payloads that go, in the words of PostgreSQL."""

from __future__ import annotations

from remit.audit.case import decode_case
from remit.databases.postgres_session import Connection
from remit.ledgers.erasing import MOST_AT_ONCE, Dialect, Wanted, wanted
from remit.ledgers.postgres_query import as_kept
from remit.ledgers.retention import Erased, Erasure, Retention

DIALECT = Dialect(
    record="remit.record",
    payload="remit.payload",
    approval="remit.approval",
    user=r"replace(convert_from({}.body, 'UTF8'), '\u0000', '\ufffd')::json "
    "#>> '{{{{session,user}}}}'",
    among="{} IN (SELECT json_array_elements_text({}::json))",
    mark="$",
)
_FROM = "FROM remit.record AS r JOIN remit.payload AS p ON p.seq = r.seq"
_FORGET = """
DELETE FROM remit.approval WHERE id IN (
    SELECT call FROM remit.record WHERE seq = ANY($1::bigint[]) AND kind = 'asked'
)
"""


async def would_erase(
    connection: Connection, asked: Erasure, retention: Retention, now: int
) -> Erased:
    """What there is to erase at the moment *now*, and what is held back."""
    question = await _question(connection, asked, retention, now)
    return Erased(
        count=await _count(connection, question.erasable, question),
        too_young=await _count(connection, question.too_young, question),
        under_way=await _count(connection, question.under_way, question),
    )


async def delete(
    connection: Connection, asked: Erasure, retention: Retention, now: int
) -> list[int]:
    """Delete so many payloads, within a transaction; the indexes of their records."""
    question = await _question(connection, asked, retention, now)
    query = f"SELECT r.seq {_FROM} WHERE {_used(question.erasable, question)} ORDER BY r.seq"
    rows = await connection.fetch(f"{query} LIMIT {MOST_AT_ONCE}", *_values(question))
    indexes = [row[0] for row in rows]
    await connection.execute(_FORGET, indexes)
    await connection.execute("DELETE FROM remit.payload WHERE seq = ANY($1::bigint[])", indexes)
    return indexes


async def _question(
    connection: Connection, asked: Erasure, retention: Retention, now: int
) -> Wanted:
    rows = await connection.fetch("SELECT body FROM remit.approval WHERE digest IS NOT NULL")
    cases = (decode_case(body) for (body,) in rows)
    waiting = [case.id for case in cases if not case.lapsed(now)]
    return wanted(asked, retention, DIALECT, now, waiting)


async def _count(connection: Connection, where: str, question: Wanted) -> int:
    query = f"SELECT count(*) {_FROM} WHERE {_used(where, question)}"
    found: int = await connection.fetchval(query, *_values(question))
    return found


def _values(question: Wanted) -> list[int | str]:
    return [as_kept(one) if isinstance(one, str) else one for one in question.values]


def _used(where: str, question: Wanted) -> str:
    """*where*, with every parameter in it: PostgreSQL must know of what type each is."""
    types = ("bigint" if isinstance(value, int) else "text" for value in question.values)
    named = (f"${number}::{kind} IS NOT NULL" for number, kind in enumerate(types, 1))
    return f"{' AND '.join(named)} AND {where}"

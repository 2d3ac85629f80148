"""Questions to people in a database: loaded, moved and written back in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from remit.audit.case import (
    Docket,
    decode_case,
    decode_standing,
    encode_case,
    wanted,
)
from remit.audit.record import Entry
from remit.databases.postgres_session import Connection
from remit.errors import Conflict

_CASES = "SELECT body FROM remit.approval WHERE id = ANY($1::text[]) OR digest = ANY($2::text[])"
_STANDING = "SELECT body FROM remit.standing WHERE id = ANY($1::text[])"
_KEEP = """
INSERT INTO remit.approval (id, digest, asked, body) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET digest = EXCLUDED.digest, body = EXCLUDED.body
"""
_GIVE = """
INSERT INTO remit.standing (id, body) VALUES ($1, $2)
ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body
"""
_CLOCK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000"


async def move(
    connection: Connection, entries: Sequence[Entry], now: int | None
) -> dict[int, Conflict]:
    """Make the moves of *entries*; which of these are not to be kept, by their place, and why.

    Without *now* the clock is that of the database, which all machines share.
    """
    if not any(entry.move for entry in entries):
        return {}
    sought = wanted(entry.move for entry in entries)
    found = await connection.fetch(_CASES, list(sought.cases), list(sought.digests))
    rights = await connection.fetch(_STANDING, list(sought.standing))
    docket = Docket(
        {case.id: case for case in (decode_case(body) for (body,) in found)},
        {right.id: right for right in (decode_standing(body) for (body,) in rights)},
        await connection.fetchval(_CLOCK) if now is None else now,
    )
    refused = docket.make_all(entry.move for entry in entries)
    for case in docket.changed.values():
        digest = None if case.closed else case.question.digest
        await connection.execute(_KEEP, case.id, digest, case.question.at, encode_case(case))
    for right in docket.given.values():
        await connection.execute(_GIVE, right.id, encode_case(right))
    await connection.execute(
        "DELETE FROM remit.standing WHERE id = ANY($1::text[])", list(docket.revoked)
    )
    return refused

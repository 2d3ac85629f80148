"""A `Filter` in the words of PostgreSQL."""

from __future__ import annotations

from typing import Any

import msgspec

from remit.ledgers.postgres_schema import PREFIX
from remit.ledgers.query import Filter

_INDEXED = frozenset({"run", "session", "call", "subject", "action"})


def where(wanted: Filter) -> tuple[str, list[Any]]:
    """Conditions, order and limit for the table `remit.record`, and their parameters."""
    clauses, values = ["TRUE"], list[Any]()

    def parameter(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    if wanted.start:
        clauses.append(f"seq >= {parameter(wanted.start)}")
    for name, value in wanted.equalities():
        if value == "":
            # A leaf leaves out what is empty.
            clauses.append(f"coalesce({name}, '') = ''")
            continue
        given = f"{parameter(as_kept(value))}::text"
        clauses.append(f"{name} = {given}")
        if name in _INDEXED:
            clauses.append(f"left({name}, {PREFIX}) = left({given}, {PREFIX})")
    if wanted.rule is not None:
        rules = r"json_array_elements_text(replace(leaf, '\u0000', '\ufffd')::json -> 'rules')"
        rule = parameter(as_kept(wanted.rule))
        clauses.append(f"EXISTS (SELECT FROM {rules} AS rule WHERE rule = {rule}::text)")
    if wanted.since is not None:
        clauses.append(f"at >= {parameter(wanted.since // 1000)}")
    if wanted.until is not None:
        clauses.append(f"at < {parameter(wanted.until // 1000)}")
    order = "DESC" if wanted.newest_first else "ASC"
    limit = "" if wanted.limit is None else f" LIMIT {parameter(wanted.limit)}"
    return f"WHERE {' AND '.join(clauses)} ORDER BY seq {order}{limit}", values


def as_kept(text: str) -> str:
    """*text* as the generated columns have it, which know no NUL."""
    kept = msgspec.json.encode(text).replace(b"\\u0000", b"\\ufffd")
    return str(msgspec.json.decode(kept))

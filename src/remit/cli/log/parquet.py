"""Records as a Parquet file: a row each, for tools that read columns.

index                   int64
time                    timestamp in microseconds, UTC
kind, call, subject, …  the fields of the leaf; what it leaves out is null
rules, uses, …          lists of text
hash                    the hash of the leaf, 32 bytes
leaf, body              leaf and payload as they are kept; the body is null once it was erased
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from remit.audit.stored import Leaf, Stored

AT_ONCE = 10_000
"""Rows in memory, and in a group of the file."""

_LISTS = ("rules", "monitored", "approved", "uses")
_OWN = ("v", "at")


def write(records: Iterable[Stored], output: Path) -> None:
    """Write *records* to the file *output*; whatever goes wrong leaves none behind.

    Raises:
        ImportError: there is no pypa.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError("Parquet needs pyarrow: pip install 'remit[parquet]'") from error
    schema = _schema(pa)
    draft = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with parquet.ParquetWriter(draft, schema, compression="zstd") as writer:
            for rows in _groups(records):
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)


def _schema(pa: Any) -> Any:
    text, texts = pa.string(), pa.list_(pa.string())
    names = [name for name in Leaf.__struct_fields__ if name not in {*_OWN, "errors"}]
    return pa.schema(
        [
            pa.field("index", pa.int64(), nullable=False),
            pa.field("time", pa.timestamp("us", tz="UTC"), nullable=False),
            *(pa.field(name, texts if name in _LISTS else text) for name in names),
            pa.field("errors", pa.int64()),
            pa.field("hash", pa.binary(32), nullable=False),
            pa.field("leaf", text, nullable=False),
            pa.field("body", text),
        ]
    )


def _groups(records: Iterable[Stored]) -> Iterator[list[dict[str, Any]]]:
    rest = iter(records)
    while rows := [_row(stored) for stored in islice(rest, AT_ONCE)]:
        yield rows


def _row(stored: Stored) -> dict[str, Any]:
    leaf = stored.facts()
    # Says so if it is not JSON, rather than leave that to whoever reads the file.
    stored.details()
    fields = {name: getattr(leaf, name) for name in Leaf.__struct_fields__ if name not in _OWN}
    return {
        **{name: value or None for name, value in fields.items()},
        "index": stored.index,
        "time": leaf.at,
        "kind": str(leaf.kind),
        "hash": stored.hash,
        "leaf": stored.leaf.decode(),
        "body": None if stored.payload is None else stored.payload.decode(),
    }

"""`remit log export`."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Annotated, Literal

from cyclopts import Parameter

from remit.approvers.terminal import visible
from remit.audit.stored import Leaf, Stored
from remit.cli import given, screen
from remit.cli.given import Force
from remit.cli.log.ledger import LEDGER, Ledger, reading
from remit.cli.log.record import document
from remit.cli.log.wanted import EVERYTHING, Wanted
from remit.cli.moment import shown

FIELDS = tuple(name for name in Leaf.__struct_fields__ if name not in {"v", "at"})


def export(
    *,
    format_: Annotated[Literal["jsonl", "csv"], Parameter(name="--format")] = "jsonl",
    output: Annotated[Path | None, Parameter(metavar="FILE", show_default=False)] = None,
    wanted: Wanted = EVERYTHING,
    ledger: Ledger = LEDGER,
    force: Force = False,
) -> None:
    """Write records to a file, or to standard output.

        remit log export > ledger.jsonl
        remit log export --format csv --output may.csv --since 2026-05-01 --until 2026-06-01

    JSON Lines hold all of a record. CSV is for spreadsheets: it holds the leaves,
    and what a spreadsheet would take for a formula begins with an apostrophe.

    Args:
        format_: of what form.
        output: where to; standard output if not said.
        wanted: which records.
        ledger: the ledger file.
        force: overwrite what is there.
    """
    question = wanted.filter()
    with reading(ledger) as log:
        records = log.select(question)
        with given.written_to(output, force=force) as file:
            (_csv if format_ == "csv" else _jsonl)(records, file)


def _jsonl(records: Iterable[Stored], file: IO[str]) -> None:
    for stored in records:
        file.write(screen.json_line(document(stored)) + "\n")


def _csv(records: Iterable[Stored], file: IO[str]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("index", "time", *FIELDS, "hash"))
    for stored in records:
        leaf = stored.facts()
        cells = (_cell(getattr(leaf, name)) for name in FIELDS)
        writer.writerow((stored.index, shown(leaf.at), *cells, stored.hash.hex()))


def _cell(value: object) -> str:
    text = visible(" ".join(value) if isinstance(value, tuple) else str(value))
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text

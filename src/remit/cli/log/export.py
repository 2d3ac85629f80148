"""`remit log export`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Literal

from cyclopts import Parameter

from remit.audit.stored import Leaf, Stored
from remit.cli import given
from remit.cli.exits import Exit, Stop
from remit.cli.given import Force
from remit.cli.log import cloudevents, ocsf, parquet
from remit.cli.log.ledger import LEDGER, Ledger, reading
from remit.cli.log.record import document
from remit.cli.log.verify import File, trust_in
from remit.cli.log.wanted import EVERYTHING, Wanted
from remit.cli.moment import shown
from remit.ledgers import bundle
from remit.ledgers.query import Filter
from remit.visible import json_line, visible

FIELDS = tuple(name for name in Leaf.__struct_fields__ if name not in {"v", "at"})


Format = Literal["jsonl", "csv", "parquet", "cloudevents", "ocsf", "bundle"]


def export(
    *,
    format_: Annotated[Format, Parameter(name="--format")] = "jsonl",
    output: Annotated[Path | None, Parameter(metavar="FILE", show_default=False)] = None,
    wanted: Wanted = EVERYTHING,
    key: File = None,
    ledger: Ledger = LEDGER,
    force: Force = False,
) -> None:
    """Write records to a file, or to standard output.

        remit log export > ledger.jsonl
        remit log export --format csv --output may.csv --since 2026-05-01 --until 2026-06-01
        remit log export --format bundle --output audit.tar

    JSON Lines hold all of a record. CSV is for spreadsheets: it holds the leaves,
    and what a spreadsheet would take for a formula begins with an apostrophe.
    CloudEvents (1.0) and OCSF (API Activity) are JSON Lines too, an event a line. Parquet
    holds all of a record in columns, and needs pyarrow: pip install 'remit[parquet]'.

    A bundle is the whole log with its checkpoints and key, as a folder, or as a tar
    file where FILE is called so. `remit log verify --ledger` reads it, and so does a
    verifier that needs no Remit.

    Args:
        format_: of what form.
        output: where to; standard output if not said.
        wanted: which records.
        key: the verifying key that goes with a bundle; the one beside the ledger if not said. A
            database has none beside it.
        ledger: the ledger file or database.
        force: overwrite what is there.
    """
    if format_ == "bundle":
        _bundle(output, wanted, key, ledger, force=force)
        return
    question = wanted.filter()
    if format_ == "parquet":
        _parquet(output, question, ledger, force=force)
        return
    with reading(ledger) as log:
        records = log.select(question)
        with given.written_to(output, force=force) as file:
            WRITERS[format_](records, log.origin, file)


def _parquet(output: Path | None, question: Filter, ledger: Ledger, *, force: bool) -> None:
    if output is None:
        raise Stop(Exit.USAGE, "Parquet is not text: name a file with --output")
    if output.exists() and not force:
        raise Stop(Exit.FAILED, f"{output} is there already; --force overwrites it")
    with reading(ledger) as log:
        try:
            parquet.write(log.select(question), output)
        except ImportError as error:
            raise Stop(Exit.INVALID, str(error)) from error
        except OSError as error:
            raise Stop(Exit.INVALID, f"{output} cannot be written: {error.strerror}") from error


def _bundle(
    output: Path | None, wanted: Wanted, key: Path | None, ledger: Ledger, *, force: bool
) -> None:
    if output is None:
        raise Stop(Exit.USAGE, "a bundle is a folder or a tar file: name it with --output")
    if wanted != EVERYTHING:
        raise Stop(Exit.USAGE, "a bundle is the whole log: leave out which records are wanted")
    with reading(ledger) as log:
        trust = trust_in(key, ledger, log)
        with log.parts() as parts, _created(output, force=force) as put:
            bundle.write(parts, trust, put)


@contextmanager
def _created(output: Path, *, force: bool) -> Iterator[bundle.Put]:
    try:
        with bundle.created(output, force=force) as put:
            yield put
    except FileExistsError as error:
        raise Stop(Exit.FAILED, f"{output} is there already; --force overwrites it") from error
    except OSError as error:
        raise Stop(Exit.INVALID, f"{output} cannot be written: {error.strerror}") from error


def _jsonl(records: Iterable[Stored], _origin: str, file: IO[str]) -> None:
    for stored in records:
        file.write(json_line(document(stored)) + "\n")


def _cloudevents(records: Iterable[Stored], origin: str, file: IO[str]) -> None:
    for stored in records:
        file.write(json_line(cloudevents.event(stored, origin)) + "\n")


def _ocsf(records: Iterable[Stored], origin: str, file: IO[str]) -> None:
    for stored in records:
        file.write(json_line(ocsf.event(stored, origin)) + "\n")


def _csv(records: Iterable[Stored], _origin: str, file: IO[str]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("index", "time", *FIELDS, "hash"))
    for stored in records:
        leaf = stored.facts()
        cells = (_cell(getattr(leaf, name)) for name in FIELDS)
        writer.writerow((stored.index, shown(leaf.at), *cells, stored.hash.hex()))


def _cell(value: object) -> str:
    text = visible(" ".join(value) if isinstance(value, tuple) else str(value))
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


WRITERS = {"jsonl": _jsonl, "csv": _csv, "cloudevents": _cloudevents, "ocsf": _ocsf}

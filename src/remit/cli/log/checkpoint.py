"""`remit log checkpoint`."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from remit.audit.checkpoint import parse_checkpoint_unchecked
from remit.cli import screen
from remit.cli.exits import Exit, Stop
from remit.cli.given import Json
from remit.cli.log.ledger import LEDGER, Ledger, Log, reading, writing
from remit.cli.log.ledger import note as read_note
from remit.databases.postgres_address import Address
from remit.errors import LogError
from remit.ledgers.query import Filter
from remit.ledgers.sqlite import SqliteLedger


def checkpoint(
    *,
    add: Annotated[Path | None, Parameter(metavar="FILE", show_default=False)] = None,
    sign: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
    ledger: Ledger = LEDGER,
    as_json: Json = False,
) -> None:
    """Print the last signed checkpoint, to be kept where nobody can write who writes the ledger.

        remit log checkpoint > 2026-05-01.checkpoint
        remit log verify --checkpoint 2026-05-01.checkpoint
        remit log checkpoint --add cosigned.checkpoint

    Whoever keeps it can tell later whether the records it signs are still there,
    unchanged and in order.

    Args:
        add: keep the signatures of a witness, in a checkpoint of this ledger that it cosigned.
        sign: first verify the ledger, and sign a new one over all of it; needs its key.
        ledger: the ledger file.
        as_json: print a JSON document.
    """
    if add is not None:
        sys.stdout.write(_add(add, ledger))
        return
    with reading(ledger) as log:
        note = _sign(log, ledger) if sign else _last(log.checkpoints())
        if note is None:
            raise Stop(Exit.FAILED, f"{ledger} has no checkpoint yet; --sign signs one")
        signed = parse_checkpoint_unchecked(note)
        newest = next(log.select(Filter(newest_first=True, limit=1)), None)
        behind = (newest.index + 1 if newest else 0) - signed.size
    if as_json:
        facts = {"origin": signed.origin, "size": signed.size, "root": signed.root}
        screen.emit({**facts, "behind": behind, "note": note})
    else:
        sys.stdout.write(note)
    if behind > 0:
        records = f"{screen.count(behind, 'record')} {'is' if behind == 1 else 'are'}"
        screen.warn(f"{records} behind this checkpoint; --sign signs a new one")


def _add(path: Path, ledger: Path | Address) -> str:
    text = read_note(path, "a checkpoint")
    with reading(ledger), writing(ledger) as log:
        try:
            return log.add_signatures(text)
        except LogError as error:
            raise Stop(Exit.FAILED, f"{path}: {error}") from error


def _last(notes: Iterable[str]) -> str | None:
    last = deque(notes, maxlen=1)
    return last[0] if last else None


def _sign(log: Log, path: Path | Address) -> str:
    """A new checkpoint, of a ledger that is whole: nobody should vouch for another."""
    if isinstance(path, Address):
        message = f"{path} is only read from here: whoever has its key signs, in a PostgresLedger"
        raise Stop(Exit.USAGE, message)
    broken = next((found for found in log.verify().findings if found.breaks), None)
    if broken is not None:
        raise Stop(Exit.FAILED, f"{path} is not whole, and was not signed: {broken.message}")
    with SqliteLedger(path) as ledger:
        return ledger.checkpoint()

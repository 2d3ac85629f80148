"""`remit log witness`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from remit.audit.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint_unchecked
from remit.audit.cosignature import WitnessSigner
from remit.audit.note import VerifyingKey
from remit.audit.tree import verify_consistency
from remit.audit.trust import Trust
from remit.cli import screen
from remit.cli.exits import Exit, Stop
from remit.cli.log.ledger import LEDGER, Ledger, Log, note, reading
from remit.errors import LogError
from remit.ledgers import keys

File = Annotated[Path, Parameter(metavar="FILE")]


def witness(*, signer: File, key: File, seen: File, ledger: Ledger = LEDGER) -> None:
    """Cosign the last checkpoint of a ledger that has only grown since the one seen before.

        remit key generate witness --witness --name example.org/witness
        remit log witness --signer witness.key --key ledger.pub --seen ledger.seen > cosigned
        remit log checkpoint --add cosigned

    Run it where the ledger cannot be written, by somebody else than who owns it. What was
    seen is kept in a file, and is the memory of the witness: whoever has two checkpoints that
    it cosigned knows that the one leads to the other. If the ledger does not, the exit code
    is 1, nothing is cosigned, and the two checkpoints are evidence.

    Args:
        signer: the signing key of the witness.
        key: the verifying key of the ledger, as the witness knows it.
        seen: where the witness remembers the last checkpoint; made by the first one.
        ledger: the ledger file or database.
    """
    cosigner = _signer(signer)
    trusted = _keys(key)
    before = parse_checkpoint_unchecked(note(seen, "a checkpoint")) if seen.exists() else None
    with reading(ledger) as log:
        signed = max(log.checkpoints(), key=_size, default=None)
        if signed is None:
            raise Stop(Exit.FAILED, f"{ledger} has no checkpoint yet")
        try:
            head = open_checkpoint(signed, trusted)
        except LogError as error:
            raise Stop(Exit.FAILED, f"{ledger}: its last checkpoint is not {error}") from error
        if before is None:
            screen.warn(f"{seen} is new: nothing was seen of this ledger before")
        else:
            _compare(log, before, head, seen)
    cosigned = cosigner.cosign(signed, int(time.time()))
    # Remembered first: what was cosigned and forgotten could be contradicted.
    keys.write(seen, cosigned.removesuffix("\n"), 0o600)
    sys.stdout.write(cosigned)


def _compare(log: Log, before: Checkpoint, head: Checkpoint, seen: Path) -> None:
    """Let nothing be cosigned that does not continue what was seen."""
    if head.origin != before.origin:
        raise Stop(Exit.FAILED, f"{seen} is of {before.origin}, and this ledger is {head.origin}")
    if head.size < before.size:
        why = f"it signs {head.size} records, and {before.size} were seen"
        raise Stop(Exit.FAILED, f"{head.origin} went back: {why}")
    try:
        proof = log.consistency_proof(before.size, head.size)
    except LogError as error:
        raise Stop(Exit.FAILED, f"{head.origin} cannot show that it only grew: {error}") from error
    if not verify_consistency(before.size, before.root, head.size, head.root, proof):
        why = f"its first {before.size} records are not those of {seen}"
        raise Stop(Exit.FAILED, f"{head.origin} has two histories: {why}")


def _size(signed: str) -> int:
    try:
        return parse_checkpoint_unchecked(signed).size
    except LogError:
        return -1


def _signer(path: Path) -> WitnessSigner:
    try:
        found = WitnessSigner.parse(note(path, "a signing key"))
        # Says so if the key is damaged.
        _ = found.verifying
    except LogError as error:
        why = f"{error}; 'remit key generate --witness' makes one"
        raise Stop(Exit.INVALID, f"{path}: {why}") from error
    return found


def _keys(path: Path) -> tuple[VerifyingKey, ...]:
    try:
        return Trust.parse(note(path, "a verifying key")).keys
    except LogError as error:
        raise Stop(Exit.INVALID, f"{path}: {error}") from error

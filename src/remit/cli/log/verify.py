"""`remit log verify`."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from remit.audit.checkpoint import Checkpoint, parse_checkpoint_unchecked
from remit.audit.cosignature import WitnessKey
from remit.audit.findings import Finding, FindingKind, Verification
from remit.audit.note import VerifyingKey
from remit.audit.trust import Trust, UnknownSigner
from remit.cli import screen
from remit.cli.exits import Exit, Stop
from remit.cli.given import Json, Strict
from remit.cli.log.ledger import LEDGER, Ledger, Log, checking, note
from remit.databases.postgres_address import Address
from remit.errors import LogError
from remit.ledgers.bundle import Bundle

MOST_SHOWN = 10
WHOLE = "whole"

File = Annotated[Path | None, Parameter(metavar="FILE", show_default=False)]


def verify(
    *,
    key: File = None,
    checkpoint: File = None,
    witness: Annotated[tuple[Path, ...], Parameter(metavar="FILE", negative=())] = (),
    quorum: Annotated[int, Parameter(metavar="N", show_default=False)] = 0,
    strict: Strict = False,
    ledger: Ledger = LEDGER,
    as_json: Json = False,
) -> Exit:
    """Check that a ledger is whole, in order and unchanged, as far as its checkpoints reach.

        remit log verify
        remit log verify --key ledger.pub --checkpoint 2026-05-01.checkpoint

    The exit code is 1 if it is not, or if no checkpoint signs any of it, or none that enough
    of the witnesses cosigned. Only a
    key and a checkpoint that were kept elsewhere find what somebody can hide who
    owns the machine.

    Args:
        key: the verifying key to trust; the one beside the ledger if not said. Where the ledger
            says that another took its place, and it signed that, the other is trusted from there.
        checkpoint: one that was kept elsewhere.
        witness: the verifying key of a witness who has to have cosigned; several may be named.
        quorum: how many of them; all, if not said.
        strict: let also calls that never ended, erased payloads and unsigned records fail it.
        ledger: the ledger file, or a bundle that was exported.
        as_json: print a JSON document.
    """
    with checking(ledger) as log:
        trusted = _with_witnesses(trust_in(key, ledger, log), witness, quorum)
        kept = None if checkpoint is None else note(checkpoint, "a checkpoint")
        outside = None if kept is None else opened(kept, log, checkpoint)
        found = _verify(log, trusted, kept, checkpoint)
        state = state_of(found, trusted, strict=strict)
        if as_json:
            whole = {"ledger": str(ledger), "whole": state == WHOLE, "origin": log.origin}
            screen.emit(whole | _document(trusted, outside, found))
        else:
            told = {
                "log": log.origin,
                "records": str(found.size),
                "root": _base64(found.root),
                "signed": _extent(found),
                "key": _whose(trusted.keys[0], key),
                **_replaced(found),
                **_seen(trusted, found),
                "kept": _kept(outside, checkpoint),
            }
            screen.say((str(ledger), "bold"), " is ", screen.styled(state))
            screen.facts(told)
            _show_findings(log, found.findings)
    return Exit.OK if state == WHOLE else Exit.FAILED


def trust_in(path: Path | None, ledger: Path | Address, log: Log | Bundle) -> Trust:
    """The keys in the file at *path*, or beside the ledger."""
    if path is None:
        return _trust_beside(ledger, log)
    try:
        return Trust.parse(note(path, "a verifying key"))
    except LogError as error:
        raise Stop(Exit.INVALID, f"{path}: {error}") from error


def _trust_beside(ledger: Path | Address, log: Log | Bundle) -> Trust:
    if isinstance(ledger, Address):
        message = f"no key lies beside {ledger}: name the one you trust with --key"
        raise Stop(Exit.USAGE, message)
    try:
        return log.trust()
    except FileNotFoundError as error:
        message = f"{error.filename}: there is no key beside the ledger; name one with --key"
        raise Stop(Exit.UNREADABLE, message) from error


def opened(kept: str, log: Log | Bundle, path: Path | None) -> Checkpoint:
    """What the checkpoint *kept* elsewhere says, if it is one of this log."""
    try:
        opened = parse_checkpoint_unchecked(kept)
    except LogError as error:
        raise Stop(Exit.FAILED, f"{path} does not fit this ledger: {error}") from error
    if opened.origin != log.origin:
        message = f"{path} is a checkpoint of {opened.origin}, and this ledger is {log.origin}"
        raise Stop(Exit.FAILED, message)
    return opened


def _verify(log: Log | Bundle, trust: Trust, kept: str | None, path: Path | None) -> Verification:
    try:
        return log.verify(trust, checkpoint=kept)
    except UnknownSigner as error:
        raise Stop(Exit.FAILED, f"{path} does not fit this ledger: {error}") from error


def _with_witnesses(trust: Trust, paths: Sequence[Path], quorum: int) -> Trust:
    witnesses = tuple(_witness(path) for path in paths)
    try:
        return msgspec.structs.replace(trust, witnesses=witnesses, quorum=quorum)
    except ValueError as error:
        raise Stop(Exit.USAGE, f"--quorum: {error}") from error


def _witness(path: Path) -> WitnessKey:
    try:
        return WitnessKey.parse(note(path, "the key of a witness"))
    except LogError as error:
        raise Stop(Exit.INVALID, f"{path}: {error}") from error


def _document(trust: Trust, outside: Checkpoint | None, found: Verification) -> dict[str, Any]:
    return {
        "size": found.size,
        "root": _base64(found.root),
        "signed": found.signed,
        "checkpoints": found.checkpoints,
        "witnessed": found.witnessed if trust.witnesses else None,
        "key": str(trust.keys[0]),
        "rotations": [msgspec.structs.asdict(one) for one in found.rotations],
        "kept": outside and {"size": outside.size, "root": _base64(outside.root)},
        "findings": [
            {"kind": each.kind, "index": each.index, "breaks": each.breaks, "message": each.message}
            for each in found.findings
        ],
    }


def state_of(found: Verification, trust: Trust, *, strict: bool) -> str:
    """Whether the log is whole, in two words at most."""
    if not found.intact or (strict and found.findings):
        return "NOT WHOLE"
    # Whoever may write a ledger may also take its checkpoints away, and then change the rest.
    if found.size and not found.signed:
        return "NOT SIGNED"
    return "NOT WITNESSED" if trust.witnesses and found.size and not found.witnessed else WHOLE


def _extent(found: Verification) -> str:
    """How much of the log the trusted key vouches for."""
    if not found.signed:
        return "nothing: no checkpoint by the trusted key"
    extent = "all" if found.signed == found.size else f"the first {found.signed}"
    return f"{extent}, by {screen.count(found.checkpoints, 'checkpoint')}"


def _whose(key: VerifyingKey, path: Path | None) -> str:
    where = f"from {path}" if path else "beside the ledger; trust one kept elsewhere with --key"
    return f"{key.name}+{key.hash.hex()} {where}"


def _seen(trust: Trust, found: Verification) -> dict[str, str]:
    if not trust.witnesses:
        return {}
    who = f"by {trust.cosignatures} of {screen.count(len(trust.witnesses), 'witness')}"
    extent = "all" if found.witnessed == found.size else f"the first {found.witnessed}"
    return {"witnessed": f"{extent}, {who}" if found.witnessed else f"nothing {who}"}


def _replaced(found: Verification) -> dict[str, str]:
    if not found.rotations:
        return {}
    told = (f"by {_short(one.key)} in record {one.index}" for one in found.rotations)
    return {"replaced": "; ".join(told)}


def _short(key: str) -> str:
    return "+".join(key.split("+")[:2])


def _kept(outside: Checkpoint | None, path: Path | None) -> str:
    if outside is None:
        return "no checkpoint kept elsewhere was given; name one with --checkpoint"
    return f"{path}: {screen.count(outside.size, 'record')}, root {_base64(outside.root)}"


def _show_findings(log: Log | Bundle, findings: Sequence[Finding]) -> None:
    """Defects first, then facts; of each sort no more than a person would read."""
    defects = [finding for finding in findings if finding.breaks]
    facts = [finding for finding in findings if not finding.breaks]
    for title, style, found in (("defects", "red", defects), ("facts", "yellow", facts)):
        if not found:
            continue
        screen.say()
        screen.say((f"{title}:", "bold"))
        for finding in found[:MOST_SHOWN]:
            screen.say((f"{finding.kind:<15}", style), f" {_told(log, finding)}", indent=2)
        if len(found) > MOST_SHOWN:
            screen.say(f"and {len(found) - MOST_SHOWN} more; --json lists all", indent=2)


def _told(log: Log | Bundle, finding: Finding) -> str:
    if finding.kind is not FindingKind.UNENDED:
        return finding.message
    leaf = log.entry(finding.index).facts()
    return f"{finding.message}: {leaf.subject} {leaf.action}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()

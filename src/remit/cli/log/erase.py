"""`remit log erase`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from remit.cli import screen
from remit.cli.exits import Exit, Stop
from remit.cli.given import By, Json, whoever
from remit.cli.log.ledger import LEDGER, Ledger, reading, writing
from remit.cli.moment import seconds
from remit.ledgers import keys
from remit.ledgers.retention import PRESETS, Erased, Erasure, Retention

Age = Annotated[str | None, Parameter(metavar="AGE")]
Id = Annotated[str | None, Parameter(metavar="ID")]
Flag = Annotated[bool, Parameter(negative=(), show_default=False)]


def erase(
    *,
    older_than: Age = None,
    subject: Annotated[str | None, Parameter(metavar="TYPE:ID")] = None,
    session: Id = None,
    user: Id = None,
    abandoned: Flag = False,
    keep_at_least: Annotated[str, Parameter(metavar="AGE")] = "six-months",
    reason: Annotated[str, Parameter(metavar="TEXT", show_default=False)] = "",
    by: By = None,
    dry_run: Flag = False,
    ledger: Ledger = LEDGER,
    as_json: Json = False,
) -> None:
    """Erase payloads: arguments, reasons, and whatever else may be personal.

        remit log erase --older-than 400d --dry-run
        remit log erase --older-than 400d --reason "retention of 400 days"
        remit log erase --user u-4711 --keep-at-least none --reason "request 17"

    What is meant has all that is asked for, with the whole of its calls. Leaves stay, and
    so do proofs. The ledger says in a record which payloads went, how many, why and by whom.

    Nothing younger than six months goes, as the EU AI Act has deployers of high-risk systems
    keep their logs at least that long (Article 26(6)), nor what is under way.

    Args:
        older_than: what is older: 400d, 52w.
        subject: of this subject; an id without a type is that of an agent.
        session: of this session.
        user: on behalf of this person, or by them.
        abandoned: also calls that never ended, or broke off while they asked.
        keep_at_least: erase nothing younger: 180d, six-months, or none.
        reason: why. It stays in the ledger, and is no place for a name.
        by: who does it; you, as the system knows you, if not said. It stays in the ledger.
        dry_run: count what would go, and erase nothing.
        ledger: the ledger file or database.
        as_json: print a JSON document.
    """
    if subject is not None and ":" not in subject:
        subject = f"agent:{subject}"
    age = None if older_than is None else _age(older_than, "--older-than")
    try:
        asked = Erasure(
            older_than=age, subject=subject, session=session, user=user,
            abandoned=abandoned, reason=reason,
        )  # fmt: skip
    except ValueError as error:
        options = "--older-than, --subject, --session or --user"
        raise Stop(Exit.USAGE, f"{error}: give {options}") from error
    retention = Retention(_age(keep_at_least, "--keep-at-least"))
    who = whoever(by)
    with reading(ledger), writing(ledger) as log:
        erased = log.erase(asked, by=who, retention=retention, dry_run=dry_run)
        # So that whoever verifies next finds the erasure signed for.
        if isinstance(ledger, Path) and erased.count and not dry_run and _has_key(ledger):
            log.checkpoint()
    if as_json:
        screen.emit({**asdict(erased), "dry_run": dry_run})
        return
    _tell(erased, dry_run=dry_run)


def _age(text: str, option: str) -> timedelta:
    if option == "--keep-at-least" and text in PRESETS:
        return PRESETS[text]
    try:
        return timedelta(seconds=seconds(text))
    except ValueError as error:
        raise Stop(Exit.USAGE, f"{option}: {error}") from error


def _has_key(ledger: Path) -> bool:
    return keys.signing_path(ledger).exists()


def _tell(erased: Erased, *, dry_run: bool) -> None:
    verb = "would be erased" if dry_run else "erased"
    screen.say(f"{screen.count(erased.count, 'payload')} {verb}")
    held = {
        "younger than --keep-at-least": erased.too_young,
        "of what is under way, or was abandoned: see --abandoned": erased.under_way,
    }
    for why, number in held.items():
        if number:
            screen.say(f"{number} kept: {why}", indent=2)
    if not erased.scrubbed:
        why = "a file is overwritten by the next erasure or when nobody reads it"
        screen.warn(f"the bytes may still be there: {why}, a database by VACUUM FULL remit.payload")

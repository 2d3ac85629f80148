"""`remit pause`, `remit resume` and `remit paused`."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
from cyclopts import Parameter

from remit.cli import screen
from remit.cli.exits import Exit, Stop
from remit.cli.given import By, Json, whoever
from remit.cli.log.ledger import LEDGER, Ledger, reading, writing
from remit.errors import Unavailable
from remit.pausing import EVERYBODY, Pauses, in_force

Who = Annotated[str, Parameter(metavar="TYPE:ID", show_default=False)]
Reason = Annotated[str, Parameter(metavar="TEXT", show_default=False)]


def pause(
    subject: Who,
    /,
    *,
    reason: Reason = "",
    by: By = None,
    ledger: Ledger = LEDGER,
    as_json: Json = False,
) -> None:
    """Stop a subject, or everybody, in every process that records in the ledger.

        remit pause agent:support --reason "it refunds everything"
        remit pause '*'

    Whatever it asks is refused, whatever policy says, within a second. What has started ends.

    Args:
        subject: who is to stop; an id without a type is that of an agent, and * is everybody.
        reason: why. It is told to whoever is stopped.
        by: who does it; you, as the system knows you, if not said. It stays in the ledger.
        ledger: the ledger file or database.
        as_json: print a JSON document.
    """
    with reading(ledger), writing(ledger) as log:
        try:
            made = Pauses(log).pause(subject, by=whoever(by), reason=reason, at=time.time_ns())
        except Unavailable as error:
            raise Stop(Exit.UNREADABLE, str(error)) from error
    if as_json:
        screen.emit(msgspec.to_builtins(made))
        return
    screen.say(f"{made.subject} is paused")


def resume(
    subject: Who,
    /,
    *,
    reason: Reason = "",
    by: By = None,
    ledger: Ledger = LEDGER,
) -> None:
    """Let a subject go on that was paused.

        remit resume agent:support --reason "the prompt is mended"

    A pause of everybody ends by `remit resume '*'`, and others' own pauses stand.

    Args:
        subject: who may go on; an id without a type is that of an agent, and * is everybody.
        reason: why.
        by: who does it; you, as the system knows you, if not said. It stays in the ledger.
        ledger: the ledger file or database.
    """
    with reading(ledger), writing(ledger) as log:
        try:
            Pauses(log).resume(subject, by=whoever(by), reason=reason, at=time.time_ns())
        except ValueError as error:
            raise Stop(Exit.FAILED, str(error)) from error
        except Unavailable as error:
            raise Stop(Exit.UNREADABLE, str(error)) from error
    screen.say(f"{'everybody' if subject == EVERYBODY else subject} may go on")


def list_paused(*, ledger: Ledger = LEDGER, as_json: Json = False) -> None:
    """List who is paused, by whom and why.

        remit paused
        remit paused --json

    Args:
        ledger: the ledger file or database.
        as_json: print a JSON document.
    """
    with reading(ledger) as log:
        changes, _ = log.changes()
        pauses = in_force(changes)
    if as_json:
        screen.emit(msgspec.to_builtins(pauses))
        return
    for each in pauses:
        why = f": {each.reason}" if each.reason else ""
        screen.say(f"{each.subject} is paused by {each.by}{why}")
    if not pauses:
        screen.say("nobody is paused")

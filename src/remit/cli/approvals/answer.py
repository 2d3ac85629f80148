"""`remit approvals approve`, `deny`, `edit`, `respond` and `withdraw`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Annotated

import msgspec
from cyclopts import Parameter

from remit.audit.case import Case
from remit.cli import given, screen
from remit.cli.approvals import batch as shown_batch
from remit.cli.approvals import case as shown_case
from remit.cli.approvals.batch import Named, chosen
from remit.cli.approvals.desk import MYSELF, Answerer, answering
from remit.cli.exits import Exit, Stop
from remit.cli.log.ledger import LEDGER, Ledger

Reason = Annotated[str, Parameter(name=("--reason", "-m"), metavar="TEXT", show_default=False)]
Yes = Annotated[bool, Parameter(name=("--yes", "-y"), negative=(), show_default=False)]


def approve(
    *which: str,
    batch: Named = "",
    reason: Reason = "",
    yes: Yes = False,
    answerer: Answerer = MYSELF,
    ledger: Ledger = LEDGER,
) -> None:
    """Approve exactly what is asked, for one call. Shows it first, at a terminal.

        remit approvals approve 5d1c --as maria --role manager -m "the parcel was lost"
        remit approvals approve 5d1c 77e0 9ab3 --yes
        remit approvals approve --batch 0f3a91c2d4e5b687

    Several are approved one by one, each for its own call. The exit code is 1 if one cannot be.
    A batch is shown as a whole; one that cannot be approved keeps no other of it from being.

    Args:
        which: the id of the approval, or how it begins; or several.
        batch: like ones of one run, as `list --batches` shows them; not those asked since.
        reason: why.
        yes: approve without asking whether you mean it.
        answerer: who answers.
        ledger: the ledger they are kept in.
    """
    with answering(ledger, answerer) as desk:
        if together := chosen(desk, which, batch):
            if yes or _meant(partial(shown_batch.show, together), f"all {len(together.cases)}"):
                outcomes = desk.approve_all(together, answerer.subject(), reason=reason)
                shown_batch.tell(outcomes, desk.clock())
            return
        for one in which:
            case = desk.case(one)
            if yes or _meant(partial(shown_case.show, case, desk.clock()), "this"):
                _told(desk.approve(case.id, answerer.subject(), reason=reason))


def deny(
    *which: str,
    batch: Named = "",
    reason: Reason = "",
    answerer: Answerer = MYSELF,
    ledger: Ledger = LEDGER,
) -> None:
    """Refuse; before it is used, that takes back an approval.

        remit approvals deny 5d1c -m "not without a receipt"
        remit approvals deny --batch 0f3a91c2d4e5b687

    Args:
        which: the id of the approval, or how it begins; or several.
        batch: like ones of one run, as `list --batches` shows them; not those asked since.
        reason: why; the agent is told.
        answerer: who answers.
        ledger: the ledger they are kept in.
    """
    with answering(ledger, answerer) as desk:
        if together := chosen(desk, which, batch):
            outcomes = desk.refuse_all(together, answerer.subject(), reason=reason)
            shown_batch.tell(outcomes, desk.clock())
            return
        for one in which:
            _told(desk.refuse(one, answerer.subject(), reason=reason))


def edit(
    which: str,
    args: Annotated[str, Parameter(metavar="JSON")],
    /,
    *,
    policy: given.Policies = (given.POLICY,),
    reason: Reason = "",
    answerer: Answerer = MYSELF,
    ledger: Ledger = LEDGER,
) -> None:
    """Refuse, and approve the same call with other arguments, if policy does not deny that.

        remit approvals edit 5d1c '{"order": "o-1", "amount": 60}'

    The agent is told with which, and the call it then makes finds the approval.

    Args:
        which: the id of the approval, or how it begins.
        args: all arguments of the other call; @file or - reads them.
        policy: decides on the other call.
        reason: why.
        answerer: who answers.
        ledger: the ledger it is kept in.
    """
    from remit.sources import load

    arguments = given.mapping(args, "the arguments")
    with answering(ledger, answerer) as desk:
        decider = load(*policy)
        edited = desk.edit(which, answerer.subject(), arguments, decider, reason=reason)
        _told(edited)


def respond(
    which: str,
    value: Annotated[str, Parameter(metavar="JSON")],
    /,
    *,
    reason: Reason = "",
    answerer: Answerer = MYSELF,
    ledger: Ledger = LEDGER,
) -> None:
    """Let nothing run, and give the agent a value as if it had.

        remit approvals respond 5d1c '"the customer was given a voucher instead"'

    Args:
        which: the id of the approval, or how it begins.
        value: what the agent is given, as JSON.
        reason: why.
        answerer: who answers.
        ledger: the ledger it is kept in.
    """
    try:
        decoded = msgspec.json.decode(value)
    except msgspec.DecodeError as error:
        raise Stop(Exit.INVALID, f"the value is not JSON: {error}; a text needs quotes") from error
    with answering(ledger, answerer) as desk:
        _told(desk.respond(which, answerer.subject(), decoded, reason=reason))


def withdraw(
    which: str,
    /,
    *,
    reason: Reason = "",
    answerer: Answerer = MYSELF,
    ledger: Ledger = LEDGER,
) -> None:
    """End a question that nobody needs answered any more. The same call asks anew.

        remit approvals withdraw 5d1c -m "the run was stopped"

    Args:
        which: the id of the approval, or how it begins.
        reason: why.
        answerer: who withdraws it.
        ledger: the ledger it is kept in.
    """
    with answering(ledger, answerer) as desk:
        _told(desk.withdraw(which, answerer.subject(), reason=reason))


def _meant(show: Callable[[], None], what: str) -> bool:
    """Whether the person at the terminal has seen it and says so."""
    if not sys.stdin.isatty():
        why = "there is no terminal to show it at; --yes approves without"
        raise Stop(Exit.USAGE, why)
    show()
    screen.say()
    return input(f"approve {what}? [y/n] ").strip().casefold() in {"y", "yes"}


def _told(case: Case) -> None:
    shown_case.tell(case, time.time_ns())

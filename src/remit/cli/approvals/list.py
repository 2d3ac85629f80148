"""`remit approvals list`, `show` and `watch`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from remit.approvers.batch import Batch, batches
from remit.approvers.status import Status, status
from remit.audit.case import Case
from remit.cli import screen
from remit.cli.approvals import batch as shown_batch
from remit.cli.approvals import case as shown_case
from remit.cli.approvals.batch import Named, Together, chosen
from remit.cli.approvals.desk import looking
from remit.cli.exits import Exit, Stop
from remit.cli.given import Json
from remit.cli.log.ledger import LEDGER, Ledger, reading
from remit.cli.moment import shown

COLUMNS = ("approval", "asked (UTC)", "status", "risk", "subject", "action", "because")
LOOK_EVERY = 1.0

All = Annotated[bool, Parameter(name="--all", negative=(), show_default=False)]


def list_approvals(
    *,
    everything: All = False,
    together: Together = False,
    ledger: Ledger = LEDGER,
    as_json: Json = False,
) -> None:
    """List the questions that wait for somebody.

        remit approvals list
        remit approvals list --batches
        remit approvals list --all --json

    Like questions of one run, or of one session where there is no run, are a batch: the same
    subject asks for the same action, and the same rules say under which terms. A batch has an id
    of its own, which names the questions in it: when others wait it is another.

    Args:
        everything: also those that are settled, used or expired.
        together: like questions of one run in one line.
        ledger: the ledger they are kept in.
        as_json: print JSON Lines.
    """
    if everything and together:
        raise Stop(Exit.USAGE, "batches are of what waits: leave --all out")
    now = time.time_ns()
    with looking(ledger) as desk:
        found = desk.cases(waiting=not everything)
    if together and found:
        _list_batches(batches(found), now, as_json=as_json)
    elif as_json:
        for case in found:
            screen.emit_line(shown_case.document(case, now))
    elif found:
        screen.table(COLUMNS, [_row(case, now) for case in found], flexible=2)
    else:
        screen.say("nothing waits for an answer" if not everything else "nothing was asked")


def show_approval(
    which: Annotated[str, Parameter(show_default=False)] = "",
    /,
    *,
    batch: Named = "",
    ledger: Ledger = LEDGER,
    as_json: Json = False,
) -> None:
    """Show one question: who wants what, with which arguments, why it needs somebody, and whom.

        remit approvals show 5d1c
        remit approvals show --batch 0f3a91c2d4e5b687

    Args:
        which: the id of the approval, or how it begins.
        batch: like ones of one run, as `list --batches` shows them, and what they differ in.
        ledger: the ledger it is kept in.
        as_json: print a JSON document.
    """
    now = time.time_ns()
    with looking(ledger) as desk:
        together = chosen(desk, (which,) * bool(which), batch)
        if together is None:
            _show(desk.case(which), now, as_json=as_json)
            return
    if as_json:
        screen.emit(shown_batch.document(together, now))
    else:
        shown_batch.show(together)


def _show(case: Case, now: int, *, as_json: bool) -> None:
    if as_json:
        screen.emit(shown_case.document(case, now))
    else:
        shown_case.show(case, now)


def watch_approvals(
    *, together: Together = False, ledger: Ledger = LEDGER, as_json: Json = False
) -> None:
    """Print every question as it is asked, and every change of one, until interrupted.

        remit approvals watch
        remit approvals watch --batches
        remit approvals watch --json | notify-somebody

    Args:
        together: a question with all like it that wait.
        ledger: the ledger they are kept in.
        as_json: print JSON Lines.
    """
    known: dict[str, Status] = {}
    while True:
        with reading(ledger) as log:
            found = log.cases(waiting=False) if known else log.cases()
        now = time.time_ns()
        if together:
            _watch_batches(found, known, now, as_json=as_json)
        for case in found:
            if known.get(case.id) is status(case, now):
                continue
            new = case.id not in known
            known[case.id] = status(case, now)
            if as_json:
                screen.emit_line(shown_case.document(case, now))
            elif new and known[case.id] is Status.WAITING:
                shown_case.show(case, now)
            else:
                shown_case.tell(case, now)
        time.sleep(LOOK_EVERY)


def _watch_batches(
    found: Sequence[Case], known: dict[str, Status], now: int, *, as_json: bool
) -> None:
    """Print the batches with a question that is not *known*, and have it be."""
    for batch in batches(case for case in found if status(case, now) is Status.WAITING):
        if any(case.id not in known for case in batch.cases):
            known |= dict.fromkeys((case.id for case in batch.cases), Status.WAITING)
            _print_batch(batch, now, as_json=as_json)


def _print_batch(batch: Batch, now: int, *, as_json: bool) -> None:
    if as_json:
        screen.emit_line(shown_batch.document(batch, now))
    else:
        shown_batch.show(batch)


def _list_batches(found: Sequence[Batch], now: int, *, as_json: bool) -> None:
    if as_json:
        for batch in found:
            screen.emit_line(shown_batch.document(batch, now))
        return
    screen.table(shown_batch.COLUMNS, map(shown_batch.row, found), flexible=2)


def _row(case: Case, now: int) -> tuple[screen.Part, ...]:
    request, decision = case.question.request, case.question.decision
    asked = shown(case.question.at // 1000).replace("T", " ")[:19]
    risk = screen.styled(decision.risk or "")
    standing = shown_case.styled(case, now)
    who, what = str(request.subject), request.action.name
    return (case.id, asked, standing, risk, who, what, decision.reason)

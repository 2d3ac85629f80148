"""`remit approvals list`, `show` and `watch`."""

from __future__ import annotations

import time
from typing import Annotated

from cyclopts import Parameter

from remit.approvers.status import Status, status
from remit.audit.case import Case
from remit.cli import screen
from remit.cli.approvals import case as shown_case
from remit.cli.approvals.desk import find
from remit.cli.given import Json
from remit.cli.log.ledger import LEDGER, Ledger, reading
from remit.cli.moment import shown

COLUMNS = ("approval", "asked (UTC)", "status", "risk", "subject", "action", "because")
LOOK_EVERY = 1.0

All = Annotated[bool, Parameter(name="--all", negative=(), show_default=False)]


def list_approvals(
    *, everything: All = False, ledger: Ledger = LEDGER, as_json: Json = False
) -> None:
    """List the questions that wait for somebody.

        remit approvals list
        remit approvals list --all --json

    Args:
        everything: also those that are settled, used or expired.
        ledger: the ledger they are kept in.
        as_json: print JSON Lines.
    """
    now = time.time_ns()
    with reading(ledger) as log:
        found = [
            case
            for case in log.cases(waiting=not everything)
            if everything or status(case, now) is Status.WAITING
        ]
    if as_json:
        for case in found:
            screen.emit_line(shown_case.document(case, now))
    elif found:
        screen.table(COLUMNS, [_row(case, now) for case in found], flexible=2)
    else:
        screen.say("nothing waits for an answer" if not everything else "nothing was asked")


def show_approval(which: str, /, *, ledger: Ledger = LEDGER, as_json: Json = False) -> None:
    """Show one question: who wants what, with which arguments, why it needs somebody, and whom.

        remit approvals show 5d1c

    Args:
        which: the id of the approval, or how it begins.
        ledger: the ledger it is kept in.
        as_json: print a JSON document.
    """
    with reading(ledger) as log:
        case = find(log, which)
    now = time.time_ns()
    if as_json:
        screen.emit(shown_case.document(case, now))
    else:
        shown_case.show(case, now)


def watch_approvals(*, ledger: Ledger = LEDGER, as_json: Json = False) -> None:
    """Print every question as it is asked, and every change of one, until interrupted.

        remit approvals watch
        remit approvals watch --json | notify-somebody

    Args:
        ledger: the ledger they are kept in.
        as_json: print JSON Lines.
    """
    known: dict[str, Status] = {}
    while True:
        with reading(ledger) as log:
            found = log.cases(waiting=False) if known else log.cases()
        now = time.time_ns()
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
                screen.say(f"approval {case.id} is ", shown_case.styled(case, now))
        time.sleep(LOOK_EVERY)


def _row(case: Case, now: int) -> tuple[screen.Part, ...]:
    request, decision = case.question.request, case.question.decision
    asked = shown(case.question.at // 1000).replace("T", " ")[:19]
    risk = screen.styled(decision.risk or "")
    standing = shown_case.styled(case, now)
    who, what = str(request.subject), request.action.name
    return (case.id, asked, standing, risk, who, what, decision.reason)

"""How questions that are alike are shown: what they share once, the rest side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

from cyclopts import Parameter

from remit.approvers.batch import Batch, Outcome, compared
from remit.approvers.desk import Desk
from remit.cli import screen
from remit.cli.approvals import case as shown_case
from remit.cli.exits import Exit, Stop
from remit.cli.moment import shown
from remit.errors import Conflict
from remit.visible import visible

Named: TypeAlias = Annotated[str, Parameter(name="--batch", metavar="ID", show_default=False)]
Together: TypeAlias = Annotated[bool, Parameter(name="--batches", negative=(), show_default=False)]

COLUMNS = ("batch", "questions", "risk", "subject", "action", "differ in", "because")
SIDE_BY_SIDE = 4
"""Facts that can be compared at a glance; more than that are shown one below the other."""
EACH = {"asked", "until", "digest"}
"""What every question has of its own, and nobody compares."""


def chosen(desk: Desk, which: Sequence[str], batch: str) -> Batch | None:
    """The batch that is called *batch*, unless single approvals are named.

    Raises:
        Stop: both are named, or nothing is.
        Conflict: there is no such batch.
    """
    if bool(which) is bool(batch):
        raise Stop(Exit.USAGE, "name approvals, or with --batch one batch of them")
    return desk.batch(batch) if batch else None


def document(batch: Batch, now: int) -> dict[str, Any]:
    """*batch* as JSON."""
    request = batch.first.request
    return {
        "batch": batch.id,
        "run": request.run.get("id"),
        "session": request.session.id or None,
        "subject": str(request.subject),
        "action": request.action.name,
        "differ": facts(batch)[1],
        "approvals": [shown_case.document(case, now) for case in batch.cases],
    }


def row(batch: Batch) -> tuple[screen.Part, ...]:
    """*batch* in a line of a table."""
    request, decision = batch.first.request, batch.first.decision
    number, risk = str(len(batch.cases)), screen.styled(decision.risk or "")
    differing = ", ".join(facts(batch)[1])
    who, what = str(request.subject), request.action.name
    return (batch.id, number, risk, who, what, differing, decision.reason)


def show(batch: Batch) -> None:
    """All that a person has to know to answer *batch*."""
    shared, differing = facts(batch)
    screen.say((f"batch {batch.id}", "bold"), f"  {screen.count(len(batch.cases), 'question')}")
    screen.facts(shared)
    screen.say()
    if len(differing) <= SIDE_BY_SIDE:
        header = ("approval", *map(visible, differing))
        screen.table(header, differences(batch, differing), flexible=len(differing), whole=True)
        return
    for identity, *told in differences(batch, differing):
        screen.say((f"approval {identity}", "bold"))
        screen.facts(dict(zip(differing, told, strict=True)))


def facts(batch: Batch) -> tuple[dict[str, str], tuple[str, ...]]:
    """What all questions of *batch* share, and the names of what they differ in."""
    each = [shown_case.facts(case) for case in batch.cases]
    own = [{name: fact for name, fact in one.items() if name not in EACH} for one in each]
    shared, differing = compared(own)
    return {**shared, **_moments(batch)}, differing


def differences(batch: Batch, differing: Sequence[str]) -> list[tuple[str, ...]]:
    """What each question says of what they are *differing* in, behind its id."""
    told = [(case.id, shown_case.facts(case)) for case in batch.cases]
    return [(identity, *(each.get(name, "") for name in differing)) for identity, each in told]


def tell(outcomes: Sequence[Outcome], now: int) -> None:
    """Say what became of each question.

    Raises:
        Stop: not all of them were answered.
    """
    for outcome in outcomes:
        if outcome.error is None:
            shown_case.tell(outcome.case, now)
        else:
            screen.say(
                f"approval {outcome.case.id} was ", ("not answered", "red"), f": {outcome.error}"
            )
    failed = [outcome.error for outcome in outcomes if outcome.error is not None]
    for error in failed:
        if not isinstance(error, Conflict):
            raise error
    if failed:
        why = f"{len(failed)} of {screen.count(len(outcomes), 'question')} could not be answered"
        raise Stop(Exit.FAILED, why)


def _moments(batch: Batch) -> dict[str, str]:
    asked = [case.question.at for case in batch.cases]
    until = min(case.question.until for case in batch.cases)
    first, last = shown(min(asked) // 1000), shown(max(asked) // 1000)
    span = first if first == last else f"{first} to {last}"
    return {"asked": span, "until": shown(until // 1000)}

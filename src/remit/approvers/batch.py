"""Like questions of one run, to be looked at together and answered with one decision.

Like are questions of one run, or of one session where there is no run, that differ in nothing but
arguments, resource and context: the same subject asks for the same action, and the same rules say
under which terms somebody may let it. A batch is kept nowhere. It is what somebody was shown: its
id names exactly the questions in it, and each of them is answered by itself, with its own digest.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from remit.approvers.status import Status, status
from remit.audit.case import Case
from remit.canonical import digest
from remit.errors import Conflict
from remit.model import ApprovalRequest

Give: TypeAlias = Callable[[Case], Case]
"""Answers one question; the case with the answer in it, or `Conflict`."""


class Batch(msgspec.Struct, frozen=True):
    """Questions that are alike, in the order they were asked in."""

    cases: tuple[Case, ...]

    @property
    def id(self) -> str:
        """Names these questions and no others: with one more or less it is another."""
        named = [[case.id, case.question.digest] for case in self.cases]
        return digest(named)[:16]

    @property
    def first(self) -> ApprovalRequest:
        """What was asked first; in who asks for which action and why, it stands for all."""
        return self.cases[0].question


class Outcome(msgspec.Struct, frozen=True):
    """What became of one question of a batch."""

    case: Case
    """As far as is known."""
    error: Exception | None = None
    """Why the answer was not taken: a `Conflict`, or whatever the ledger failed with."""


def batches(cases: Iterable[Case]) -> tuple[Batch, ...]:
    """*cases*, like ones together; one that is like no other is a batch of its own."""
    found: dict[Hashable, list[Case]] = {}
    for case in cases:
        found.setdefault(_likeness(case), []).append(case)
    return tuple(Batch(tuple(alike)) for alike in found.values())


def named(identity: str, found: Iterable[Batch]) -> Batch:
    """The one of *found* that has this id.

    Raises:
        Conflict: none has.
    """
    for batch in found:
        if batch.id == identity:
            return batch
    why = "others wait by now than when it was shown, or none do"
    raise Conflict(f"no batch is called {identity!r}: {why}")


def unsettled(shown: Case, case: Case | None, now: int, *, approved: bool) -> Case:
    """*case*, which is what somebody was *shown*, unless it was settled in the meantime.

    A yes is for what still waits. A no also takes back a yes that nobody has used.

    Raises:
        Conflict: it was, or is another question.
    """
    if case is None or case.question != shown.question:
        raise Conflict(f"approval {shown.id} is not what was shown", case)
    found = status(case, now)
    if found is Status.WAITING or (found is Status.APPROVED and not approved):
        return case
    raise Conflict(f"approval {case.id} is {found} by now", case)


def answer_each(batch: Batch, give: Give) -> tuple[Outcome, ...]:
    """What becomes of each question of *batch* as *give* answers one after the other.

    One that cannot be answered keeps no other from it; a ledger that fails keeps the rest.
    """
    outcomes: list[Outcome] = []
    failed: Exception | None = None
    for shown in batch.cases:
        outcome = _answered(shown, give) if failed is None else Outcome(shown, failed)
        outcomes.append(outcome)
        failed = None if isinstance(outcome.error, Conflict) else outcome.error
    return tuple(outcomes)


def _answered(shown: Case, give: Give) -> Outcome:
    try:
        return Outcome(give(shown))
    except Conflict as conflict:
        return Outcome(conflict.case or shown, conflict)
    except Exception as error:  # noqa: BLE001 - what has become of the others has to be told
        return Outcome(shown, error)


def compared(each: Sequence[Mapping[str, str]]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The facts that all of *each* share, and the names of those they differ in."""
    names = dict.fromkeys(name for facts in each for name in facts)
    said = {name: {facts.get(name, "") for facts in each} for name in names}
    shared = {name: each[0].get(name, "") for name in names if len(said[name]) == 1}
    return shared, tuple(name for name in names if name not in shared)


def _likeness(case: Case) -> Hashable:
    question, request = case.question, case.question.request
    return (
        # Questions of no run and no session have nothing in common that could be one decision.
        request.run.get("id") or request.session.id or case.id,
        request.subject,
        request.session,
        request.action.name,
        question.decision.rules,
        question.decision.risk,
        question.terms,
    )

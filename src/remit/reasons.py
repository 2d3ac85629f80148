"""Why a call did not run, or failed, in the words that its record has."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from remit.errors import Blocked, Conflict, Responded
from remit.model import Approval, Decision, Effect, Request
from remit.ports import Refused


def told(refusal: Blocked, refused: Refused | None, request: Request) -> Blocked:
    """What is raised for *refusal*; a person's answer in the action's place is no refusal."""
    if refused is None or isinstance(refusal, Responded):
        return refusal
    made = refused(refusal, request.action.name)
    made.__cause__ = refusal
    return made


def why(decision: Decision, answers: tuple[Approval, ...]) -> str:
    """The reason of a denial, and why nobody has lifted it."""
    if decision.approval is None:
        return decision.reason
    refusals = [answer for answer in answers if not answer.approved]
    if refusals:
        last = refusals[-1]
        did = "refused" if last.instead is UNSET else "would approve other arguments"
        did = did if last.response is UNSET else "answered in its place"
        said = f": {last.reason}" if last.reason else ""
        return f"{decision.reason}; {last.approver} {did}{said}"
    if answers:
        return f"{decision.reason}; the answers given do not lift this"
    return f"{decision.reason}; there is nobody to ask here"


def edit(answers: tuple[Approval, ...]) -> str:
    """How to try again where somebody would approve other arguments."""
    edits = [answer for answer in answers if answer.instead is not UNSET]
    if not edits:
        return ""
    arguments = msgspec.json.encode(edits[-1].instead).decode()
    return f"{edits[-1].approver} would approve it with {arguments}"


def too_late(decision: Decision, conflict: Conflict) -> Decision:
    """The denial of what *decision* allowed, because the answer it rests on counts no more."""
    return Decision(
        Effect.DENY,
        f"{conflict}; ask again",
        decision.rules,
        risk=decision.risk,
        advice="make the same call again, and somebody will be asked again",
        policy=decision.policy,
    )


def first_line(error: BaseException) -> str:
    """What *error* says first, cut where it is long."""
    lines = str(error).splitlines()
    return lines[0][:500].encode(errors="replace").decode() if lines else ""

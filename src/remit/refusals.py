"""What a model is told about a call that was refused: what, by which rule, why, and what next.

Adapters share this: a framework decides how a text reaches its model, not what it says.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from remit.call import govern
from remit.errors import Blocked, Denied, Pending, Unrecorded
from remit.model import Request
from remit.ports import Execute, Ports

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a governed call has no value."""

    error: Blocked | Unrecorded

    @property
    def text(self) -> str:
        """What the model is told."""
        return explain(self.error)

    @property
    def pending(self) -> Pending | None:
        """The question that waits for people, if that is why."""
        return self.error if isinstance(self.error, Pending) else None


async def attempt(prepared: Awaitable[tuple[Request, Execute[T]]], ports: Ports) -> T | Refusal:
    """The value of a governed call, or why there is none.

    What the action raises itself passes through, even if it is a refusal it has met inside.
    """
    try:
        request, execute = await prepared
    except Blocked as refusal:
        return Refusal(refusal)
    try:
        return await govern(request, execute, ports, otherwise=Refusal)
    except Unrecorded as error:
        return Refusal(error)


def explain(refusal: Blocked | Unrecorded) -> str:
    """One short text for the model, which must choose its next step by it.

    It says nothing of what went wrong inside Remit: that is for the
    application's own log, which has the exception.
    """
    match refusal:
        case Denied():
            return _denied(refusal)
        case Pending():
            question = refusal.approval_request
            reason = f"{_sentence(question.decision.reason)}{_by(question.decision.rules)}"
            return (
                f"{question.request.action.name} did not run: {reason}. "
                f"A person has been asked (approval {question.id}). "
                "You may make the same call again once they have answered."
            )
        case Unrecorded():
            return f"This was not refused: {refusal}. Its result is not available."
        case _:
            return (
                "The call did not run, because it could not be checked, asked about or recorded. "
                "It was not refused: you may try the same call again later."
            )


def _denied(refusal: Denied) -> str:
    decision = refusal.decision
    next_step = "Do not try this again."
    if decision.advice:
        next_step = f"You may try again: {_sentence(decision.advice)}."
    reason = f"{_sentence(decision.reason)}{_by(decision.rules)}"
    return f"{refusal.request.action.name} was refused and did not run: {reason}. {next_step}"


def _by(rules: tuple[str, ...]) -> str:
    return f" (rule {', '.join(rules)})" if rules else ""


def _sentence(text: str) -> str:
    return text.strip().rstrip(".")

"""What a model is told about a call that was refused: what, by which rule, why, and what next."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from agents import ToolGuardrailFunctionOutput, ToolOutputGuardrailData, tool_output_guardrail

from remit.call import govern
from remit.errors import Blocked, Denied, Pending, Unrecorded
from remit.guard import Guard
from remit.model import Request
from remit.ports import Execute


async def tell(prepared: Awaitable[tuple[Request, Execute[Any]]], guard: Guard) -> Any:
    """The value of a governed call, or a text that tells the model why there is none."""
    ran = False
    try:
        request, execute = await prepared

        def run() -> Any:
            nonlocal ran
            ran = True
            return execute()

        return await govern(request, run, guard.async_ports)
    except Unrecorded as error:
        return _Text(explain(error))
    except Blocked as refusal:
        # A tool that ran may have met a refusal of its own, and that is not ours to answer.
        if ran:
            raise
        return _Text(explain(refusal))


class _Text(str):
    """What the model is told, to be told from any text that a tool returns."""

    __slots__ = ()


@tool_output_guardrail
def pass_on(data: ToolOutputGuardrailData) -> ToolGuardrailFunctionOutput:
    """Let a refusal by where the SDK expects what a tool's output schema promises."""
    if isinstance(data.output, _Text):
        return ToolGuardrailFunctionOutput.reject_content(str(data.output))
    return ToolGuardrailFunctionOutput.allow()


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

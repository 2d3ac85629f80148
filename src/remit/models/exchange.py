"""One call of a model: whether it may be, what came back, and what it cost."""

from __future__ import annotations

import time
from contextlib import nullcontext
from copy import copy
from decimal import Decimal
from functools import cached_property
from typing import Any

from remit.acting import who_acts
from remit.call import Call
from remit.default import default_guard, recording_guard
from remit.errors import Unavailable
from remit.guard import Guard
from remit.models.dialects import forget_tokens, texts
from remit.models.duty import Owed
from remit.models.passing import Passing
from remit.models.questions import Questions
from remit.models.terms import Asked, Terms
from remit.models.usage import Answer
from remit.ports import Ports
from remit.runs.run import Run
from remit.runs.telling import current_run
from remit.spending import spend


class Exchange:
    """One call of a model, however often it is tried, until its answer has been given on.

    It belongs to who acts, and to the run under way, where it begins.
    """

    def __init__(self, asked: Asked, terms: Terms) -> None:
        self.asked = asked
        self.terms = terms
        self.answer = Answer()
        self.retries = 0
        self.heard_of = False
        """Whether an answer has come by here."""
        self.complete = False
        """Whether all of it has come, so that what it used is known."""
        self._call: Call | None = None
        self._ended = False
        self._recorded = False
        """Whether the end of the governed call is somebody else's to record."""
        self._began = time.perf_counter()
        self._first: float | None = None
        self._acting = who_acts()
        self._run = current_run()

    @cached_property
    def guard(self) -> Guard:
        """Who decides and records."""
        if self.terms.guard is not None:
            return self.terms.guard
        if self._run is not None:
            return self._run.guard
        return default_guard() if self.terms.checks else recording_guard()

    @cached_property
    def run(self) -> Run:
        """The run this is a part of; one of its own, if none is under way."""
        return self._run or Run(self.guard, self._acting)

    @property
    def alters(self) -> bool:
        """Whether the caller may get something else than what came."""
        return "response" in self.terms.checks or bool(self._call and self._call.discharges)

    @cached_property
    def _captures(self) -> bool:
        return self.run.capture if self.terms.capture is None else self.terms.capture

    @cached_property
    def _questions(self) -> Questions:
        return Questions(self.asked, self.guard, self._acting, capture=self._captures)

    async def begin(self, ports: Ports) -> None:
        """Go on only if the model may be asked this.

        Raises:
            Blocked: it may not, and nothing has been sent.
        """
        if "call" in self.terms.checks:
            self._call = await self._questions.call(ports)
        self._began = time.perf_counter()

    def again(self) -> Exchange:
        """The same call, answered another time: something in the client has asked twice."""
        other = copy(self)
        other.answer, other.complete = Answer(), False
        other._ended, other._first, other._recorded = False, None, True  # noqa: SLF001 - its own kind
        return other

    async def answered(self, body: dict[str, Any], ports: Ports) -> dict[str, Any]:
        """*body* as the caller may have it.

        Raises:
            Blocked: the caller may not have it. It has been paid for, and that is on record.
        """
        self.asked.dialect.read(body, self.answer)
        self.complete = True
        try:
            body = await _discharged(Owed.by(self._call), body)
            if "response" in self.terms.checks:
                call = await self._questions.response(self.answer, self._text(body), ports)
                body = await _discharged(Owed.by(call), body)
                await call.returned()
        except BaseException as error:
            await self.end(ports, error=error)
            raise
        # What is captured of it is what the caller gets.
        self.answer.tools.clear()
        self.asked.dialect.read(body, self.answer)
        await self.end(ports, output=self._text(body))
        return body

    async def opaque(self, kind: str, ports: Ports) -> None:
        """Give an answer on of a *kind* that cannot be read here, if policy lets it.

        Raises:
            Blocked: it does not.
        """
        try:
            self._require_no_duties(kind)
            if "response" in self.terms.checks:
                await self.passed({"opaque": kind}, ports)
        except BaseException as error:
            await self.end(ports, error=error)
            raise
        await self.end(ports)

    def passing(self, ports: Ports) -> Passing | None:
        """What the events of the answer have to pass; None if nobody looks at their texts."""
        owed = Owed.by(self._call)
        if "response" in self.terms.checks:

            async def judge(text: str) -> Owed | None:
                return await self._questions.part(self.answer, text, ports)

            return Passing(self.asked.dialect, owed, judge)
        listens = owed is not None or self._captures or "step" in self.run.checks
        return Passing(self.asked.dialect, owed, None) if listens else None

    def arrived(self, event: dict[str, Any]) -> None:
        """Note when the first text of the answer has come."""
        if self._first is None and any(piece.text for piece in self.asked.dialect.pieces(event)):
            self._first = time.perf_counter()

    def hear(self, event: dict[str, Any]) -> None:
        """Note what an event of the answer says, as the caller gets it."""
        self.asked.dialect.hear(event, self.answer)

    async def passed(self, output: Any, ports: Ports) -> None:
        """All of a stream has passed, but for its end.

        Raises:
            Blocked: it may not end so.
        """
        if "response" in self.terms.checks:
            call = await self._questions.response(self.answer, output, ports)
            await call.returned()

    async def end(
        self, ports: Ports, *, output: str = "", error: BaseException | None = None
    ) -> None:
        """Record how the call ended, once. Then ask whether the run may go on.

        Raises:
            Blocked: the run's steps are checked, and policy says that it stops here.
            Unrecorded: the model has answered, and the ledger did not take that.
        """
        if self._ended:
            return
        self._ended = True
        if self.asked.counts:
            cost = self._cost(error)
            self._tell(cost, output, error)
            self._spend(cost)
        if self._call is not None and not self._recorded:
            await (self._call.returned() if error is None else self._call.raised(error))
        if error is None and self.asked.counts and "step" in self.run.checks:
            step = {"name": "model.call", "model": self.asked.model, "output": output}
            await self.run.arequire("step", ports, step)

    def _require_no_duties(self, kind: str) -> None:
        if self._call is not None and self._call.discharges:
            raise Unavailable(f"what is owed of the answer cannot be done to {kind or 'it'}")

    def _text(self, body: dict[str, Any]) -> str:
        return "\n".join(filter(None, texts(self.asked.dialect.told(body))))

    def _cost(self, error: BaseException | None) -> Decimal | None:
        if self.complete and self.answer.usage is not None:
            return self.terms.prices.cost(self.answer.model or self.asked.model, self.answer.usage)
        return Decimal(0) if _refused(error) else None

    def _spend(self, cost: Decimal | None) -> None:
        """Count what was used against the limits of this call and those around it.

        What nobody knows is not said, so it stays what was set aside for it.
        """
        metering = None if self._call is None else self._call.metering
        used = self.answer.usage if self.complete else None
        amounts: dict[str, Decimal | float] = {} if cost is None else {"cost": cost}
        if used is not None or cost is not None:
            amounts["tokens"] = used.input + used.output if used is not None else 0
        inside = metering.spending if metering is not None else None
        with inside.here() if inside is not None else nullcontext():
            spend(**amounts)

    def _tell(self, cost: Decimal | None, output: str, error: BaseException | None) -> None:
        answer, used = self.answer, self.answer.usage
        facts: dict[str, Any] = {
            **self.asked.named(),
            "server": self.asked.server,
            "answered": answer.model,
            "cached_tokens": used.cached if used else 0,
            "written_tokens": used.written + used.written_longer if used else 0,
            "reasoning_tokens": used.reasoning if used else 0,
            "first_token": self._first and round(self._first - self._began, 6),
            "finish": answer.finish,
            "retries": self.retries,
            "stream": self.asked.streams,
            "tool_calls": self._tools(),
            "error": type(error).__qualname__ if error else "",
            **(self._content(output) if self._captures else {}),
        }
        self.run.model(
            facts.pop("model"),
            input_tokens=used.input if used else 0,
            output_tokens=used.output if used else 0,
            cost=cost,
            seconds=round(time.perf_counter() - self._began, 6),
            **{name: value for name, value in facts.items() if value},
        )

    def _tools(self) -> list[Any]:
        called = self.answer.tools.values()
        if self._captures:
            return [{"name": each.name, "arguments": each.arguments} for each in called]
        return [each.name for each in called]

    def _content(self, output: str) -> dict[str, Any]:
        prompt = self.asked.dialect.prompt(self.asked.body)
        return {"input": prompt.input, "system": prompt.system, "response": output}


def _refused(error: BaseException | None) -> bool:
    """Whether a provider has answered with an error, for which none takes anything."""
    statuses = (getattr(error, name, None) for name in ("status_code", "code"))
    return any(isinstance(status, int) and status >= 400 for status in statuses)


async def _discharged(owed: Owed | None, body: dict[str, Any]) -> dict[str, Any]:
    if owed is None:
        return body
    forget_tokens(body)
    done: dict[str, Any] = await owed.discharge(body)
    return done

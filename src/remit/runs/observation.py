"""How a run is observed, and what is asked and recorded at its ends."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeAlias

from msgspec.structs import replace

from remit.acting import Acting, acting_as, who_acts
from remit.call import Call, begin
from remit.default import recording_guard
from remit.guard import Guard
from remit.model import Session, Subject
from remit.ports import Approver, Inbox, Ports
from remit.runs.run import EVERY_MOMENT, Moment, Run, under_way, without_duties


@dataclass(frozen=True, slots=True)
class Observation:
    """How a run is observed."""

    agent: Subject | str | None = None
    workflow: str = ""
    guard: Guard | None = None
    check: bool | Collection[Moment] = False
    capture: bool = False
    retries: int = 0
    on_block: Approver | Inbox | None = None
    session: Session | None = None

    def run(self, name: str) -> Run:
        """A run that begins now, as part of the one under way."""
        around = under_way()
        guard = self.guard or (around.guard if around is not None else recording_guard())
        moments = EVERY_MOMENT if self.check is True else self.check or ()
        acting = self._acting()
        name = self.workflow or name
        run = Run(guard, acting, name=name, checks=moments, capture=self.capture)
        run.asking = self.checking
        return run

    def ports(self, ports: Ports) -> Ports:
        """*ports*, with who is asked where a check is a denial that may be lifted."""
        if self.on_block is None:
            return ports
        if isinstance(self.on_block, Inbox):
            return replace(ports, approver=None, inbox=self.on_block)
        return replace(ports, approver=self.on_block, inbox=None)

    def checking(self, ports: Ports) -> Ports:
        """The same for a check, which runs nothing that a duty could be carried out on."""
        return without_duties(self.ports(ports))

    def _acting(self) -> Acting:
        if self.agent is None and self.session is None:
            return who_acts()
        with acting_as(self.agent or who_acts().subject, session=self.session):
            return who_acts()


Given: TypeAlias = Callable[[], dict[str, Any]]
"""What goes in; looked at only where somebody is asked about it, or it is recorded."""


class Watch:
    """What is asked and recorded at the ends of a run."""

    def __init__(self, run: Run, ports: Ports, call: Call | None) -> None:
        self.run = run
        self.ports = ports
        self.call = call

    @classmethod
    async def start(cls, run: Run, ports: Ports, given: Given) -> Watch:
        """Begin *run*, if policy lets it."""
        call = None
        if "start" in run.checks:
            call = await begin(run.request("run.start", given()), ports, run.conceal)
            run.spending = None if call.metering is None else call.metering.spending
        else:
            run.tell("start", **(given() if run.capture else {}))
        return cls(run, ports, call)

    def spending(self) -> AbstractContextManager[None]:
        """What is spent inside counts for the limits that the start of the run has claims on."""
        return self.run.spending.here() if self.run.spending is not None else nullcontext()

    async def end(self, result: dict[str, Any]) -> None:
        """Ask whether the run may end with *result*."""
        if "end" in self.run.checks:
            await self.run.arequire("end", self.ports, result)

    async def last(self, result: dict[str, Any]) -> None:
        """Ask whether the run may end with *result*, and record how it did."""
        try:
            await self.end(result)
        except BaseException as denied:
            await self.raised(denied)
            raise
        await self.returned(result.get("output"))

    async def returned(self, result: Any = None) -> None:
        """Record that it ended."""
        captured = {"output": result} if self.run.capture else {}
        self.run.end(**captured)
        if self.call is not None:
            await self.call.returned()

    async def raised(self, error: BaseException) -> None:
        """Record in what it ended."""
        kind = type(error).__qualname__
        self.run.end(error=kind, message=str(error)[:500])
        if self.call is not None:
            await self.call.raised(error)

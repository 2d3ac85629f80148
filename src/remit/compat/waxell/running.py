"""A run, from its first question to its last record, as the facade drives it.

The checks are those of every run of ours. Two things come on top: whoever `on_policy_block`
names is asked at each of them, and what policy wants redacted is taken out of the inputs
before anything starts, so that what is decided on is what runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from remit import who_acts
from remit.canonical import Frozen, Opaque
from remit.compat.waxell.approval import HandlerApprover
from remit.compat.waxell.guarding import guard, guard_of_runs
from remit.compat.waxell.scrub import DISCHARGES, NOTHING_OPAQUE, redactions, without
from remit.compat.waxell.settings import settings
from remit.compat.waxell.verdicts import violation
from remit.errors import Blocked, Denied
from remit.guard import Guard
from remit.model import NOBODY, Session, Subject
from remit.ports import Approver, Ports, finish
from remit.runs.observation import Observation, Watch
from remit.runs.run import Moment, Run, frozen

if TYPE_CHECKING:
    from remit.compat.waxell.context import WaxellContext

here: ContextVar[WaxellContext | None] = ContextVar("remit_waxell_context", default=None)


class Running:
    """A run of the facade.

    Args:
        observation: how it is observed.
        name: what the agent is at.
        inputs: what goes in, by name.
        opaque: which of that is no data, and never redacted.
    """

    def __init__(
        self,
        observation: Observation,
        name: str,
        inputs: Mapping[str, Any],
        opaque: Opaque = NOTHING_OPAQUE,
    ) -> None:
        self.run: Run = observation.run(name)
        self.inputs = dict(inputs)
        self.observation = observation
        self.opaque = opaque | self.run.guard.opaque
        self._watch: Watch | None = None

    @property
    def workflow(self) -> str:
        """What the agent is at."""
        return self.run.name

    def ports(self, ports: Ports) -> Ports:
        """*ports*, with who is asked in this run."""
        return self.observation.ports(ports)

    @cached_property
    def guard(self) -> Guard:
        """Governs the tools of this run: who is asked about the run is asked about them."""
        guard, asked = self.run.guard, self.observation.on_block
        return guard if asked is None else guard.replace(approver=asked)

    @contextmanager
    def active(self, context: WaxellContext) -> Iterator[None]:
        """Let what happens inside the block be part of this run."""
        token = here.set(context)
        try:
            with self.run.active():
                yield
        finally:
            here.reset(token)

    async def begin(self, ports: Ports) -> None:
        """Begin, if policy lets it.

        Raises:
            PolicyViolationError: it does not.
        """
        ports = self.ports(ports)
        try:
            if "start" in self.run.checks:
                self.inputs = await self._redacted(ports)
                # A check runs nothing, so there is nothing to carry out another duty on.
                ports = replace(ports, discharges=DISCHARGES)
            self._watch = await Watch.start(self.run, ports, self._given)
        except Blocked as error:
            await self.failed(error)
            raise violation(error, self.workflow) from error

    async def require(self, moment: Moment, ports: Ports, facts: Mapping[str, Any]) -> None:
        """Go on only if policy lets the run."""
        try:
            await self.run.arequire(moment, self._checking(ports), facts)
        except Blocked as error:
            raise violation(error, self.workflow) from error

    def step(self, facts: Mapping[str, Any]) -> None:
        """Go on only if policy lets the run, after what has just been told."""
        if "step" in self.run.checks:
            finish(self.require("step", self.run.guard.ports, facts))

    async def again(self, value: Any, ports: Ports) -> bool:
        """Ask whether the run may end with *value*; whether it is to be done again instead."""
        if "end" not in self.run.checks:
            return False
        try:
            await self.run.arequire("end", self._checking(ports), {"output": value})
        except Denied as denied:
            decision = denied.decision
            if not decision.advice or self.run.attempt > self.observation.retries:
                raise violation(denied, self.workflow) from denied
            self.run.again(f"{decision.reason}: {decision.advice}")
            return True
        except Blocked as error:
            raise violation(error, self.workflow) from error
        return False

    async def ended(self, value: Any = None) -> None:
        """Record that it ended."""
        assert self._watch is not None
        await self._watch.returned(value)

    async def failed(self, error: BaseException) -> None:
        """Record in what it ended."""
        if self._watch is not None:
            await self._watch.raised(error)

    def _checking(self, ports: Ports) -> Ports:
        return replace(self.ports(ports), discharges={})

    async def _redacted(self, ports: Ports) -> dict[str, Any]:
        duties = redactions(await self.run.foresee("start", ports, self._given()))
        return without(self.inputs, duties, self.opaque) if duties else self.inputs

    def _given(self) -> dict[str, Any]:
        return {"input": data(self.inputs)}


def observation(
    *,
    agent: str,
    workflow: str = "",
    enforce: bool = True,
    mid: bool = False,
    capture: bool | None = None,
    retries: int = 0,
    handler: Any = None,
    session: Session | None = None,
) -> Observation:
    """How a run of the facade is observed."""
    checks: set[Moment] = {"start", "end"} if enforce else set()
    checks |= {"step"} if mid else set()
    asks: Approver | None = None
    if handler is not None:
        asks = HandlerApprover(handler, clock=guard().clock)
    capture = settings().capture if capture is None else capture
    return Observation(
        Subject("agent", agent), workflow, guard_of_runs(), checks, capture, retries, asks, session
    )


def session_of(agent: str, **said: str) -> Session:
    """The session under way, with what is *said* of it; one delegation further, inside another's.

    `session_id`, `user_id`, `user_group` and `end_user_id` are handed on to the agents inside.
    """
    outer = who_acts()
    session, facts = outer.session, dict(outer.session.facts)
    facts |= {name: said[name] for name in ("user_group", "end_user_id") if said.get(name)}
    nested = outer.subject not in (NOBODY, Subject("agent", agent))
    return msgspec.structs.replace(
        session,
        id=said.get("session_id") or session.id,
        user=said.get("user_id") or session.user,
        depth=session.depth + nested,
        facts=facts,
    )


def data(inputs: Mapping[str, Any]) -> Frozen:
    """*inputs* as policy sees them: of what is no data, the type."""
    return Frozen({name: frozen(value) for name, value in inputs.items()})

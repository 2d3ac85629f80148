"""A block that is a run.

with remit.run(agent="support") as run:
run.step("read the ticket")
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from remit.guard import Guard
from remit.model import Session, Subject
from remit.ports import Approver, Inbox, Ports, finish
from remit.runs.observation import Observation, Watch
from remit.runs.run import Moment, Run, told


def run(
    name: str = "",
    *,
    agent: Subject | str | None = None,
    workflow: str = "",
    guard: Guard | None = None,
    check: bool | Collection[Moment] = False,
    capture: bool = False,
    on_block: Approver | Inbox | None = None,
    session: Session | None = None,
    given: Mapping[str, Any] | None = None,
) -> Block:
    """A run that lasts as long as a block, `with` or `async with`.

    Args:
        name: what the agent is at.
        agent: who acts; none means whoever acts here already.
        workflow: the same as *name*, for those who call it so.
        guard: decides and records; none means that of the run around it, or the program's default.
        check: whether policy is asked at every moment, or at which of `start step end`.
        capture: whether what goes in and comes out is recorded.
        on_block: who is asked where a check is a denial that may be lifted; none means
            whoever the guard asks.
        session: for whom it acts; none means the surrounding one.
        given: what goes in, as policy is to see it: `args.input`.
    """
    observation = Observation(agent, workflow, guard, check, capture, 0, on_block, session)
    return Block(observation, name, {} if given is None else {"input": told(given)})


class Block:
    """A block that is a run. Entering it may raise `Blocked`, and so may its end."""

    def __init__(self, observation: Observation, name: str, given: dict[str, Any]) -> None:
        self._observation = observation
        self._name = name
        self._given = given
        self._stack = ExitStack()

    def __enter__(self) -> Run:
        run = self._begun()
        return finish(self._enter(run, run.guard.ports))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        finish(self._exit(error))

    async def __aenter__(self) -> Run:
        run = self._begun()
        return await self._enter(run, run.guard.async_ports)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exit(error)

    def _begun(self) -> Run:
        run = self._observation.run(self._name)
        self._stack.enter_context(run.active())
        return run

    async def _enter(self, run: Run, ports: Ports) -> Run:
        try:
            ports = self._observation.checking(ports)
            self._watch = await Watch.start(run, ports, lambda: self._given)
        except BaseException:
            self._stack.close()
            raise
        self._stack.enter_context(run.inside())
        self._stack.enter_context(self._watch.spending())
        return run

    async def _exit(self, error: BaseException | None) -> None:
        with self._stack:
            if error is not None:
                await self._watch.raised(error)
                return
            await self._watch.last({})

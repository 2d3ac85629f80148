"""`WaxellContext`: a block that is a run, and everything that can be told in it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from remit.canonical import Opaque
from remit.compat.waxell.approval import Handler
from remit.compat.waxell.people import People
from remit.compat.waxell.running import Running, here, observation, session_of
from remit.compat.waxell.scrub import NOTHING_OPAQUE
from remit.compat.waxell.settings import settings
from remit.compat.waxell.types import PolicyCheckResult
from remit.compat.waxell.verdicts import verdict
from remit.errors import Unavailable
from remit.model import Decision
from remit.ports import Ports, finish
from remit.runs.telling import current_run

CHECK = {"kind": "check", "name": "check_policy"}


class WaxellContext(People):
    """A run that lasts as long as a block, `with` or `async with`.

    Args:
        agent_name: who acts; the name of an agent, never of anything else.
        workflow_name: what it is at.
        inputs: what goes in. Policy sees them at the start.
        metadata: further facts, recorded.
        client: not needed; there is one control plane, in this process.
        enforce_policy: whether policy is asked at the start and the end.
        session_id: the session; those inside inherit it, and who it is for.
        user_id: the person it is done for, who cannot approve what it asks.
        user_group: `session.user_group` in conditions.
        end_user_id: `session.end_user_id`.
        agent_type: recorded.
        mid_execution_governance: whether policy is asked at everything that is told; None
            means yes.
        auto_grounding: not here.
        interaction_mode: recorded.
        on_policy_block: who is asked where a check may be lifted.
        retries: how often an end that is denied with advice is tried again by `observe`.
        capture: whether what goes in and comes out is recorded; None: as `init` has it.
    """

    def __init__(
        self,
        agent_name: str,
        workflow_name: str = "default",
        inputs: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        client: object = None,
        enforce_policy: bool = True,
        session_id: str = "",
        user_id: str = "",
        user_group: str = "",
        end_user_id: str = "",
        agent_type: str = "",
        mid_execution_governance: bool | None = None,
        auto_grounding: bool = False,  # noqa: ARG002
        interaction_mode: str | None = None,
        on_policy_block: Handler | None = None,
        *,
        retries: int = 0,
        capture: bool | None = None,
    ) -> None:
        outer = here.get()
        inherited: Handler | None = outer.on_policy_block if outer is not None else None
        self.on_policy_block: Handler | None = on_policy_block or inherited or settings().handler
        self.agent_name = agent_name
        self.workflow_name = workflow_name
        self.client = client
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.session = session_of(
            agent_name,
            session_id=session_id,
            user_id=user_id,
            user_group=user_group,
            end_user_id=end_user_id,
        )
        self._told = {"agent_type": agent_type, "interaction_mode": interaction_mode or ""}
        self._options: dict[str, Any] = {
            "enforce": enforce_policy,
            "mid": mid_execution_governance is not False,
            "retries": retries,
            "capture": capture,
        }
        self._inputs: dict[str, Any] = dict(inputs or {})
        self._result: Any = None
        self._stack = ExitStack()
        self._impact = {}
        self._warnings: list[dict[str, Any]] = []
        self._stop = ""

    # How it begins and ends.

    def open(self, opaque: Opaque = NOTHING_OPAQUE) -> Running:
        """The run, which has not begun yet."""
        observed = observation(
            agent=self.agent_name,
            workflow=self.workflow_name,
            handler=self.on_policy_block,
            session=self.session,
            **self._options,
        )
        self._running = Running(observed, self.workflow_name, self._inputs, opaque)
        return self._running

    def __enter__(self) -> Self:
        finish(self._enter(self.open().run.guard.ports))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        finish(self._exit(error, self.running.run.guard.ports))

    async def __aenter__(self) -> Self:
        await self._enter(self.open().run.guard.async_ports)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exit(error, self.running.run.guard.async_ports)

    async def begin(self, ports: Ports) -> None:
        """Begin, if policy lets it."""
        await self.running.begin(ports)
        self._inputs = self.running.inputs
        for key, value in {**self._told, **self.metadata}.items():
            if value != "":
                self.running.run.tell("metadata", key=key, value=value)

    async def _enter(self, ports: Ports) -> None:
        self._stack.enter_context(self.running.active(self))
        try:
            await self.begin(ports)
        except BaseException:
            self._stack.close()
            raise
        self._stack.enter_context(self.running.run.inside())

    async def _exit(self, error: BaseException | None, ports: Ports) -> None:
        with self._stack:
            if error is not None:
                await self.running.failed(error)
                return
            try:
                again = await self.running.again(self._result, ports)
                assert not again
            except BaseException as denied:
                await self.running.failed(denied)
                raise
            await self.running.ended(self._result)

    # What it knows.

    @property
    def run_id(self) -> str:
        """The id of the run, which `remit runs show` takes."""
        return self.running.run.id if self._running is not None else ""

    @property
    def inputs(self) -> dict[str, Any]:
        """What went in, without what policy wanted taken out."""
        return self._inputs

    @property
    def session_id(self) -> str:
        """The session."""
        return self.session.id

    @property
    def user_id(self) -> str:
        """The person it is done for."""
        return self.session.user

    @property
    def user_group(self) -> str:
        """The group of that person."""
        return str(self.session.facts.get("user_group", ""))

    # What policy says of it.

    def check_policy_sync(self) -> PolicyCheckResult:
        """What policy says of going on. Nobody is asked, and the answer is on record."""
        try:
            return self._verdict(self.running.run.check("step", **CHECK))
        except Unavailable as error:
            return PolicyCheckResult("block", str(error))

    async def check_policy(self) -> PolicyCheckResult:
        """The same, on an event loop."""
        try:
            return self._verdict(await self.running.run.acheck("step", **CHECK))
        except Unavailable as error:
            return PolicyCheckResult("block", str(error))

    def _verdict(self, decision: Decision) -> PolicyCheckResult:
        result = verdict(decision, self.workflow_name)
        if result.action == "warn":
            policies = ", ".join(decision.monitored or decision.rules)
            warning = {"surface": "step.mid", "reason": result.reason, "policy": policies}
            self._warnings.append({**warning, "category": ""})
        return result

    async def check_governance(self) -> None:
        """Go on only if policy lets the run, whether or not steps are checked.

        Raises:
            PolicyViolationError: it does not.
        """
        ports = self.running.run.guard.async_ports
        await self.running.require("step", ports, {"kind": "check", "name": "check_governance"})

    def take_feedback(self) -> list[dict[str, Any]]:
        """The warnings since the last time."""
        taken, self._warnings = self._warnings, []
        return taken

    def feedback_text(self) -> str:
        """Why the last attempt was not good enough, and how to do better."""
        return self.running.run.feedback

    def request_stop(self, reason: str = "") -> None:
        """Ask the loop of the agent to stop."""
        self._stop = reason or "asked to stop"
        self.note("stop", reason=self._stop)

    def should_stop(self) -> bool:
        """Whether somebody asked it to, or policy would not let it go on."""
        return bool(self._stop) or self.check_policy_sync().blocked

    # What is told.

    def set_result(self, result: Any) -> None:
        """Say what comes out. Policy sees it at the end."""
        self._result = result

    def set_tag(self, key: str, value: object) -> None:
        """Mark the run; conditions read it as `run.tags`."""
        self.running.run.tag(key, value)

    def set_metadata(self, key: str, value: Any) -> None:
        """Record a fact about the run."""
        self.metadata[key] = value
        self.tell("metadata", key=key, value=value)

    async def aflush_governance(self) -> None:
        """Nothing to do: policy is asked at once."""

    async def flush(self) -> None:
        """Nothing to do: what is told is written within 50 ms, and when the program ends."""

    def flush_sync(self) -> None:
        """Nothing to do: what is told is written within 50 ms, and when the program ends."""


def get_context() -> WaxellContext | None:
    """The context of the run that is under way here, if it is one of the facade."""
    context = here.get()
    if context is None or context.running.run is not current_run():
        return None
    return context

"""`Execlave`: the client, whose control plane is in this process unless it is given another."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, overload

from remit.compat.execlave.agent import ACTIVE, PAUSED, Agent
from remit.compat.execlave.control_plane import ControlPlane, subject
from remit.compat.execlave.enforcement import Enforcement, Question
from remit.compat.execlave.errors import ExeclaveError
from remit.compat.execlave.otlp import Export
from remit.compat.execlave.outage import Both, OnOutage, Source
from remit.compat.execlave.outbox import Outbox
from remit.compat.execlave.privacy import Privacy
from remit.compat.execlave.trace import F, Trace
from remit.errors import RemitError, Unavailable
from remit.guard import Guard
from remit.model import Request
from remit.policy import Policy
from remit.ports import Approver, Decider, Inbox, Reader, finish

BASE_URL = "https://api.execlave.com"
MODES = ("native", "otlp")

Event = dict[str, Any]


class Execlave:
    """Checks, traces and registers agents, as Execlave's client does.

    Args:
        api_key: or the variable `EXECLAVE_API_KEY`. It goes nowhere.
        base_url: kept, and not contacted: what is asked for is in *control_plane*.
        environment: of everything that names none.
        async_mode: whether a thread writes finished traces, or whoever finishes them.
        mode: `otlp` also exports traces to *otlp_endpoint* (`pip install 'remit[otel]'`).
        otlp_endpoint: where a collector takes OTLP over HTTP.
        batch_size: traces written in one go.
        flush_interval_seconds: until what could not be written is tried again.
        debug: whether the log `Execlave` tells details.
        privacy: `enabled`, `scrub_fields`, `hash_pii`; and `key`, for digests.
        enable_control_channel: nothing has to be polled here; a pause counts at once.
        enable_injection_scan: whether traces say which signs of injection their input has.
        enforcement_on_outage: what happens while *policy* cannot be reached: `fail_open`, which is
            on record, or `fail_closed`.
        policy_cache_ttl_seconds: for how long an allow of a *policy* elsewhere is remembered.
        on_enforcement_bypassed: is told of what was allowed because of an outage.
        on_trace_rejected: is told of traces that cannot be kept.
        control_plane: keeps policies, agents, pauses, approvals and the ledger; none means a
            new one, which records in `.remit/ledger.db`.
        policy: decides besides: a `Policy` of ours, or a decider elsewhere.
        approver: asks people instead of the control plane's inbox.
        readers: are told what is recorded.

    Raises:
        ValueError: there is no key, or an option is none.
    """

    def __init__(  # noqa: PLR0917 - Execlave's signature
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        environment: str = "production",
        async_mode: bool = True,  # noqa: FBT001, FBT002 - Execlave's order
        mode: str = "native",
        otlp_endpoint: str | None = None,
        batch_size: int = 100,
        flush_interval_seconds: float = 10,
        debug: bool = False,  # noqa: FBT001, FBT002
        privacy: Mapping[str, Any] | None = None,
        enable_control_channel: bool = True,  # noqa: FBT001, FBT002
        enable_injection_scan: bool = True,  # noqa: FBT001, FBT002
        enforcement_on_outage: OnOutage = "fail_open",
        on_enforcement_bypassed: Callable[[Event], object] | None = None,
        on_trace_rejected: Callable[[list[dict[str, str]]], object] | None = None,
        *,
        policy_cache_ttl_seconds: float = 60,
        control_plane: ControlPlane | None = None,
        policy: Policy | Decider | None = None,
        approver: Approver | Inbox | None = None,
        readers: Iterable[Reader] = (),
    ) -> None:
        self.api_key = api_key or os.environ.get("EXECLAVE_API_KEY")
        if not self.api_key:
            raise ValueError("api_key must be provided or EXECLAVE_API_KEY env var must be set")
        if mode not in MODES:
            raise ValueError(f"mode is native or otlp, not {mode!r}")
        self.base_url = (base_url or os.environ.get("EXECLAVE_BASE_URL") or BASE_URL).rstrip("/")
        self.environment = environment
        self.async_mode = async_mode
        self.mode = mode
        self.otlp_endpoint = otlp_endpoint
        self.batch_size = batch_size
        self.flush_interval_seconds = flush_interval_seconds
        self.debug = debug
        self.privacy = dict(privacy or {})
        self.scrubber = Privacy(privacy)
        self.enable_control_channel = enable_control_channel
        self.enable_injection_scan = enable_injection_scan
        self.enforcement_on_outage = enforcement_on_outage
        self.policy_cache_ttl_seconds = policy_cache_ttl_seconds
        self.bypassed = 0
        """Checks that were allowed although nobody had decided on them."""
        self.lost = 0
        """Traces that could not even be made into records."""
        self._on_bypassed = on_enforcement_bypassed
        self._closed = False
        self._lock = threading.Lock()
        self._agents: dict[str, Agent] = {}
        if debug:
            logging.getLogger("Execlave").setLevel(logging.DEBUG)
        native = policy if isinstance(policy, Policy) else None
        if control_plane is not None and native is not None:
            raise ValueError("the control plane has its policy: ControlPlane(policy=...)")
        self._exporter = Export(otlp_endpoint, environment) if mode == "otlp" else None
        self.control_plane = plane = control_plane or ControlPlane(policy=native)
        elsewhere = None if policy is native else policy
        source = Source(
            elsewhere or plane,
            on_outage=enforcement_on_outage,
            ttl=policy_cache_ttl_seconds,
            bypassed=self._bypass,
        )
        exported = () if self._exporter is None else (self._exporter.reader,)
        self.guard = Guard(
            plane if elsewhere is None else Both(plane, source),
            ledger=plane.ledger,
            meter=plane.meter,
            approver=plane.inbox if approver is None else approver,
            readers=(*readers, *exported),
            conceal=self.scrubber.conceal if self.scrubber.enabled else None,
            clock=plane.guard.clock,
        )
        self.enforcement = Enforcement(self.guard, plane)
        self.outbox = Outbox(
            later=async_mode,
            batch=batch_size,
            every=flush_interval_seconds,
            on_rejected=on_trace_rejected,
        )

    # Agents.

    def register_agent(  # noqa: PLR0917
        self,
        agent_id: str,
        name: str,
        type: str = "chatbot",  # noqa: A002 - Execlave's name
        platform: str = "custom",
        environment: str | None = None,
        description: str | None = None,
        owner_email: str | None = None,
        allowed_data_sources: Iterable[str] | None = None,
        allowed_actions: Iterable[str] | None = None,
        requires_human_approval_for: Iterable[str] | None = None,
        tags: Iterable[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        autonomy_level: str | None = None,
    ) -> Agent:
        """Make the agent known; again and again, with the same id.

        Raises:
            ExeclaveError: it could not be recorded.
        """
        data = {
            "agentId": agent_id,
            "name": name,
            "type": type,
            "platform": platform,
            "environment": environment or self.environment,
            "description": description,
            "ownerEmail": owner_email,
            "allowedDataSources": _listed(allowed_data_sources),
            "allowedActions": _listed(allowed_actions),
            "requiresHumanApprovalFor": _listed(requires_human_approval_for),
            "tags": _listed(tags),
            "metadata": None if metadata is None else dict(metadata),
            "autonomyLevel": autonomy_level,
        }
        given = {key: value for key, value in data.items() if value is not None}
        try:
            agent = Agent(self, self.control_plane.register(given))
        except RemitError as error:
            raise ExeclaveError(f"{agent_id} could not be registered: {error}") from error
        with self._lock:
            self._agents[agent_id] = agent
        return agent

    def check_agent_status(self, agent_id: str | None = None) -> str:
        """`active` or `paused`; `error` if that cannot be found out."""
        try:
            pause = self.guard.pause_of(subject(agent_id or self._first_agent()))
        except Unavailable:
            return "error"
        return ACTIVE if pause is None else PAUSED

    def discover_agents(self, capability: str | None = None) -> list[dict[str, Any]]:
        """The agents that are registered, or those of them that may do *capability*."""
        known = self.control_plane.agents
        return [a for a in known if capability is None or capability in a.get("allowedActions", ())]

    def ping(self) -> bool:
        """Whether the control plane can be asked; it is here."""
        return True

    # Checks.

    def enforce_policy(
        self,
        agent_id: str,
        input: Any,  # noqa: A002 - Execlave's name
        *,
        environment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        estimated_cost: float | None = None,
        tools: Iterable[str] | None = None,
        tool_descriptors: Iterable[Mapping[str, Any]] | None = None,
        conversation_history: Iterable[Mapping[str, Any]] | None = None,
        tool_outputs: Iterable[Mapping[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Whether the agent may go on, by every policy: `allowed` and `warnings`.

        Where a policy needs a person, it waits for one.

        Raises:
            EnforcementHaltError: it may not: `PolicyBlockedError`, `AgentPausedError`, …
        """
        question = Question(
            agent_id,
            input,
            environment or self.environment,
            metadata,
            estimated_cost,
            tools,
            tool_descriptors,
            conversation_history,
            tool_outputs,
        )
        return finish(self.enforcement.enforce(question, self.guard.ports))

    async def aenforce_policy(self, agent_id: str, input: Any, **more: Any) -> dict[str, Any]:  # noqa: A002
        """`enforce_policy` on an event loop, which is not held up while people are asked."""
        environment = more.pop("environment", None) or self.environment
        question = Question(agent_id, input, environment, **more)
        return await self.enforcement.enforce(question, self.guard.async_ports)

    def enforce_tool_output(
        self,
        agent_id: str,
        tool_name: str,
        output: Any,
        *,
        input: Any = None,  # noqa: A002 - Execlave's name
        environment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Whether the agent may go on with what a tool gave it.

        Raises:
            EnforcementHaltError: it may not.
        """
        return self.enforce_policy(
            agent_id,
            f"tool_output:{tool_name}",
            environment=environment,
            metadata=metadata,
            tools=[tool_name],
            tool_outputs=[{"name": tool_name, "input": input, "output": output}],
        )

    # Traces.

    @overload
    def trace(self, func: F, /) -> F: ...

    @overload
    def trace(
        self,
        func: None = None,
        *,
        session_id: str | None = None,
        user_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        agent_id: str | None = None,
        tags: Iterable[str] | None = None,
        environment: str | None = None,
        parent_trace_id: str | None = None,
        span_type: str | None = None,
    ) -> Trace: ...

    def trace(self, func: Any = None, **options: Any) -> Any:
        """Decorate a function so that every call of it is a trace; or a trace, for a block.

        Raises:
            AgentPausedError: when it is called or entered, and the agent is paused.
        """
        self._refuse_if_closed()
        options.setdefault("agent_id", self._first_agent())
        trace = Trace(self, **options)
        return trace if func is None else trace(func)

    wrap = trace

    def start_trace(  # noqa: PLR0917
        self,
        trace_id: str | None = None,
        session_id: str | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Iterable[str] | None = None,
        environment: str | None = None,
        parent_trace_id: str | None = None,
        span_type: str | None = None,
    ) -> Trace:
        """A trace that has begun: for a block, or to be finished by hand.

        Raises:
            AgentPausedError: the agent is paused.
            ExeclaveError: the client is shut down.
        """
        self._refuse_if_closed()
        return Trace(
            self,
            agent_id or self._first_agent(),
            trace_id,
            session_id,
            user_id,
            metadata,
            tags,
            environment,
            parent_trace_id,
            span_type,
        ).begin()

    def flush(self) -> dict[str, Any]:
        """Write what waits, now, and say what became of it. Never raises."""
        counts = self.outbox.flush()
        if self._exporter is not None:
            self._exporter.flush()
        return counts

    def shutdown(self) -> None:
        """Write what waits, and let go of threads. Never raises."""
        self._closed = True
        self.outbox.close()
        if self._exporter is not None:
            self._exporter.close()

    def _first_agent(self) -> str | None:
        return next(iter(self._agents), None)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ExeclaveError("SDK has been shut down: nothing more is traced")

    def _bypass(self, request: Request, why: str, error: Exception | None) -> None:
        with self._lock:
            self.bypassed += 1
        if self._on_bypassed is not None:
            self._on_bypassed(
                {
                    "reason": why,
                    "source": f"fail_open_{why}",
                    "agentId": request.subject.id,
                    "timestamp": request.at // 1_000_000,
                    "message": str(error),
                }
            )


ExeclaveClient = Execlave


def _listed(given: Iterable[str] | None) -> list[str] | None:
    return None if given is None else list(given)

"""`WaxellObserveClient`: runs driven by hand, against the control plane in this process.

Every method exists twice, for an event loop and, `…_sync`, without one. A run that has begun
here goes on until `complete_run` says so; its end may be refused (`block`), or be one that
somebody may do better (`retry`), and then it is still open.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar

from remit import Acting
from remit.compat.waxell.errors import ObserveError
from remit.compat.waxell.guarding import guard
from remit.compat.waxell.recording import known, without_content
from remit.compat.waxell.running import Running, data, observation, session_of
from remit.compat.waxell.settings import change, settings
from remit.compat.waxell.types import PolicyCheckResult, RunCompleteResult, RunInfo
from remit.compat.waxell.verdicts import verdict
from remit.errors import Blocked, Denied, Unavailable
from remit.model import Subject
from remit.ports import Ports, finish
from remit.runs.run import Moment, Run

P = ParamSpec("P")
T = TypeVar("T")
Operation = Callable[Concatenate["WaxellObserveClient", Ports, P], Coroutine[Any, Any, T]]

MOST_RUNS = 10_000
"""Runs that may be open at a time."""

_runs: dict[str, Running] = {}
_lock = threading.Lock()


def _twins(
    operation: Operation[P, T],
) -> tuple[
    Callable[Concatenate[WaxellObserveClient, P], Coroutine[Any, Any, T]],
    Callable[Concatenate[WaxellObserveClient, P], T],
]:
    """*operation* for an event loop, and without one."""

    async def awaited(self: WaxellObserveClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await operation(self, guard().async_ports, *args, **kwargs)

    def called(self: WaxellObserveClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return finish(operation(self, guard().ports, *args, **kwargs))

    awaited.__doc__ = called.__doc__ = operation.__doc__
    awaited.__name__ = operation.__name__.removeprefix("_")
    called.__name__ = f"{awaited.__name__}_sync"
    return awaited, called


class WaxellObserveClient:
    """A program's view of the control plane.

    Args:
        api_url: kept, and not used: the control plane is here.
        api_key: not used.
        prompt_cache_ttl: not used.
        max_retries: how often a run may be ended badly before that is its end.
    """

    _configured: ClassVar[bool] = False

    def __init__(
        self,
        api_url: str | None = None,
        api_key: str | None = None,
        prompt_cache_ttl: float | None = None,
        *,
        max_retries: int = 3,
    ) -> None:
        del api_key, prompt_cache_ttl
        self.api_url = api_url or settings().api_url
        self.max_retries = max_retries

    @classmethod
    def configure(cls, api_url: str, api_key: str) -> None:
        """Keep the address. The key is not kept."""
        del api_key
        change(api_url=api_url)
        cls._configured = True

    @classmethod
    def is_configured(cls) -> bool:
        """Whether somebody has said where the control plane is. It is here either way."""
        return cls._configured

    @classmethod
    def get_config(cls) -> dict[str, str]:
        """What `configure` was told."""
        return {"api_url": settings().api_url}

    def close(self) -> None:
        """Nothing to do."""

    async def _check_policy(
        self,
        ports: Ports,
        /,
        agent_name: str,
        workflow_name: str = "",
        agent_id: str = "",
        inputs: Mapping[str, Any] | None = None,
        user_id: str = "",
        user_group: str = "",
        agent_type: str = "",
        delegation: Mapping[str, Any] | None = None,
    ) -> PolicyCheckResult:
        """What policy says of beginning such a run. The answer is on record."""
        del agent_id, agent_type, delegation
        session = session_of(agent_name, user_id=user_id, user_group=user_group)
        acting = Acting(Subject("agent", agent_name), session)
        run = Run(guard(), acting, name=workflow_name or "default")
        given = {"input": data(inputs or {})}
        return await _asked(run, "start", ports, given)

    check_policy, check_policy_sync = _twins(_check_policy)

    async def _start_run(
        self,
        ports: Ports,
        /,
        agent_name: str,
        workflow_name: str = "default",
        inputs: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        trace_id: str = "",
        user_id: str = "",
        user_group: str = "",
        session_id: str = "",
        **facts: Any,
    ) -> RunInfo:
        """Begin a run.

        Raises:
            PolicyViolationError: policy does not let it.
            ObserveError: too many runs are open.
        """
        said = {"user_id": user_id, "user_group": user_group, "session_id": session_id}
        observed = observation(
            agent=agent_name,
            workflow=workflow_name,
            session=session_of(agent_name, **said),
            handler=settings().handler,
        )
        running = Running(observed, workflow_name, inputs or {})
        with _lock:
            if len(_runs) >= MOST_RUNS:
                raise ObserveError(f"{MOST_RUNS:,} runs are open; complete some")
        await running.begin(ports)
        facts |= {"trace_id": trace_id} if trace_id else {}
        _also(running.run, {**dict(metadata or {}), **facts})
        with _lock:
            _runs[running.run.id] = running
        began = datetime.fromtimestamp(running.run.began / 1e9, UTC).isoformat()
        return RunInfo(running.run.id, running.run.id, began)

    start_run, start_run_sync = _twins(_start_run)

    async def _complete_run(
        self,
        ports: Ports,
        /,
        run_id: str,
        result: Any = None,
        status: str = "success",
        error: str = "",
        **facts: Any,
    ) -> RunCompleteResult:
        """End a run, if policy lets it end with *result*.

        Raises:
            ObserveError: no such run is open.
        """
        running = _open(run_id)
        _also(running.run, facts)
        seconds = float(running.run.facts()["seconds"])
        if status != "success":
            _close(run_id)
            await running.failed(ObserveError(error or status))
            return RunCompleteResult(run_id, seconds)
        try:
            await running.again(result, ports)
        except Blocked as blocked:
            return await self._refused(running, blocked, seconds)
        _close(run_id)
        await running.ended(result)
        return RunCompleteResult(run_id, seconds)

    complete_run, complete_run_sync = _twins(_complete_run)

    async def _refused(
        self, running: Running, blocked: Blocked, seconds: float
    ) -> RunCompleteResult:
        run, denied = running.run, blocked.__cause__
        advice = denied.decision.advice if isinstance(denied, Denied) else ""
        reason = denied.decision.reason if isinstance(denied, Denied) else str(blocked)
        if advice and run.attempt <= self.max_retries:
            run.again(f"{reason}: {advice}")
            return RunCompleteResult(run.id, seconds, "retry", reason, advice, self.max_retries)
        _close(run.id)
        await running.failed(blocked)
        return RunCompleteResult(run.id, seconds, "block", reason, "", self.max_retries)

    async def _record_llm_calls(
        self, ports: Ports, /, run_id: str, calls: Sequence[Mapping[str, Any]], **facts: Any
    ) -> PolicyCheckResult:
        """Tell of calls of models, and what policy says of going on."""
        run = _open(run_id).run
        _also(run, facts)
        for each in calls:
            told = dict(each)
            model, cost = str(told.pop("model", "")), known(told.pop("cost", None))
            tokens = [max(int(told.pop(name, 0)), 0) for name in ("tokens_in", "tokens_out")]
            used = {"input_tokens": tokens[0], "output_tokens": tokens[1]}
            run.model(model, cost=cost, **{**without_content(told, run), **used})
        return await _asked(run, "step", ports, {"kind": "llm_call", "name": "llm_call"})

    record_llm_calls, record_llm_calls_sync = _twins(_record_llm_calls)

    async def _record_steps(
        self, ports: Ports, /, run_id: str, steps: Sequence[Mapping[str, Any]], **facts: Any
    ) -> PolicyCheckResult:
        """Tell that steps are done, and what policy says of going on."""
        run = _open(run_id).run
        _also(run, facts)
        for each in steps:
            told = dict(each)
            name = str(told.pop("step_name", told.pop("name", "")))
            run.tell("step", name=name, **told)
        return await _asked(run, "step", ports, {"kind": "step", "name": "step"})

    record_steps, record_steps_sync = _twins(_record_steps)

    async def _record_scores(
        self, ports: Ports, /, run_id: str, scores: Sequence[Mapping[str, Any]]
    ) -> None:
        """Tell how good things were."""
        del ports
        for each in scores:
            _open(run_id).run.tell("score", **each)

    record_scores, record_scores_sync = _twins(_record_scores)

    async def _record_spans(
        self, ports: Ports, /, run_id: str, spans: Sequence[Mapping[str, Any]]
    ) -> None:
        """Tell how long parts of the run took."""
        del ports
        for each in spans:
            _open(run_id).run.tell("span", **each)

    record_spans, record_spans_sync = _twins(_record_spans)

    async def _record_events(self, ports: Ports, /, events: Sequence[Mapping[str, Any]]) -> None:
        """Tell of events: in the run each of them names, or beside all runs."""
        del ports
        for each in events:
            facts = dict(each)
            name, agent = str(facts.pop("event", "")), str(facts.get("agent_name", ""))
            running = _runs.get(str(facts.get("workflow_id", "")))
            _run_of(running, agent).tell("event", **{**facts, "name": name})

    record_events, record_events_sync = _twins(_record_events)

    async def _record_governance_decisions(
        self,
        ports: Ports,
        /,
        agent_name: str,
        surface: str,
        decisions: Sequence[Mapping[str, Any]],
        workflow_id: str = "",
        span_only: bool = False,
    ) -> None:
        """Tell what policies of the application's own said."""
        del ports, span_only
        run = _run_of(_runs.get(workflow_id), agent_name)
        for each in decisions:
            run.tell("policy_check", **{**each, "surface": surface})

    record_governance_decisions, record_governance_decisions_sync = _twins(
        _record_governance_decisions
    )


async def _asked(
    run: Run, moment: Moment, ports: Ports, facts: Mapping[str, Any]
) -> PolicyCheckResult:
    """What policy says of *run*; where nobody can be asked, it is blocked."""
    try:
        return verdict(await run.consider(moment, ports, facts), run.name)
    except Unavailable as error:
        return PolicyCheckResult("block", str(error))


def _run_of(running: Running | None, agent: str) -> Run:
    """The run of *running*, or one that is only there to tell something."""
    if running is not None:
        return running.run
    acting = Acting(Subject("agent", agent or "unnamed"), session_of(agent))
    return Run(guard(), acting)


def _open(run_id: str) -> Running:
    with _lock:
        running = _runs.get(run_id)
    if running is None:
        raise ObserveError(f"no run {run_id} is open here")
    return running


def _close(run_id: str) -> None:
    """Take the run from the open ones; of several who end it at once, one does."""
    with _lock:
        running = _runs.pop(run_id, None)
    if running is None:
        raise ObserveError(f"no run {run_id} is open here")


def _also(run: Run, facts: Mapping[str, Any]) -> None:
    """Record what else was said, where anything was."""
    for key, value in facts.items():
        if value is not None and value != "":
            run.tell("metadata", key=key, value=value)

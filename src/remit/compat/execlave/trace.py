"""`Trace`: a run of ours, told in Execlave's words.

    with execlave.start_trace(agent_id="support") as trace:
        trace.set_input(question).set_model("gpt-4o")

Values that can change are frozen when they are told, so what happens to them later changes
nothing, and finishing a trace never raises.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from remit import Acting, who_acts
from remit.compat.execlave import traced
from remit.compat.execlave.control_plane import subject
from remit.compat.execlave.ending import Ending, counted_in
from remit.compat.execlave.facts import count, ended_as, evidence_of, kept, model_of, told
from remit.compat.execlave.unseen import UnseenRun, new_trace_id
from remit.model import Session, Subject
from remit.runs.run import Run, plain

if TYPE_CHECKING:
    from remit.compat.execlave.client import Execlave

F = TypeVar("F", bound=Callable[..., Any])

_log = logging.getLogger("Execlave")


class Trace:
    """One execution of an agent. `Execlave.start_trace` and `Execlave.trace` make it.

    Called with a function, it decorates it: every call of the function is a trace like this.
    """

    def __init__(  # noqa: PLR0917 - Execlave's signature
        self,
        exe: Execlave,
        agent_id: str | None = None,
        trace_id: str | None = None,
        session_id: str | None = None,
        user_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Iterable[str] | None = None,
        environment: str | None = None,
        parent_trace_id: str | None = None,
        span_type: str | None = None,
        name: str = "",
    ) -> None:
        self.trace_id = trace_id or new_trace_id()
        self.agent_id: str | None = told(agent_id)
        self.session_id: str | None = told(session_id)
        self.user_id: str | None = told(user_id)
        self.environment = environment or exe.environment
        self.parent_trace_id = parent_trace_id
        self.span_type = span_type
        self.exe = exe
        self._name = name
        self._told: dict[str, Any] = {}
        self._metadata: dict[str, Any] = dict(metadata or {})
        self._tags: list[str] = list(dict.fromkeys(tags or ()))
        self._run: UnseenRun | None = None
        self._finished = False
        self._lock = threading.Lock()
        self._blocks: list[AbstractContextManager[Run]] = []

    def begin(self) -> Self:
        """Begin, if the agent is not paused.

        Raises:
            AgentPausedError: it is.
        """
        if self._run is None:
            self._run = self.execution(subject(self.agent_id))
        return self

    def execution(self, who: Subject) -> UnseenRun:
        """A run by *who*, which begins now.

        Raises:
            AgentPausedError: they are paused.
        """
        exe = self.exe
        exe.enforcement.begin(who, self.agent_id)
        acting = self._bound(who)
        run = UnseenRun(self, exe.guard, acting)
        if exe.guard.readers or acting.run is not None:
            # What is told to readers, and counted in another run, is so at once.
            run.look()
        else:
            exe.outbox.watch(run)
        return run

    def _bound(self, who: Subject) -> Acting:
        """Who acts in it: *who*, if an agent was named."""
        outer = who_acts()
        if self.agent_id is None and not (self.session_id or self.user_id):
            return outer
        session = outer.session
        if self.session_id or self.user_id:
            session = Session(id=self.session_id or session.id, user=self.user_id or session.user)
        here = outer.subject if self.agent_id is None else who
        return Acting(here, session, outer.context, outer.run)

    def _begun(self) -> UnseenRun:
        self.begin()
        run = self._run
        assert run is not None
        return run

    @property
    def name(self) -> str:
        """What the agent is at."""
        return self._name or self.agent_id or ""

    @property
    def run(self) -> Run:
        """The run of ours that it is."""
        return self._run or self._begun()

    def active(self) -> AbstractContextManager[Run]:
        """Let what happens inside the block be part of it."""
        return (self._run or self._begun()).active()

    # What is told of it.

    def set_input(self, data: Any) -> Self:
        """What went in."""
        self._told["input"] = kept(data)
        return self

    def set_output(self, data: Any) -> Self:
        """What came out."""
        self._told["output"] = kept(data)
        return self

    def set_model(self, name: str) -> Self:
        """Which model answered."""
        return self._tell(model=str(name))

    def set_tokens(
        self,
        input: int | None = None,  # noqa: A002 - Execlave's name
        output: int | None = None,
        *,
        prompt: int | None = None,
        completion: int | None = None,
    ) -> Self:
        """How many tokens it read and wrote; `prompt` and `completion` are other names."""
        read = input if input is not None else prompt
        wrote = output if output is not None else completion
        return self._tell(input_tokens=count(read), output_tokens=count(wrote))

    def set_cost(self, amount: float) -> Self:
        """What it cost, in USD."""
        return self._tell(cost=float(amount))

    def set_duration(self, ms: float) -> Self:
        """How long it took, where that is known better."""
        return self._tell(duration_ms=int(ms))

    def add_metadata(self, metadata: Mapping[str, Any]) -> Self:
        """Facts about it, which replace those of the same names."""
        self._metadata.update(metadata)
        return self

    def add_tags(self, tags: Iterable[str]) -> Self:
        """Marks, each once."""
        self._tags = list(dict.fromkeys([*self._tags, *tags]))
        return self

    def _tell(self, **facts: Any) -> Self:
        self._told.update(facts)
        return self

    # Its end.

    def finish(
        self,
        status: str = "success",
        error_message: str | None = None,
        error_type: str | None = None,
        effect_evidence: Mapping[str, Any] | None = None,
    ) -> None:
        """Record how it ended, once. Nothing that goes wrong with that is raised.

        Raises:
            ValueError: *effect_evidence* has no basis, or keys that nobody knows.
        """
        evidence = evidence_of(effect_evidence)
        with self._lock:
            if self._finished:
                return
            self._finished = True
        # What is told from now on comes too late.
        said, self._told = self._told, {}
        try:
            ended = ended_as(status, error_message, error_type, evidence)
            self._end(self._run or self._begun(), said, ended)
        except Exception:  # noqa: BLE001 - what is told must not fail the program that tells it
            self._lost()

    def over(self, run: UnseenRun, said: dict[str, Any], ended: dict[str, Any]) -> None:
        """Record how *run*, which is like this trace, ended. Never raises."""
        try:
            self._end(run, said, ended)
        except Exception:  # noqa: BLE001 - as above
            self._lost()

    def _end(self, run: UnseenRun, said: dict[str, Any], ended: dict[str, Any]) -> None:
        exe = self.exe
        at = exe.guard.clock()
        took = said.pop("duration_ms", None)
        if took is None:
            took = int((time.monotonic() - run.ticks) * 1000)
        metadata = {str(name): told(value) for name, value in self._metadata.items()}
        counted = counted_in(run, model_of(said)) if run.seen else None
        exe.outbox.put(Ending(self, run, said, ended, at, took, metadata, self._tags, counted))

    def _lost(self) -> None:
        self.exe.lost += 1
        _log.exception("a trace of %s could not be finished", self.name)

    # As a block, and as a decorator.

    def __enter__(self) -> Self:
        block = self.active()
        block.__enter__()
        self._blocks.append(block)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._blocks.pop().__exit__(kind, error, trace)
        self.ended(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)

    def ended(self, error: BaseException | None) -> None:
        """Finish as the code that is traced did."""
        if error is None:
            self.finish()
        else:
            self.finish("error", plain(error), type(error).__name__)

    def __call__(self, function: F) -> F:
        """*function*, every call of which is a trace like this."""
        name = getattr(function, "__name__", type(function).__name__)
        return traced.traced(function, self.another(name))

    def another(self, name: str) -> Trace:
        """What traces of executions of *name* are like: as this one is now."""
        made = Trace(
            self.exe,
            self.agent_id,
            None,
            self.session_id,
            self.user_id,
            self._metadata,
            self._tags,
            self.environment,
            self.parent_trace_id,
            self.span_type,
            name,
        )
        # Each of them has its own.
        made.trace_id = ""
        return made

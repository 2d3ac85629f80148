"""`Trace`: a run of ours, told in Execlave's words.

    with execlave.start_trace(agent_id="support") as trace:
        trace.set_input(question).set_model("gpt-4o")

Values are frozen when they are told, so what happens to them later changes nothing, and
finishing a trace never raises.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from remit import acting_as, who_acts
from remit.audit.record import Record
from remit.compat.execlave import traced
from remit.compat.execlave.control_plane import subject
from remit.compat.execlave.facts import count, evidence_of, model_of, told
from remit.compat.execlave.outbox import Finished
from remit.compat.execlave.privacy import Scrubbing, injection
from remit.model import Session
from remit.runs.run import COUNTED, Run

if TYPE_CHECKING:
    from remit.compat.execlave.client import Execlave

F = TypeVar("F", bound=Callable[..., Any])

EMPTY: tuple[Any, ...] = (None, [], {})


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
        self.trace_id = trace_id or f"tr_{random.getrandbits(64):016x}"
        self.agent_id: str | None = told(agent_id)
        self.session_id: str | None = told(session_id)
        self.user_id: str | None = told(user_id)
        self.environment = environment or exe.environment
        self.parent_trace_id = parent_trace_id
        self.span_type = span_type
        self._exe = exe
        self._name = name
        self._told: dict[str, Any] = {}
        self._metadata: dict[str, Any] = dict(metadata or {})
        self._tags: list[str] = list(dict.fromkeys(tags or ()))
        self._began = time.monotonic()
        self._run: Run | None = None
        self._finished = False
        self._lock = threading.Lock()
        self._blocks: list[ExitStack] = []

    def begin(self) -> Self:
        """Begin, if the agent is not paused.

        Raises:
            AgentPausedError: it is.
        """
        if self._run is None:
            self._exe.enforcement.begin(self.agent_id)
            self._run = self._new_run()
            self._run.tell("start", trace_id=self.trace_id, environment=self.environment)
            self._began = time.monotonic()
        return self

    def _new_run(self) -> Run:
        outer = who_acts()
        session = outer.session
        if self.session_id or self.user_id:
            session = Session(id=self.session_id or session.id, user=self.user_id or session.user)
        if self.agent_id is None:
            acting = outer._replace(session=session)
        else:
            with acting_as(subject(self.agent_id), session=session):
                acting = who_acts()
        return Run(self._exe.guard, acting, name=self._name or self.agent_id or "")

    @property
    def run(self) -> Run:
        """The run of ours that it is."""
        self.begin()
        assert self._run is not None
        return self._run

    # What is told of it.

    def set_input(self, data: Any) -> Self:
        """What went in."""
        return self._tell(input=told(data))

    def set_output(self, data: Any) -> Self:
        """What came out."""
        return self._tell(output=told(data))

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
        if status == "error":
            error_type = error_type or "UnspecifiedError"
            error_message = error_message or "No error message provided"
        facts = {
            "status": status,
            "error": error_type,
            "message": error_message,
            "effect_evidence": evidence,
        }
        try:
            self._end({name: told(value) for name, value in facts.items() if value})
        except Exception:  # noqa: BLE001 - what is told must not fail the program that tells it
            self._exe.lost += 1
            _log.exception("trace %s could not be finished", self.trace_id)

    def _end(self, ended: dict[str, Any]) -> None:
        run, told_here = self.run, dict(self._told)
        at = self._exe.guard.clock()
        took = told_here.pop("duration_ms", int((time.monotonic() - self._began) * 1000))
        facts = {
            "trace_id": self.trace_id,
            "duration_ms": took,
            "environment": self.environment,
            "parent_trace_id": self.parent_trace_id,
            "span_type": self.span_type,
            "tags": self._tags,
            **ended,
        }
        facts |= {name: told_here[name] for name in ("input", "output") if name in told_here}
        if self._metadata:
            facts["metadata"] = {str(name): told(value) for name, value in self._metadata.items()}
        model = model_of(told_here)
        if model:
            run.spend(tokens=model["input_tokens"] + model["output_tokens"], cost=model["cost"])
            run.told["model"] = run.told.get("model", 0) + 1
        known = run.facts()
        counted = {name: known[name] for name in COUNTED}

        def records() -> list[Record]:
            examined = self._examined(facts)
            present = {name: each for name, each in examined.items() if each not in EMPTY}
            end = run.record("end", present, counted=counted, at=at)
            return [run.record("model", model, at=at), end] if model else [end]

        # Looking for personal data takes time, and whoever has finished need not wait for it.
        self._exe.outbox.put(Finished(self.trace_id, records, run.keep))

    def _examined(self, facts: dict[str, Any]) -> dict[str, Any]:
        """*facts*, scanned and scrubbed as the client was told to."""
        found: dict[str, Any] = {}
        if self._exe.enable_injection_scan and "input" in facts:
            found |= injection(facts["input"])
        privacy = self._exe.scrubber
        if privacy.enabled:
            scrub = Scrubbing(privacy)
            content = privacy.fields | {"message", "metadata", "tags", "effect_evidence"}
            facts |= {name: scrub(facts[name]) for name in content if name in facts}
            found |= scrub.metadata()
        if found:
            facts["metadata"] = {**facts.get("metadata", {}), **found}
        return facts

    # As a block, and as a decorator.

    def __enter__(self) -> Self:
        self.begin()
        block = ExitStack()
        block.enter_context(self.run.active())
        self._blocks.append(block)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._blocks.pop().close()
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
            self.finish("error", str(error), type(error).__name__)

    def __call__(self, function: F) -> F:
        """*function*, every call of which is a trace like this."""
        return traced.traced(function, self.another)

    def another(self, name: str = "") -> Trace:
        """A trace like this one, of another execution."""
        return Trace(
            self._exe,
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

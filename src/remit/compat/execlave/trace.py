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
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from remit import Acting, who_acts
from remit.audit.record import Record
from remit.canonical import Frozen
from remit.compat.execlave import traced
from remit.compat.execlave.control_plane import subject
from remit.compat.execlave.facts import count, evidence_of, model_of, told
from remit.compat.execlave.outbox import Finished
from remit.compat.execlave.privacy import Scrubbing, injection
from remit.compat.execlave.unseen import UnseenRun
from remit.model import Session, Subject
from remit.runs.run import Run

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
            exe, who = self._exe, subject(self.agent_id)
            exe.enforcement.begin(who, self.agent_id)
            acting = self._bound(who)
            self._run = run = UnseenRun(
                exe.guard,
                acting,
                name=self._name or self.agent_id or "",
                at=exe.guard.clock(),
                facts={"trace_id": self.trace_id, "environment": self.environment},
            )
            if exe.guard.readers or acting.run is not None:
                # What is told to readers, and counted in another run, is so at once.
                run.look()
            else:
                exe.outbox.watch(run)
            self._began = time.monotonic()
        return self

    def _bound(self, who: Subject) -> Acting:
        """Who acts in it: *who*, if an agent was named."""
        outer = who_acts()
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
    def run(self) -> Run:
        """The run of ours that it is."""
        return self._run or self._begun()

    def active(self) -> AbstractContextManager[Run]:
        """Let what happens inside the block be part of it."""
        return (self._run or self._begun()).active()

    # What is told of it.

    def set_input(self, data: Any) -> Self:
        """What went in."""
        self._told["input"] = told(data)
        return self

    def set_output(self, data: Any) -> Self:
        """What came out."""
        self._told["output"] = told(data)
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
        if status == "error":
            error_type = error_type or "UnspecifiedError"
            error_message = error_message or "No error message provided"
        try:
            facts = {"status": told(status)} if status else {}
            if error_type:
                facts["error"] = told(error_type)
            if error_message:
                facts["message"] = told(error_message)
            if evidence:
                facts["effect_evidence"] = told(evidence)
            self._end(facts)
        except Exception:  # noqa: BLE001 - what is told must not fail the program that tells it
            self._exe.lost += 1
            _log.exception("trace %s could not be finished", self.trace_id)

    def _end(self, ended: dict[str, Any]) -> None:
        run, said = self._run or self._begun(), dict(self._told)
        at = self._exe.guard.clock()
        took = said.pop("duration_ms", None)
        if took is None:
            took = int((time.monotonic() - self._began) * 1000)
        metadata = {str(name): told(value) for name, value in self._metadata.items()}
        tags = list(self._tags)
        model = model_of(said)
        counted = _counted(run, model) if run.seen else None

        def records() -> list[Record]:
            of_all = counted
            if of_all is None:
                # It began and ended, and nothing but its outbox has looked at it.
                of_all = Frozen({**_counted(run, model), "seconds": (at - run.began) / 1e9})
            facts = {
                "trace_id": self.trace_id,
                "duration_ms": took,
                "environment": self.environment,
                "parent_trace_id": self.parent_trace_id,
                "span_type": self.span_type,
                "tags": tags,
                **ended,
            }
            facts |= {name: said[name] for name in ("input", "output") if name in said}
            if metadata:
                facts["metadata"] = metadata
            examined = self._examined(facts)
            present = {name: each for name, each in examined.items() if each not in EMPTY}
            end = run.record("end", present, counted=of_all, at=at)
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


def _counted(run: Run, model: dict[str, Any]) -> Frozen:
    """All that was counted in *run*, with the call of a *model* that was told of it."""
    if model:
        run.spend(tokens=model["input_tokens"] + model["output_tokens"], cost=model["cost"])
        run.told["model"] = run.told.get("model", 0) + 1
    return run.counted()

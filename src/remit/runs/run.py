"""One execution of an agent: what it told, and what was counted in it.

Everything a run tells is a record of kind `noted` with the action `run.<what>`, the id of
the run as its call, and what there is to say as arguments. Telling never raises: what
cannot be frozen is noted by its type, and a ledger that fails is reported to the log
`remit.runs`. Only a check that denies raises, where checks were asked for.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from remit.acting import Acting, running
from remit.audit.record import Kind, Record
from remit.call import begin, new_id
from remit.canonical import NOTHING, Frozen, freeze
from remit.driver import Ports, finish, inside, tell
from remit.errors import NotData
from remit.model import NO_RESOURCE, Action, Decision, Properties, Request

if TYPE_CHECKING:
    from remit.guard import Guard

Moment: TypeAlias = Literal["start", "step", "end"]
"""When policy is asked about a run: the actions `run.start`, `run.step` and `run.end`."""

EVERY_MOMENT: frozenset[Moment] = frozenset({"start", "step", "end"})

CONTENT = frozenset({"input", "output", "messages", "response"})
"""What policy is shown of a run and the ledger is not, unless content is captured."""

_log = logging.getLogger("remit.runs")


class Run:
    """A run under way. `remit.observe` and `remit.run` begin and end it.

    Args:
        guard: decides, and records.
        acting: who acts, for whom, and in which run this one is.
        name: what the agent is at: a workflow, or the function observed.
        checks: the moments at which policy is asked.
        capture: whether what goes in and comes out is recorded, and not only that it did.
    """

    def __init__(
        self,
        guard: Guard,
        acting: Acting,
        *,
        name: str = "",
        checks: Collection[Moment] = (),
        capture: bool = False,
    ) -> None:
        self.id = new_id()
        self.guard = guard
        self.name = name
        self.checks = frozenset(checks)
        self.capture = capture
        self.began = guard.ports.clock()
        self.attempt = 1
        self.feedback = ""
        """Why the last attempt was not good enough, and how to do better."""
        self.tags: dict[str, str] = {}
        self.calls: Counter[str] = Counter()
        """Governed calls that have started, by action."""
        self.told: Counter[str] = Counter()
        """What was told, by kind: `step`, `message`, …"""
        self.tokens = 0
        self.cost = 0.0
        self.unpriced = 0
        """Model calls whose cost nobody knows."""
        self._acting = acting
        self._parent = acting.run
        self._named = Frozen({"id": self.id, "name": name, "parent": self.parent})
        self._lock = threading.Lock()

    @property
    def parent(self) -> str:
        """The id of the run that this one is part of."""
        return str(self._parent.facts()["id"]) if self._parent is not None else ""

    def facts(self) -> Frozen:
        """What conditions read as `run`: who it is, and what was counted so far."""
        with self._lock:
            counted = {
                "calls": dict(self.calls),
                "steps": self.told["step"],
                "model_calls": self.told["model"],
                "tokens": self.tokens,
                "cost": self.cost,
                "unpriced": self.unpriced,
                "tags": dict(self.tags),
            }
        seconds = (self.guard.ports.clock() - self.began) / 1e9
        facts: Frozen = freeze(
            {**self._named, "attempt": self.attempt, "seconds": seconds, **counted}
        )
        return facts

    def saw(self, record: Record, /) -> None:
        """Count a governed call of this run, and of those it is part of."""
        if record.kind is Kind.STARTED and not record.request.action.name.startswith("run."):
            with self._lock:
                self.calls[record.request.action.name] += 1
            if self._parent is not None:
                self._parent.saw(record)

    @contextmanager
    def active(self) -> Iterator[Run]:
        """Let what happens inside the block be part of this run."""
        with running(self, self._acting), self.inside():
            yield self

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Have the guard's readers hold what they hold while the run's code runs."""
        scopes = self.guard.ports.scopes
        if not scopes:
            yield
            return
        with inside(scopes, self.id):
            yield

    # What an application tells.

    def tell(self, what: str, /, **facts: Any) -> None:
        """Record that *what* happened. Never raises."""
        with self._lock:
            self.told[what] += 1
        self._note(what, facts)

    def step(self, name: str, /, output: Any = msgspec.UNSET, **facts: Any) -> None:
        """Record that a step is done.

        Raises:
            Denied: steps are checked, and policy says that the run stops here.
        """
        given = {} if output is msgspec.UNSET else {"output": output}
        self.tell("step", name=name, **given, **facts)
        if "step" in self.checks:
            self.require("step", name=name, **given, **facts)

    def tag(self, key: str, value: object) -> None:
        """Mark the run, so that it can be found and conditions can read it (`run.tags`)."""
        with self._lock:
            self.tags[key] = str(value)
        self.tell("tag", key=key, value=str(value))

    def again(self, feedback: str) -> None:
        """Begin another attempt, which is told how to do better than the last."""
        self.feedback = feedback
        self.attempt += 1
        self.tell("retry", attempt=self.attempt, feedback=feedback)

    def model(
        self,
        model: str,
        *,
        input_tokens: int = 0,
        output_tokens: int = 0,
        cost: float | None = None,
        **facts: Any,
    ) -> None:
        """Record a call of a model that nothing else records; *cost* in USD, None if unknown."""
        self.spend(tokens=input_tokens + output_tokens, cost=cost)
        used = {"input_tokens": input_tokens, "output_tokens": output_tokens, "cost": cost}
        self.tell("model", model=model, **used, **facts)

    def spend(self, *, tokens: int = 0, cost: float | None = 0.0) -> None:
        """Count what was used, in this run and in those it is part of."""
        with self._lock:
            self.tokens += tokens
            self.cost += cost or 0.0
            self.unpriced += cost is None
        if isinstance(self._parent, Run):
            self._parent.spend(tokens=tokens, cost=cost)

    # What policy says of it.

    def request(self, action: str, facts: Mapping[str, Any]) -> Request:
        """The question about this run as it is now."""
        args = Frozen({name: frozen(value) for name, value in facts.items()})
        acting = self._acting._replace(run=self)
        return acting.request(Action(action, args), at=self.guard.ports.clock())

    def check(self, moment: Moment = "step", /, **facts: Any) -> Decision:
        """What policy says of going on. Nothing is asked of people, and nothing raised.

        Raises:
            Unavailable: the decider could not be reached.
        """
        request = self.request(f"run.{moment}", facts)
        decision = self.guard.decide(request)
        self._note("check", {"moment": moment}, decision)
        return decision

    def require(self, moment: Moment, /, **facts: Any) -> None:
        """Go on only if policy lets the run; people are asked where it says so.

        Raises:
            Blocked: it does not.
        """
        finish(self.arequire(moment, self.guard.ports, facts))

    async def arequire(self, moment: Moment, ports: Ports, facts: Mapping[str, Any]) -> None:
        """The same, however it is driven."""
        call = await begin(self.request(f"run.{moment}", facts), ports, self.conceal)
        await call.returned()

    def conceal(self, request: Request) -> Request:
        """*request* as it is recorded: without content, unless that is captured."""
        shown = request.action.properties
        if not self.capture:
            shown = Frozen({name: value for name, value in shown.items() if name not in CONTENT})
        action = Action(request.action.name, self._scrubbed(shown))
        return msgspec.structs.replace(request, action=action)

    def _note(self, what: str, facts: Mapping[str, Any], decision: Decision | None = None) -> None:
        ports, acting = self.guard.ports, self._acting
        now = ports.clock()
        try:
            args = self._scrubbed(Frozen({name: frozen(value) for name, value in facts.items()}))
            action = Action(f"run.{what}", args)
            request = Request(
                acting.subject, action, NO_RESOURCE, acting.session, NOTHING, now, (), self._named
            )
            record = Record(Kind.NOTED, self.id, now, request, decision)
            ports.ledger.append(record)
        except Exception:  # noqa: BLE001 - what is told must not fail the program that tells it
            _log.exception("run %s could not record its %s", self.id, what)
            return
        tell(ports.readers, record)

    def _scrubbed(self, facts: Properties) -> Frozen:
        scrub = self.guard.scrub
        scrubbed: Frozen = freeze(facts if scrub is None else scrub(facts))
        return scrubbed


def frozen(value: Any) -> Any:
    """*value* as data; of what is none, only the type is told."""
    try:
        return freeze(value)
    except NotData:
        kind = type(value)
        return Frozen(opaque=f"{kind.__module__}.{kind.__qualname__}")

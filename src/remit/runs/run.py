"""One execution of an agent: what it told, and what was counted in it.

Everything a run tells is a record of kind `noted` with the action `run.<what>`, the id of
the run as its call, and what there is to say as arguments. Telling never raises: what
cannot be frozen is noted by its type, and a ledger that fails is reported to the log
`remit.runs`. Only a check that denies raises, where checks were asked for.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import msgspec
from msgspec.structs import replace

from remit.acting import Acting, Running, who_acts
from remit.audit.record import Kind, Record
from remit.call import begin
from remit.canonical import NOTHING, Frozen, freeze
from remit.changing import keep
from remit.deciding import foresee
from remit.errors import NotData
from remit.identities import new_id
from remit.model import NO_RESOURCE, Action, Decision, Effect, Properties, Request
from remit.ports import Ports, finish
from remit.readers import inside, tell
from remit.spending import Spending
from remit.stepping import Here, stepping

if TYPE_CHECKING:
    from remit.guard import Guard, Scrub

T = TypeVar("T")

Moment: TypeAlias = Literal["start", "step", "end"]
"""When policy is asked about a run: the actions `run.start`, `run.step` and `run.end`."""

EVERY_MOMENT: frozenset[Moment] = frozenset({"start", "step", "end"})

CONTENT = frozenset({"input", "output", "messages", "response"})
"""What policy is shown of a run and the ledger is not, unless content is captured."""

NOTHING_HELD = nullcontext()

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
        self.name = plain(name)
        self.checks = frozenset(checks)
        self.capture = capture
        self.began = guard.ports.clock()
        self.attempt = 1
        self.feedback = ""
        """Why the last attempt was not good enough, and how to do better."""
        self.tags: dict[str, str] = {}
        self.calls: dict[str, int] = {}
        """Governed calls that have started, by action."""
        self.told: dict[str, int] = {}
        """What was told, by kind: `step`, `message`, …"""
        self.tokens = 0
        self.spent = Decimal(0)
        """What model calls have cost, in USD, to the last digit."""
        self.unpriced = 0
        """Model calls whose cost nobody knows."""
        self.asking: Callable[[Ports], Ports] = without_duties
        """Where its checks go with their questions, instead of where the guard's calls do."""
        self.spending: Spending | None = None
        """Counts what is spent in it, where its start has claims on limits."""
        self._acting = acting
        self._parent = acting.run
        self._named = Frozen(id=self.id, name=self.name, parent=self.parent)
        self._lock = threading.Lock()

    @property
    def cost(self) -> float:
        """What model calls have cost, in USD, as conditions read it."""
        return float(self.spent)

    @property
    def parent(self) -> str:
        """The id of the run that this one is part of."""
        return "" if self._parent is None else self._parent.id

    def facts(self) -> Frozen:
        """What conditions read as `run`: who it is, and what was counted so far."""
        with self._lock:
            tags = Frozen(self.tags)
        return Frozen({**self._named, **self.counted(), "tags": tags})

    def counted(self) -> Frozen:
        """What was counted in it so far; its end says what that was of all of it."""
        with self._lock:
            return Frozen(
                seconds=(self.guard.ports.clock() - self.began) / 1e9,
                attempt=self.attempt,
                steps=self.told.get("step", 0),
                calls=Frozen(self.calls),
                model_calls=self.told.get("model", 0),
                tokens=self.tokens,
                cost=float(self.spent),
                unpriced=self.unpriced,
            )

    def saw(self, record: Record, /) -> None:
        """Count a governed call of this run, and of those it is part of."""
        if record.kind is Kind.STARTED and not record.request.action.name.startswith("run."):
            action = record.request.action.name
            with self._lock:
                self.calls[action] = self.calls.get(action, 0) + 1
            if self._parent is not None:
                self._parent.saw(record)

    def active(self) -> AbstractContextManager[Run]:
        """Let what happens inside the block be part of this run."""
        running = Running(self, self._acting)
        if self.spending is None and not self.guard.ports.scopes:
            return running
        return self._active(running)

    def inside(self) -> AbstractContextManager[None]:
        """Have the guard's readers hold what they hold while the run's code runs."""
        scopes = self.guard.ports.scopes
        return inside(scopes, self.id) if scopes else NOTHING_HELD

    @contextmanager
    def _active(self, running: Running[Run]) -> Iterator[Run]:
        spending = self.spending.here() if self.spending is not None else NOTHING_HELD
        with running, spending, self.inside():
            yield self

    def steps(
        self, generator: Generator[Any, Any, T], here: Here | None = None
    ) -> Generator[Any, Any, T]:
        """*generator*, each step of which is part of this run, or made *here*."""
        return stepping(generator, here or self.active)

    # What an application tells.

    def tell(self, what: str, /, **facts: Any) -> None:
        """Record that *what* happened. Never raises."""
        with self._lock:
            self.told[what] = self.told.get(what, 0) + 1
        self._note(what, facts)

    def end(self, **facts: Any) -> None:
        """Record that it is over, and all that was counted in it. Never raises."""
        self._note("end", facts, counted=self.counted())

    def step(self, name: str, /, output: Any = msgspec.UNSET, **facts: Any) -> None:
        """Record that a step is done.

        Raises:
            Denied: steps are checked, and policy says that the run stops here.
        """
        given = {} if output is msgspec.UNSET else {"output": output}
        facts = {**facts, "name": name, **given}
        self.tell("step", **facts)
        if "step" in self.checks:
            self.require("step", **facts)

    def tag(self, key: str, value: object) -> None:
        """Mark the run, so that it can be found and conditions can read it (`run.tags`)."""
        text = plain(value)
        with self._lock:
            self.tags[plain(key)] = text
        self.tell("tag", key=key, value=text)

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
        cost: Decimal | float | None = None,
        **facts: Any,
    ) -> None:
        """Record a call of a model that nothing else records; *cost* in USD, None if unknown."""
        self.spend(tokens=input_tokens + output_tokens, cost=cost)
        known = None if cost is None else float(cost)
        used = {"input_tokens": input_tokens, "output_tokens": output_tokens, "cost": known}
        self.tell("model", model=model, **used, **facts)

    def spend(self, *, tokens: int = 0, cost: Decimal | float | None = 0) -> None:
        """Count what was used, in this run and in those it is part of."""
        known = cost is not None and isfinite(cost)
        with self._lock:
            self.tokens += tokens
            if known:
                # Of a double what it is written as: a sum of cents is to come out in cents.
                self.spent += Decimal(str(cost))
            self.unpriced += not known
        if isinstance(self._parent, Run):
            self._parent.spend(tokens=tokens, cost=cost)

    # What policy says of it.

    def request(self, action: str, facts: Mapping[str, Any]) -> Request:
        """The question about this run as it is now."""
        args = told(facts)
        acting = self._acting._replace(run=self)
        return acting.request(Action(action, args), at=self.guard.ports.clock())

    def check(self, moment: Moment = "step", /, **facts: Any) -> Decision:
        """What policy says of going on. Nothing is asked of people, and nothing raised.

        Raises:
            Unavailable: the decider could not be reached.
        """
        return finish(self.consider(moment, self.guard.ports, facts))

    async def acheck(self, moment: Moment = "step", /, **facts: Any) -> Decision:
        """The same, on an event loop."""
        return await self.consider(moment, self.guard.async_ports, facts)

    async def consider(self, moment: Moment, ports: Ports, facts: Mapping[str, Any]) -> Decision:
        """The same, however it is driven."""
        decision = await self.foresee(moment, ports, facts)
        self._note("check", {"moment": moment}, decision)
        return decision

    async def foresee(self, moment: Moment, ports: Ports, facts: Mapping[str, Any]) -> Decision:
        """The same, and that it was asked is not on record."""
        return await foresee(self.request(f"run.{moment}", facts), ports)

    def record_check(self, policy: str, effect: Effect | str, /, **facts: Any) -> None:
        """Record what something else than this guard's policy has decided. It binds nobody.

        Args:
            policy: what was asked.
            effect: what it said: `allow`, `deny`, or in its own words.
            facts: its `reason`, `category`, `seconds`, …
        """
        self.tell("policy_check", **{**facts, "policy": policy, "effect": plain(effect)})

    def require(self, moment: Moment, /, **facts: Any) -> None:
        """Go on only if policy lets the run; people are asked where it says so.

        Raises:
            Blocked: it does not.
        """
        finish(self.arequire(moment, self.guard.ports, facts))

    async def arequire(self, moment: Moment, ports: Ports, facts: Mapping[str, Any]) -> None:
        """The same, however it is driven."""
        request = self.request(f"run.{moment}", facts)
        call = await begin(request, self.asking(ports), self.conceal)
        await call.returned()

    def conceal(self, request: Request) -> Request:
        """*request* as it is recorded: without content, unless that is captured."""
        return concealed(request, () if self.capture else CONTENT, self.guard.scrub)

    def record(
        self,
        what: str,
        facts: Mapping[str, Any],
        decision: Decision | None = None,
        counted: Mapping[str, Any] = NOTHING,
        at: int = 0,
    ) -> Record:
        """The record that *what* happened *at* some time, or now, for `keep` to keep."""
        acting, now = self._acting, at or self.guard.ports.clock()
        args = told(facts)
        if counted:
            # Frozen already, and long: freezing is most of what telling costs.
            args = Frozen({**args, **counted})
        if self.guard.scrub is not None:
            args = scrubbed(args, self.guard.scrub)
        action = Action(f"run.{what}", args)
        request = Request(
            acting.subject, action, NO_RESOURCE, acting.session, NOTHING, now, (), self._named
        )
        return Record(Kind.NOTED, self.id, now, request, decision)

    def keep(self, record: Record) -> None:
        """Keep what `record` made; it is durable when this returns.

        Raises:
            Unavailable: it could not be recorded.
        """
        keep(self.guard.ledger, record)
        tell(self.guard.readers, record)

    def _note(
        self,
        what: str,
        facts: Mapping[str, Any],
        decision: Decision | None = None,
        counted: Mapping[str, Any] = NOTHING,
        at: int = 0,
    ) -> None:
        try:
            record = self.record(what, facts, decision, counted, at)
            self.guard.note(record)
        except Exception:  # noqa: BLE001 - what is told must not fail the program that tells it
            _log.exception("run %s could not record its %s", self.id, what)
            return
        # Not the tally, which counts calls.
        tell(self.guard.readers, record)


def under_way() -> Run | None:
    """The run that is under way here."""
    run = who_acts().run
    return run if isinstance(run, Run) else None


def without_duties(ports: Ports) -> Ports:
    """*ports* for a check: it runs nothing, so no duty could be carried out on it."""
    return replace(ports, discharges={})


def concealed(request: Request, content: Collection[str], scrub: Scrub | None) -> Request:
    """*request* as it is recorded: without *content*, and scrubbed."""
    properties = request.action.properties
    shown = Frozen({name: value for name, value in properties.items() if name not in content})
    if scrub is not None:
        shown = scrubbed(shown, scrub)
    action = Action(request.action.name, shown)
    return msgspec.structs.replace(request, action=action)


def scrubbed(facts: Properties, scrub: Scrub) -> Frozen:
    """*facts* without what must not be recorded."""
    kept: Frozen = freeze(scrub(facts))
    return kept


def told(facts: Mapping[str, Any]) -> Frozen:
    """*facts* as data."""
    try:
        whole: Frozen = freeze(facts)
    except NotData:
        return freeze_each(facts)
    return whole


def freeze_each(facts: Mapping[str, Any]) -> Frozen:
    """*facts*, of which some may be no data."""
    parts: Frozen = freeze({name: frozen(value) for name, value in facts.items()})
    return parts


def plain(value: object) -> str:
    """*value* as text that can be recorded."""
    try:
        text = str(value)
    except Exception:  # noqa: BLE001 - what is told must not fail the program that tells it
        text = type(value).__qualname__
    return text if text.isascii() else text.encode(errors="replace").decode()


def frozen(value: Any) -> Any:
    """*value* as data; of what is none, only the type is told."""
    try:
        return freeze(value)
    except NotData:
        kind = type(value)
        return Frozen(opaque=f"{kind.__module__}.{kind.__qualname__}")

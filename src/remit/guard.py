"""The policy enforcement point: what an application holds on to."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeAlias, TypeVar, overload
from weakref import WeakSet

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from remit.acting import ask_as_whoever_acts, tally
from remit.audit.record import Record
from remit.call import Call, begin, govern, refuse
from remit.canonical import LIMITS, Limits, Opaque
from remit.changing import record_change
from remit.deciding import foresee, look_for_pause, pause_found
from remit.duties import STANDARD
from remit.errors import Blocked, Denied
from remit.model import (
    NO_RESOURCE,
    REMIT,
    Action,
    Decision,
    Pause,
    Properties,
    Request,
    Resource,
    Subject,
)
from remit.pausing import EVERYBODY, Pauses
from remit.plan import Plan
from remit.ports import (
    Amend,
    Approver,
    Conceal,
    Decider,
    Discharge,
    Execute,
    Inbox,
    Ledger,
    Meter,
    Ports,
    Reader,
    Refused,
    Scope,
    finish,
)
from remit.protection import Protection, protection_of
from remit.waiting import wait_here, wait_on_loop

if TYPE_CHECKING:
    from remit.policy.check import Finding
    from remit.policy.tools import Tools

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Scrub: TypeAlias = Callable[[Properties], Properties]
Asks: TypeAlias = Callable[[Action, Resource, int], Request]


class Guard:
    """Decides, asks, runs and records, in that order.

    Args:
        decider: answers requests; usually a `Policy`.
        ledger: keeps the records. Nothing runs that it has not taken.
        approver: puts denials that may be lifted to people: one that answers now, or an
            `Inbox` on the same ledger. None: they stay denials.
        readers: are told what has been recorded, such as telemetry.
        meter: counts what calls use of limits. None: what a limit is about is denied.
        discharges: who carries out each type of obligation; `redact` is known to every guard.
        limits: how large the arguments of a call may be.
        opaque: types of arguments that are no data, for every function protected here.
        scrub: takes what must not be recorded out of what runs tell, before anything is.
        conceal: takes what must not be recorded out of a call's request; policy and people see it.
        amend: takes out of arguments what a decision on them wants taken out; what is left is
            decided on anew, and is what the function gets.
        asks: makes the request of an action on a resource at a moment; none means that of
            whoever acts here.
        refused: makes what is raised in the place of a refusal, by it and the action's name.
        clock: Unix time in nanoseconds.
    """

    def __init__(
        self,
        decider: Decider,
        *,
        ledger: Ledger,
        approver: Approver | Inbox | None = None,
        readers: Iterable[Reader] = (),
        meter: Meter | None = None,
        discharges: Mapping[str, Discharge] | None = None,
        limits: Limits = LIMITS,
        opaque: Collection[type] = (),
        scrub: Scrub | None = None,
        conceal: Conceal | None = None,
        amend: Amend | None = None,
        asks: Asks = ask_as_whoever_acts,
        refused: Refused | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.readers = tuple(readers)
        self.limits = limits
        self.scrub = scrub
        self.asks = asks
        self.refused = refused
        self.ledger = ledger
        self.clock = clock
        self.opaque = Opaque.of(opaque)
        self._pauses = Pauses.of(ledger)
        self.ports = Ports(
            decider,
            ledger,
            wait_here,
            *_asked(approver, ledger),
            (tally, *self.readers),
            meter,
            tuple(reader for reader in self.readers if isinstance(reader, Scope)),
            {**STANDARD, **(discharges or {})},
            clock,
            self._pauses,
            conceal,
            amend,
        )
        self.note: Callable[[Record], object] = getattr(ledger, "note", ledger.append)
        self.async_ports = replace(self.ports, wait=wait_on_loop)
        self._protected: WeakSet[Protection] = WeakSet()

    def replace(
        self,
        *,
        decider: Decider | UnsetType = UNSET,
        approver: Approver | Inbox | UnsetType | None = UNSET,
        discharges: Mapping[str, Discharge] | UnsetType = UNSET,
        amend: Amend | UnsetType | None = UNSET,
        asks: Asks | UnsetType = UNSET,
        refused: Refused | UnsetType | None = UNSET,
    ) -> Self:
        """The same guard with other parts, for one call, one run or one tenant.

        Its ledger, and who is paused in that, are the same; *discharges* are known besides.
        """
        old = self.ports
        asked = (old.approver, old.inbox) if approver is UNSET else _asked(approver, self.ledger)
        known = old.discharges if discharges is UNSET else {**old.discharges, **discharges}
        ports = replace(
            old,
            decider=old.decider if decider is UNSET else decider,
            approver=asked[0],
            inbox=asked[1],
            discharges=known,
            amend=old.amend if amend is UNSET else amend,
        )
        other = object.__new__(type(self))
        vars(other).update(vars(self), ports=ports)
        other.async_ports = replace(ports, wait=wait_on_loop)
        other.asks = self.asks if asks is UNSET else asks
        other.refused = self.refused if refused is UNSET else refused
        return other

    def call(
        self,
        request: Request,
        execute: Callable[[], T],
        *,
        otherwise: Callable[[Blocked], Any] | None = None,
    ) -> T:
        """Run *execute* if *request* is allowed.

        Args:
            request: what is decided on.
            execute: the action.
            otherwise: is given a refusal, which is then not raised; its value is that of the
                call. What *execute* raises itself never comes to it.

        Raises:
            Blocked: it is not, and nothing ran.
            Unrecorded: it ran, and the ledger did not take its end.
        """
        return finish(govern(request, execute, self.ports, self.refused, otherwise))

    def acall(
        self,
        request: Request,
        execute: Execute[T],
        *,
        otherwise: Callable[[Blocked], Any] | None = None,
    ) -> Coroutine[Any, Any, T]:
        """Like `call`, on an event loop; *execute* may be asynchronous."""
        return govern(request, execute, self.async_ports, self.refused, otherwise)

    async def begin(self, request: Request, ports: Ports) -> Call:
        """Begin a call that somebody else runs and ends, however it is driven.

        Whoever gets it runs the action and owes it one of `returned` and `raised`; what duties
        there are is carried out by its `discharged`.

        Args:
            request: what is decided on.
            ports: those of this guard, for either kind of caller.

        Raises:
            Blocked: it is not allowed, and must not be run.
        """
        return await begin(request, ports, refused=self.refused)

    def prepare(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        ports: Ports,
    ) -> Coroutine[Any, Any, tuple[Request, Callable[[], Any]]]:
        """The request that a call of a protected function is, and what then runs.

        Raises:
            Blocked: an argument is no data; the refusal is on record.
        """
        return protection_of(function).prepare(self, ports, args, kwargs)

    async def refuse(
        self, request: Request, reason: str, ports: Ports, *, rules: tuple[str, ...] = ()
    ) -> Denied:
        """The refusal, which is on record, of what cannot be put to policy.

        Raises:
            Unavailable: it could not be recorded.
        """
        return await refuse(self.stamp(request), reason, ports, rules=rules)

    def decide(self, request: Request) -> Decision:
        """What would be decided now. Nothing runs, nobody is asked, nothing is recorded.

        Raises:
            Unavailable: the decider could not be reached.
        """
        return finish(foresee(self.stamp(request), self.ports))

    def plan(self, requests: Iterable[Request]) -> Plan:
        """What would be decided on each of *requests*: a dry run."""
        return Plan(tuple((request, self.decide(request)) for request in requests))

    def pause(
        self, subject: Subject | str = EVERYBODY, *, by: Subject | str, reason: str = ""
    ) -> Pause:
        """Stop everything *subject* does through a guard that records in the same ledger.

        Policy is not asked any more: every call raises `Paused`, in other processes too.

        Raises:
            Unavailable: it could not be recorded, so nothing is paused.
        """
        return self._pauses.pause(subject, by=by, reason=reason, at=self.clock())

    def resume(
        self, subject: Subject | str = EVERYBODY, *, by: Subject | str, reason: str = ""
    ) -> None:
        """Let *subject* go on; each pause ends by itself, that of everybody (`*`) too.

        Raises:
            ValueError: the subject wants to let itself go on.
            Unavailable: it could not be recorded, so it is still paused.
        """
        self._pauses.resume(subject, by=by, reason=reason, at=self.clock())

    def pause_of(self, subject: Subject) -> Pause | None:
        """The pause that stops *subject*.

        Raises:
            Unavailable: it could not be found out, and nothing it does will run.
        """
        found = look_for_pause(subject, self.ports)
        return None if found is None else finish(pause_found(found, subject, self.ports))

    @property
    def paused(self) -> tuple[Pause, ...]:
        """Who is paused now, by whom and why."""
        return self._pauses.all()

    def record_change(self, act: str, facts: Mapping[str, Any], *, by: Subject = REMIT) -> None:
        """Keep that *act* is about to be done to what decides; it is durable when this returns.

        Raises:
            Unavailable: it could not be recorded, so it must not be done.
        """
        record_change(self.ledger, act, facts, by=by, clock=self.clock)

    @property
    def tools(self) -> Tools:
        """The functions protected here, as policies know them."""
        from remit.policy.tools import Tools

        protected = sorted(self._protected, key=lambda protection: protection.action)
        return Tools().joined(protection.tools for protection in protected)

    def check(self) -> tuple[Finding, ...]:
        """What of the policy does not fit the functions protected here, or is probably not meant.

        Of a decider that is no `Policy` nothing is known.
        """
        from remit.policy import Policy

        decider = self.ports.decider
        return decider.check(self.tools) if isinstance(decider, Policy) else ()

    def request(self, action: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> Request:
        """The request that a call would make here.

        Args:
            action: a function protected by a guard, or the name of an action.
            args: for a function: its arguments.
            kwargs: its arguments by name.

        Raises:
            NotData: an argument has no frozen form.
        """
        if isinstance(action, str):
            return self.asks(Action(action, kwargs), NO_RESOURCE, 0)
        return protection_of(action).request(*args, **kwargs)

    def stamp(self, request: Request) -> Request:
        """*request*, about this moment if it names none."""
        if request.at:
            return request
        return msgspec.structs.replace(request, at=self.clock())

    @overload
    def protect(self, function: F, /) -> F: ...

    @overload
    def protect(
        self,
        /,
        *,
        action: str | None = None,
        resource: Resource | str | None = None,
        opaque: Collection[str | type] = (),
    ) -> Callable[[F], F]: ...

    def protect(
        self,
        function: Any = None,
        /,
        *,
        action: str | None = None,
        resource: Resource | str | None = None,
        opaque: Collection[str | type] = (),
    ) -> Any:
        """Decorate a function so that every call of it is governed.

        Functions, methods, class and static methods, partials, callable
        objects, and their asynchronous and generator forms can be protected.
        A generator is decided on when it is first advanced.

        Args:
            function: what to protect, where the decorator is used without arguments.
            action: the name policy knows it by; none means the function's own.
            resource: what it acts on: a `Resource`, or `type:id` in which `{name}` stands for
                the argument of that name.
            opaque: names or types of arguments that are no data. They pass through
                untouched, and policy sees their type.

        Raises:
            TypeError: *function* has no signature, or *opaque* or *resource* name none
                of its parameters.
        """

        def decorate(target: Any) -> Any:
            governed = Protection.of(
                target, lambda: self, action=action, resource=resource, opaque=Opaque.of(opaque)
            )
            self._protected.add(protection_of(getattr(governed, "__func__", governed)))
            return governed

        return decorate if function is None else decorate(function)


def _asked(
    approver: Approver | Inbox | None, ledger: Ledger
) -> tuple[Approver | None, Inbox | None]:
    """Who answers now, and what keeps questions."""
    if not isinstance(approver, Inbox):
        return approver, None
    if approver.ledger is not ledger:
        raise TypeError("the inbox keeps its questions in another ledger than the guard's")
    return None, approver

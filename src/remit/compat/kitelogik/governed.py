"""`governed` and `GovernedToolbox`: functions that go through a guard of ours."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

from remit import keep_context
from remit.compat.kitelogik import requests, verdicts
from remit.compat.kitelogik.gate import UNREACHABLE, PolicyGate
from remit.compat.kitelogik.models import PolicyDecision, SessionContext
from remit.compat.kitelogik.sanitizer import sanitize
from remit.default import protect
from remit.errors import Blocked, Denied, Pending
from remit.guard import Guard
from remit.model import Action, Request, Resource
from remit.toolbox import Toolbox

Context: TypeAlias = SessionContext | Callable[[], SessionContext]
"""The session, or a function that tells the one of the moment: a server has many."""

_log = logging.getLogger(__name__)


class GovernanceError(Blocked):
    """The tool was not called; `decision` says why.

    `approval_id` is the question in the queue, where a person has been asked and has not
    answered yet: the same call, made again, finds the answer.
    """

    def __init__(self, message: str, decision: PolicyDecision, approval_id: str = "") -> None:
        super().__init__(message)
        self.decision = decision
        self.approval_id = approval_id


def _guard(gate: PolicyGate, context: Context, tool_name: str = "") -> Guard:
    """A guard of *gate*, for the session in *context*."""

    def asks(action: Action, _: Resource, at: int) -> Request:
        session = context if isinstance(context, SessionContext) else context()
        return requests.of_action(action, session, tool_name, at=at)

    return Guard(gate, ledger=gate.ledger, approver=gate.approver, asks=asks)


class governed:  # noqa: N801 - its name is Kite Logik's
    """Decorates a function so that every call of it is governed by *gate*, in *context*.

    Args:
        gate: decides, and knows the ledger.
        context: the session, or a function that tells the one of the moment.
        action: the name policy knows it by; none means the function's own.
        sanitize: take what reads like an instruction out of what the function returns.
        opaque: names or types of arguments that are no data; policy sees their type.

    The function raises:
        GovernanceError: it is not allowed, and did not run.
    """

    def __init__(
        self,
        gate: PolicyGate,
        context: Context,
        action: str | None = None,
        sanitize: bool = True,  # noqa: FBT001, FBT002 - so it is in Kite Logik
        *,
        opaque: Collection[str | type] = (),
    ) -> None:
        self._gate = gate
        self._context = context
        self._action = action
        self._sanitize = sanitize
        self._opaque = opaque

    def __call__(self, fn: Any) -> Any:
        """*fn*, governed."""
        if isinstance(fn, classmethod | staticmethod):
            return type(fn)(self(fn.__func__))
        guard = _once(lambda: _guard(self._gate, self._context))
        inner = protect(action=self._action, opaque=self._opaque, guard=guard)(fn)
        return _told(inner, self._gate, clean=self._sanitize)


class GovernedToolbox:
    """Governed functions that are called by name. A name has one function."""

    def __init__(
        self,
        gate: PolicyGate,
        context: Context,
        sanitize: bool = True,  # noqa: FBT001, FBT002 - so it is in Kite Logik
    ) -> None:
        self._gate = gate
        self._context = context
        self._sanitize = sanitize
        self._tools: dict[str, _Registered] = {}

    def register(
        self,
        name: str,
        fn: Callable[..., Any],
        action: str | None = None,
        *,
        opaque: Collection[str | type] = (),
    ) -> GovernedToolbox:
        """Offer *fn* as *name*, which policy knows as *action*.

        Raises:
            ValueError: the name is taken.
        """
        if name in self._tools:
            raise ValueError(f"a tool named {name!r} is registered already")
        guard = _once(lambda: _guard(self._gate, self._context, name))
        self._tools[name] = _Registered(fn, action or name, opaque, guard)
        return self

    def tool_names(self) -> list[str]:
        """The names, in the order in which they were registered."""
        return list(self._tools)

    async def call(self, name: str, args: Mapping[str, Any]) -> Any:
        """Call the tool *name*.

        Raises:
            KeyError: there is none; that it was asked for is on record.
            GovernanceError: it is not allowed, or *args* do not fit, and it did not run.
        """
        if name not in self._tools:
            await self._unknown(name, args)
        tool = self._tools[name]
        try:
            box = tool.box
            result = await box.run(tool.action, args, box.guard.async_ports)
        except Blocked as error:
            raise _told_as(error, self._gate) from error
        return _cleaned(result) if self._sanitize else result

    def call_sync(self, name: str, args: Mapping[str, Any]) -> Any:
        """`call`, for callers without a loop and for those that hold theirs up."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.call(name, args))
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(keep_context(lambda: asyncio.run(self.call(name, args)))).result()

    def tool_schemas(self) -> list[dict[str, Any]]:
        """What a model is told of each tool, as Anthropic's API has it."""
        return [self._schema(name, tool.box) for name, tool in self._tools.items()]

    async def evaluate_plan(self, steps: Sequence[Mapping[str, Any]]) -> PolicyDecision:
        """Whether a plan may be followed.

        Raises:
            GovernanceError: it may not.
        """
        context = self._context if isinstance(self._context, SessionContext) else self._context()
        decision = await self._gate.evaluate_plan(steps, context)
        if not decision.allow:
            raise GovernanceError(f"Plan denied by policy: {decision.reason}", decision)
        return decision

    @staticmethod
    def _schema(name: str, box: Toolbox) -> dict[str, Any]:
        (known,) = box.schemas()
        description = known["description"].strip().splitlines() or [f"Call {name}"]
        return {"name": name, "description": description[0], "input_schema": known["parameters"]}

    async def _unknown(self, name: str, args: Mapping[str, Any]) -> None:
        box = Toolbox(_guard(self._gate, self._context, name))
        try:
            await box.acall(name, args)
        except Denied as error:
            raise KeyError(f"a tool named {name!r} is not registered") from error


@dataclass
class _Registered:
    """A tool of a toolbox; the box for it is made when it is first needed, like the ledger."""

    function: Callable[..., Any]
    action: str
    opaque: Collection[str | type]
    guard: Callable[[], Guard]

    @functools.cached_property
    def box(self) -> Toolbox:
        made = Toolbox(self.guard())
        made.register(name=self.action, opaque=self.opaque)(self.function)
        return made


def _once(make: Callable[[], Guard]) -> Callable[[], Guard]:
    """The guard, made at the first call: to import a module makes no ledger."""
    made: list[Guard] = []

    def guard() -> Guard:
        if not made:
            made.append(make())
        return made[0]

    return guard


def _told(inner: Callable[..., Any], gate: PolicyGate, *, clean: bool) -> Callable[..., Any]:
    """*inner*, whose refusals are told in Kite Logik's words, and whose answers are clean."""
    if inspect.isasyncgenfunction(inner) or inspect.isgeneratorfunction(inner):
        return _told_items(inner, gate, cleaned=_cleaned if clean else _as_it_is)

    @functools.wraps(inner)
    async def told_async(*args: Any, **kwargs: Any) -> Any:
        try:
            result = await inner(*args, **kwargs)
        except Blocked as error:
            raise _told_as(error, gate) from error
        return _cleaned(result) if clean else result

    @functools.wraps(inner)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            result = inner(*args, **kwargs)
        except Blocked as error:
            raise _told_as(error, gate) from error
        return _cleaned(result) if clean else result

    return told_async if inspect.iscoroutinefunction(inner) else told


def _told_items(
    inner: Callable[..., Any], gate: PolicyGate, *, cleaned: Callable[[Any], Any]
) -> Callable[..., Any]:
    """The same, for a generator function."""

    @functools.wraps(inner)
    def told(*args: Any, **kwargs: Any) -> Iterator[Any]:
        try:
            for item in inner(*args, **kwargs):
                yield cleaned(item)
        except Blocked as error:
            raise _told_as(error, gate) from error

    @functools.wraps(inner)
    async def told_async(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        try:
            async for item in inner(*args, **kwargs):
                yield cleaned(item)
        except Blocked as error:
            raise _told_as(error, gate) from error

    return told_async if inspect.isasyncgenfunction(inner) else told


def _told_as(error: Blocked, gate: PolicyGate) -> GovernanceError:
    """*error* in Kite Logik's words."""
    if isinstance(error, GovernanceError):
        return error
    asked = ""
    if isinstance(error, Denied):
        verdict = gate.verdict(error.decision)
    elif isinstance(error, Pending):
        asked = error.approval_request.id
        waiting = f"{error.approval_request.decision.reason}; approval {asked} waits for somebody"
        decision = error.approval_request.decision
        verdict = gate.verdict(decision).model_copy(update={"reason": waiting})
    else:
        verdict = verdicts.refusal(str(error), UNREACHABLE)
    human = f"requires human approval (risk tier: {verdict.risk_tier}): "
    why = f"{human if verdict.requires_hitl else ''}{verdict.reason}"
    return GovernanceError(f"Governance denied tool call: {why}", verdict, asked)


def _as_it_is(item: Any) -> Any:
    return item


def _cleaned(result: Any) -> Any:
    cleaned, found = sanitize(result)
    if found:
        _log.warning("what a tool answered was sanitized: %s", ", ".join(sorted(set(found))))
    return cleaned

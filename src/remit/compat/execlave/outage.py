"""A policy source that may be away, and what happens then.

An outage is that there was no answer: an `OSError`, such as a connection that fails or takes too
long. What is malformed, refused or unreadable is none, and nothing runs on it. After three
outages in a row the source is not asked for a minute.

With `fail_open`, what could not be asked about is allowed, and that is on record: the decision
names the rule `execlave.fail_open`, and is counted, logged and told to whoever wants to know.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, Literal, TypeAlias, get_args

import msgspec

from remit.model import Decision, Effect, Request
from remit.ports import Decider, Maybe

OnOutage: TypeAlias = Literal["fail_open", "fail_closed"]

FAIL_OPEN = "execlave.fail_open"
"""The rule that decisions name which nobody made."""

FAILURES = 3
RETRY_AFTER = 60.0
REMEMBERED = 500

_log = logging.getLogger("Execlave")


class Unreachable(Exception):
    """The source did not answer, and what it would have said is not made up."""

    def __init__(self, failures: int, last: BaseException | None) -> None:
        self.failures = failures
        self.last = last
        super().__init__(f"no policy could be had, {failures} times in a row: {last}")


class Source:
    """Asks *decider*, by the rules above.

    Args:
        decider: answers somewhere else.
        on_outage: `fail_open` or `fail_closed`.
        ttl: seconds for which an allow is remembered that came from somewhere else.
        bypassed: is told what was allowed unasked.
        clock: seconds.

    Raises:
        ValueError: *on_outage* is neither.
    """

    def __init__(
        self,
        decider: Decider,
        *,
        on_outage: OnOutage,
        ttl: float,
        bypassed: Callable[[Request, str, Exception | None], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if on_outage not in get_args(OnOutage):
            raise ValueError(
                f"enforcement_on_outage is fail_open or fail_closed, not {on_outage!r}"
            )
        self.failures = 0
        self._decider = decider
        self._open = on_outage == "fail_open"
        self._ttl = ttl
        self._bypassed = bypassed
        self._clock = clock
        self._until = 0.0
        self._last: Exception | None = None
        self._lock = threading.Lock()
        self._allowed: OrderedDict[str, tuple[float, Decision]] = OrderedDict()

    def decide(self, request: Request, /) -> Maybe[Decision]:
        """The source's answer, or what stands in for it."""
        known = self._remembered(request)
        if known is not None:
            return known
        if self.failures >= FAILURES and self._clock() < self._until:
            return self._without(request, "circuit_breaker", self._last)
        try:
            answer = self._decider.decide(request)
        except OSError as error:
            return self._failed(request, error)
        if isinstance(answer, Future):
            return self._later(request, answer)
        if isinstance(answer, Awaitable):
            return self._awaited(request, answer)
        self._answered()
        return answer

    def _later(self, request: Request, answer: Future[Decision]) -> Future[Decision]:
        chained: Future[Decision] = Future()

        def done(answer: Future[Decision]) -> None:
            try:
                decision = self._came(request, answer.result)
            except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
                chained.set_exception(error)
            else:
                chained.set_result(decision)

        answer.add_done_callback(done)
        return chained

    async def _awaited(self, request: Request, answer: Awaitable[Decision]) -> Decision:
        try:
            decision = await answer
        except OSError as error:
            return self._failed(request, error)
        return self._came(request, lambda: decision)

    def _came(self, request: Request, result: Callable[[], Decision]) -> Decision:
        try:
            decision = result()
        except OSError as error:
            return self._failed(request, error)
        self._answered()
        self._remember(request, decision)
        return decision

    def _answered(self) -> None:
        with self._lock:
            self.failures = 0

    def _failed(self, request: Request, error: Exception) -> Decision:
        with self._lock:
            self.failures += 1
            self._last = error
            self._until = self._clock() + RETRY_AFTER
        return self._without(request, "network_error", error)

    def _without(self, request: Request, why: str, error: Exception | None) -> Decision:
        if not self._open:
            raise Unreachable(self.failures, error)
        _log.warning("%s was not checked (%s: %s)", request.subject.id, why, error)
        try:
            self._bypassed(request, why, error)
        except Exception:  # noqa: BLE001 - a listener's mistake is nobody else's
            _log.exception("on_enforcement_bypassed failed")
        reason = f"not checked, because no policy could be had: {why}: {error}"
        return Decision(Effect.ALLOW, reason, (FAIL_OPEN,))

    def _remember(self, request: Request, decision: Decision) -> None:
        # What costs something has to be counted each time.
        costs = "estimated_cost" in request.action.properties
        if not decision.allowed or self._ttl <= 0 or costs or request.approvals:
            return
        with self._lock:
            self._allowed[request.digest] = self._clock() + self._ttl, decision
            while len(self._allowed) > REMEMBERED:
                self._allowed.popitem(last=False)

    def _remembered(self, request: Request) -> Decision | None:
        if not self._allowed:
            return None
        until, decision = self._allowed.get(request.digest, (0.0, None))
        return decision if self._clock() < until else None


class Both:
    """Allows what *near* and then *far* allow."""

    def __init__(self, near: Decider, far: Decider) -> None:
        self._near = near
        self._far = far

    def decide(self, request: Request, /) -> Maybe[Decision]:
        """The stricter answer, with what both would have done."""
        near: Any = self._near.decide(request)
        if not near.allowed:
            return near  # type: ignore[no-any-return]
        far: Any = self._far.decide(request)
        return _joined(near, far) if near.monitored else far  # type: ignore[no-any-return]


def _joined(near: Decision, far: Any) -> Any:
    if isinstance(far, Decision):
        return msgspec.structs.replace(far, monitored=near.monitored + far.monitored)
    if not isinstance(far, Future):

        async def awaited() -> Decision:
            decision: Decision = _joined(near, await far)
            return decision

        return awaited()
    chained: Future[Decision] = Future()

    def done(answer: Future[Decision]) -> None:
        try:
            chained.set_result(_joined(near, answer.result()))
        except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
            chained.set_exception(error)

    far.add_done_callback(done)
    return chained

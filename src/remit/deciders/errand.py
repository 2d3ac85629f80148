"""A question that whoever waits for its answer asks: in their thread, or on their loop.

To hand it to another thread and have that wake the one who asks takes about as long as a server
on the same machine takes to answer. So a question over the network is a coroutine that waits for
nothing but sockets and futures, by a `Driver`: that of a thread, or that of a loop.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from math import inf
from threading import Thread
from typing import Any, NamedTuple, TypeAlias, TypeVar

from remit.ports import finish
from remit.waiting import Promise, wait_on_loop

T = TypeVar("T")
U = TypeVar("U")


class Driver(NamedTuple):
    """How a coroutine waits. Times are those of `time.monotonic`."""

    ready: Callable[[socket.socket, bool, float], Awaitable[None]]
    """Until a socket can be read from, or written to where that is True, or the time is up."""
    wait: Callable[[Future[Any], float], Awaitable[Any]]
    """What a future holds; `TimeoutError` if that is not there in time."""


Work: TypeAlias = Callable[[Driver], Coroutine[Any, Any, T]]


class Errand(Promise[T]):
    """A future at which nobody works before somebody waits for it.

    Whoever waits first does the *work* where they wait. For those who only want to be told,
    or who wait for no longer than so many seconds, a thread does it.
    """

    lazy = True

    def __init__(self, work: Work[T]) -> None:
        super().__init__()
        self._work = work

    def __getattr__(self, name: str) -> Any:
        """What a future has for those who are told."""
        if not name.startswith("__"):
            self._begin_elsewhere()
        return super().__getattr__(name)

    def done(self) -> bool:
        """See `Future`: whoever looks again and again sees it done."""
        self._begin_elsewhere()
        return super().done()

    def result(self, timeout: float | None = None) -> T:
        """What it comes to; without a *timeout* it is worked at here."""
        if timeout is None and (work := self._begin()):
            return finish(self._worked(work, HERE))
        return super().result(timeout)

    async def on_loop(self) -> T:
        """The same, on the running loop."""
        if work := self._begin():
            return await self._worked(work, ON_LOOP)
        return await wait_on_loop(self)

    def then(self, use: Callable[[T], U | Future[U]]) -> Errand[U]:
        """An errand that comes to what *use* makes of what this one comes to."""

        async def work(driver: Driver) -> U:
            made = use(await self._by(driver))
            found: U = await driver.wait(made, inf) if isinstance(made, Future) else made
            return found

        return Errand(work)

    def recover(self, instead: Callable[[Exception], T]) -> Errand[T]:
        """An errand that comes to the same, or to what stands in for it where that fails."""

        async def work(driver: Driver) -> T:
            try:
                return await self._by(driver)
            except Exception as error:  # noqa: BLE001 - whatever goes wrong is one answer
                return instead(error)

        return Errand(work)

    async def _by(self, driver: Driver) -> T:
        if work := self._begin():
            return await self._worked(work, driver)
        answer: T = await driver.wait(self, inf)
        return answer

    async def _worked(self, work: Work[T], driver: Driver) -> T:
        try:
            value = await work(driver)
        except Exception as error:
            self.fail(error)
            raise
        except BaseException:
            self.fail(CancelledError("whoever asked was cancelled"))
            raise
        self.settle(value)
        return value

    def _begin_elsewhere(self) -> None:
        if work := self._begin():
            Thread(target=self._work_here, args=(work,), name="remit-errand", daemon=True).start()

    def _work_here(self, work: Work[T]) -> None:
        with suppress(Exception):
            # Whoever waits raises it.
            finish(self._worked(work, HERE))

    def _begin(self) -> Work[T] | None:
        """The work, for the one who is to do it."""
        # In this order: whoever finds no work finds that it is not lazy.
        self.lazy = False
        work: Work[T] | None = self.__dict__.pop("_work", None)
        return work


_LONGEST = 86_400.0
"""Seconds that the system is asked to wait for at once. Who is not ready by then waits again."""
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)
"""The one that needs nothing of the system to be made."""


def _select(sock: socket.socket, writes: bool, until: float) -> None:  # noqa: FBT001 - as a driver
    with _Selector() as selector:
        selector.register(sock, selectors.EVENT_WRITE if writes else selectors.EVENT_READ)
        selector.select(min(max(until - time.monotonic(), 0), _LONGEST))


async def _ready_here(sock: socket.socket, writes: bool, until: float) -> None:  # noqa: FBT001
    _select(sock, writes, until)


async def _wait_here(future: Future[T], until: float) -> T:
    left = until - time.monotonic()
    return future.result(max(left, 0) if left < _LONGEST else None)


async def _ready_on_loop(sock: socket.socket, writes: bool, until: float) -> None:  # noqa: FBT001
    import asyncio

    loop = asyncio.get_running_loop()
    waiter = loop.create_future()

    def wake() -> None:
        if not waiter.done():
            waiter.set_result(None)

    add, remove = (
        (loop.add_writer, loop.remove_writer) if writes else (loop.add_reader, loop.remove_reader)
    )
    # A number: what a loop does not know it spells out, and a socket takes long to spell.
    number = sock.fileno()
    try:
        add(number, wake)
    except NotImplementedError:
        # The usual loop of Windows watches no sockets.
        await asyncio.to_thread(_select, sock, writes, until)
        return
    timer = loop.call_later(max(until - time.monotonic(), 0), wake)
    try:
        await waiter
    finally:
        timer.cancel()
        remove(number)


async def _wait_on_loop(future: Future[T], until: float) -> T:
    import asyncio

    left = until - time.monotonic()
    async with asyncio.timeout(left if left < _LONGEST else None):
        return await wait_on_loop(future)


HERE = Driver(_ready_here, _wait_here)
ON_LOOP = Driver(_ready_on_loop, _wait_on_loop)

"""How a call waits for a future: in its thread, or on its event loop.

A ledger answers many callers at a time. Waking a loop costs a system call and
hands it the interpreter, which whoever has the other answers then has to wait
for; so `together` wakes each loop once, when all of them are there.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, InvalidStateError
from functools import cache, partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


def wait_here(future: Future[T]) -> T:
    """Wait for *future* in this thread."""
    return future.result()


async def wait_on_loop(future: Future[T]) -> T:
    """Wait for *future* without holding up the running loop."""
    if isinstance(future, Promise) and future.lazy:
        made: T = await future.on_loop()
        return made
    bell = _bell()
    waiter = bell.loop.create_future()
    if isinstance(future, Promise):
        future.wake(bell, waiter)
    else:
        future.add_done_callback(partial(bell.add, waiter))
    try:
        await waiter
    except BaseException:
        # Cancelled: nobody waits any more.
        future.cancel()
        raise
    return future.result()


class together:  # noqa: N801 - read as a word: `with together():`
    """Has the futures that this thread answers meanwhile wake each loop once, at the end."""

    __slots__ = ("_held",)

    def __enter__(self) -> None:
        self._held = _here.held = list[Bell]()

    def __exit__(self, *_: object) -> None:
        _here.held = None
        for bell in self._held:
            bell.ring()


class Promise(Future[T]):
    """A future that takes little time to make, to settle once, and to wait for on a loop.

    Nobody can take it back. It becomes a whole one as soon as somebody asks for something
    that only those have.
    """

    lazy = False
    """Whether it is made by whoever waits for it, and nobody has begun: see `on_loop`."""
    settled = False
    """What `done` says."""
    _whole = False
    _waiter: tuple[Bell, asyncio.Future[None]] | None = None
    _error: BaseException | None = None
    _value: T

    def __init__(self) -> None:  # the rest is made in `__getattr__`
        """Nothing is there yet, and nobody waits."""

    def __getattr__(self, name: str) -> Any:
        """What a future has, if it is not there yet."""
        if name.startswith("__"):
            raise AttributeError(name)
        with _changing:
            if not self._whole:
                super().__init__()
                self._whole = True
        if self.settled:
            self._settle_whole()
        # Another thread may have made it a whole one since this attribute was missed.
        if name not in self.__dict__:
            raise AttributeError(name)
        return self.__dict__[name]

    async def on_loop(self) -> T:
        """What it is, made on the running loop if it is lazy."""
        return await wait_on_loop(self)

    def settle(self, value: T) -> None:
        """What it is."""
        self._value = value
        self._settled()

    def fail(self, error: BaseException) -> None:
        """Why it is not."""
        self._error = error
        self._settled()

    def wake(self, bell: Bell, waiter: asyncio.Future[None]) -> None:
        """Have *waiter* wake when it is there."""
        with _changing:
            first = self._waiter is None
            if first:
                self._waiter = bell, waiter
        if not first:
            self.add_done_callback(partial(bell.add, waiter))
        elif self.settled:
            # Whoever settles it looks for somebody who waits after that, or sees nobody.
            bell.add(waiter)

    def _settled(self) -> None:
        self.settled = True
        if self._waiter is not None:
            bell, waiter = self._waiter
            bell.add(waiter)
        # Whoever makes it a whole one looks whether it is settled after that.
        if self._whole:
            self._settle_whole()

    def _settle_whole(self) -> None:
        try:
            if self._error is None:
                super().set_result(self._value)
            else:
                super().set_exception(self._error)
        except InvalidStateError:
            # Both of those met.
            pass

    def set_result(self, result: T) -> None:
        """See `Future`."""
        if self.settled:
            raise InvalidStateError(f"it is settled already: {self!r}")
        self.settle(result)

    def set_exception(self, exception: BaseException | None) -> None:
        """See `Future`."""
        if self.settled or exception is None:
            raise InvalidStateError(f"it is settled already: {self!r}")
        self.fail(exception)

    def cancel(self) -> bool:
        """See `Future`."""
        return False

    def done(self) -> bool:
        """See `Future`."""
        return self.settled

    def result(self, timeout: float | None = None) -> T:
        """See `Future`."""
        if not self.settled:
            return super().result(timeout)
        if self._error is not None:
            raise self._error
        return self._value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """See `Future`."""
        return self._error if self.settled else super().exception(timeout)


_changing = threading.Lock()
"""Held while a promise becomes a whole future, or gets its first waiter."""


class Bell:
    """Wakes one loop for all on it whose answer has come."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.answered: deque[asyncio.Future[None]] = deque()
        self.rung = False

    def add(self, waiter: asyncio.Future[None], _: object = None) -> None:
        """Wake *waiter*, from whichever thread."""
        # In this order: whoever finds it rung has been seen by the one who answers it.
        self.answered.append(waiter)
        if self.rung:
            return
        self.rung = True
        if _here.held is None:
            self.ring()
        else:
            _here.held.append(self)

    def ring(self) -> None:
        """Have the loop wake all that were added."""
        if self._is_here():
            self.answer()
            return
        try:
            self.loop.call_soon_threadsafe(self.answer)
        except RuntimeError:
            # The loop is closed: nobody waits there any more.
            self.answered.clear()

    def _is_here(self) -> bool:
        """Whether its loop runs in this thread, and so has not to be woken itself."""
        if _here.bell is not self:
            return False
        try:
            return _asyncio().get_running_loop() is self.loop
        except RuntimeError:
            return False

    def answer(self) -> None:
        """Wake them. On the loop."""
        self.rung = False
        while self.answered:
            waiter = self.answered.popleft()
            if not waiter.done():
                waiter.set_result(None)


class _Here(threading.local):
    """What a thread has: the bell of its loop, and those it is to ring later."""

    bell: Bell | None = None
    held: list[Bell] | None = None


_here = _Here()


@cache
def _asyncio() -> ModuleType:
    """Imported by whoever waits on a loop, which takes a while."""
    import asyncio

    return asyncio


def running_task() -> asyncio.Task[Any] | None:
    """The task that runs here; None if none does."""
    try:
        task: asyncio.Task[Any] | None = _asyncio().current_task()
    except RuntimeError:
        return None
    return task


def _bell() -> Bell:
    loop, bell = _asyncio().get_running_loop(), _here.bell
    if bell is None or bell.loop is not loop:
        bell = _here.bell = Bell(loop)
    return bell

"""How a call waits for a future: in its thread, or on its event loop.

A ledger answers many callers at a time. Waking a loop costs a system call and
hands it the interpreter, which whoever has the other answers then has to wait
for; so `together` wakes each loop once, when all of them are there.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from functools import cache, partial
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


def wait_here(future: Future[T]) -> T:
    """Wait for *future* in this thread."""
    return future.result()


async def wait_on_loop(future: Future[T]) -> T:
    """Wait for *future* without holding up the running loop."""
    waiter = _bell().wakes(future)
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
        self._held = _here.held = list[_Bell]()

    def __exit__(self, *_: object) -> None:
        _here.held = None
        for bell in self._held:
            bell.ring()


class _Bell:
    """Wakes one loop for all on it whose answer has come."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.answered: deque[asyncio.Future[None]] = deque()
        self.rung = False

    def wakes(self, future: Future[T]) -> asyncio.Future[None]:
        waiter = self.loop.create_future()
        future.add_done_callback(partial(self.add, waiter))
        return waiter

    def add(self, waiter: asyncio.Future[None], _: object) -> None:
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
        try:
            self.loop.call_soon_threadsafe(self.answer)
        except RuntimeError:
            # The loop is closed: nobody waits there any more.
            self.answered.clear()

    def answer(self) -> None:
        self.rung = False
        while self.answered:
            waiter = self.answered.popleft()
            if not waiter.done():
                waiter.set_result(None)


class _Here(threading.local):
    """What a thread has: the bell of its loop, and those it is to ring later."""

    bell: _Bell | None = None
    held: list[_Bell] | None = None


_here = _Here()


@cache
def _asyncio() -> ModuleType:
    """Imported by whoever waits on a loop, which takes a while."""
    import asyncio

    return asyncio


def _bell() -> _Bell:
    loop, bell = _asyncio().get_running_loop(), _here.bell
    if bell is None or bell.loop is not loop:
        bell = _here.bell = _Bell(loop)
    return bell

"""An event loop in a thread of its own, for callers with a loop and callers without one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from threading import Thread, current_thread
from typing import Any, TypeVar

T = TypeVar("T")


async def _nothing() -> None:
    pass


class LoopThread:
    """Runs coroutines until it is stopped; *leave* is the last thing it runs."""

    def __init__(self, name: str, leave: Callable[[], Awaitable[None]] = _nothing) -> None:
        self.loop = asyncio.new_event_loop()
        self.stopping = False
        self._leave = leave
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """What *work* comes to."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def stop(self) -> None:
        """End, without waiting for it; what still runs is cancelled."""
        self.stopping = True
        self.loop.call_soon_threadsafe(self.loop.stop)

    def join(self) -> None:
        """Wait until it has ended."""
        if self._thread is not current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            self.loop.run_forever()
        finally:
            self.loop.run_until_complete(self._end())
            self.loop.close()

    async def _end(self) -> None:
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await self._leave()

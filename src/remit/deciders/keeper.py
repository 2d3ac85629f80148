"""A worker, such as a thread or connections, for as long as somebody holds its keeper.

It is started when it is first needed, so that making a decider does nothing. A forked child
starts another: the parent's threads are not there, and its connections are the parent's.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar


class Worker(Protocol):
    """What is kept."""

    def stop(self) -> None:
        """End, without waiting for it."""
        ...


W = TypeVar("W", bound=Worker)


class Keeper(Generic[W]):
    """Holds the worker that *start* makes."""

    def __init__(self, start: Callable[[], W]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._worker: W | None = None
        self._end: weakref.finalize[Any, Any] | None = None
        self._closed = False
        _everyone.add(self)

    @property
    def worker(self) -> W:
        """The worker; it is started if there is none."""
        with self._lock:
            if self._closed:
                raise RuntimeError("this decider is closed")
            if self._worker is None:
                self._worker = self._start()
                self._end = weakref.finalize(self, self._worker.stop)
            return self._worker

    def close(self) -> W | None:
        """Stop the worker, if there is one, and start no other."""
        with self._lock:
            self._closed = True
            worker, self._worker = self._worker, None
            if self._end is not None:
                self._end()
            return worker

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        if self._end is not None:
            # What the parent's worker holds is the parent's, and never to be let go of here.
            _inherited.append(self._end.detach())
        self._worker, self._end = None, None


_everyone: weakref.WeakSet[Keeper[Any]] = weakref.WeakSet()
_inherited: list[object] = []


def _after_fork() -> None:
    for each in tuple(_everyone):
        each._after_fork()  # noqa: SLF001 - of one piece


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

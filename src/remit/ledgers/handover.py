"""Jobs on their way from those who want them done to whoever does them.

A job is urgent as soon as somebody waits for it. Until then it may wait for
company, a moment at most; so a caller who is about to do the work in its own
thread has the time to say so, and nobody is woken for nothing.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable
from threading import Condition, Lock
from typing import Generic, TypeVar

J = TypeVar("J")


class Handover(Generic[J]):
    """Jobs in the order in which they were handed over.

    A job stays until it is done with, so that nothing is lost with a thread that is
    interrupted.
    """

    def __init__(self) -> None:
        self._jobs: deque[J] = deque()
        # A condition takes its lock in a function that can be interrupted just afterwards.
        self._lock = Lock()
        self._news = Condition(self._lock)
        self._urgent = False
        self._due = math.inf
        """When to look, though nothing is urgent."""

    def put(self, job: J, within: float, *, urgent: bool = False) -> None:
        """Have *job* done, *within* seconds or when something urgent is."""
        with self._lock:
            self._jobs.append(job)
            if urgent:
                self._hurry()
            elif self._due == math.inf:
                self._news.notify()
                self._due = time.monotonic() + within

    def hurry(self) -> None:
        """Somebody waits for a job that was put here."""
        # If it is urgent already, whoever will see that has yet to look at the jobs.
        if not self._urgent:
            with self._lock:
                if self._jobs:
                    self._hurry()

    @property
    def urgent(self) -> bool:
        """Whether somebody waits for one of them."""
        return self._urgent

    def _hurry(self) -> None:
        if not self._urgent:
            # First, so that who is interrupted in between leaves no note that nobody reads.
            self._news.notify()
            self._urgent = True

    def wait(self, until: float) -> None:
        """Return when there is something to do, and at the latest at *until*."""
        with self._lock:
            while not self._urgent:
                left = min(until, self._due) - time.monotonic()
                if left <= 0:
                    break
                self._news.wait(None if left == math.inf else left)
            self._urgent, self._due = False, math.inf

    def waiting(self) -> list[J]:
        """All that is waiting, in order."""
        with self._lock:
            return list(self._jobs)

    def forget(self, jobs: Iterable[J]) -> None:
        """Those of *jobs* that are still here, in front of all others, are done with."""
        with self._lock:
            for job in jobs:
                if self._jobs and self._jobs[0] is job:
                    self._jobs.popleft()

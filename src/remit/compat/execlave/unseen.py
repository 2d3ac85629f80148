"""A run that is made when somebody looks at it: most traces are over before anybody does.

Whoever governs, tells or nests something in it looks; so does the thread of the outbox, a moment
after it has begun. The record of its start is as old as the run, and comes before all others.
"""

from __future__ import annotations

import os
import random
import threading
import time
from typing import TYPE_CHECKING, Any

from remit import Acting
from remit.runs.run import Run

if TYPE_CHECKING:
    from remit.compat.execlave.trace import Trace
    from remit.guard import Guard


class UnseenRun(Run):
    """The run of a *trace* that begins now. Of it nothing is there but how to make it."""

    trace_id: str

    def __init__(self, trace: Trace, guard: Guard, acting: Acting) -> None:
        self._trace: Trace | None = trace
        # This much is there, so that to be active in it is not to look at it.
        self.guard, self.spending, self._acting = guard, None, acting
        self.began = guard.clock()
        self.ticks = time.monotonic()

    @property
    def seen(self) -> bool:
        """Whether it is there."""
        return self._trace is None

    def look(self) -> None:
        """Have it be there, and its start on record."""
        with _looking:
            trace = self._trace
            if trace is None:
                return
            made = Run(self.guard, self._acting, name=trace.name)
            made.began = self.began
            made.told["start"] = 1
            trace_id = trace.trace_id or new_trace_id()
            # All at once, so that a forked child has all of it, or makes it anew.
            vars(self).update(vars(made), trace_id=trace_id, _trace=None)
            facts = {"trace_id": trace_id, "environment": trace.environment}
            self._note("start", facts, at=self.began)

    def __getattr__(self, name: str) -> Any:
        """What is not there yet."""
        if self._trace is not None:
            self.look()
        return object.__getattribute__(self, name)


def new_trace_id() -> str:
    """One that nobody can guess."""
    return f"tr_{random.getrandbits(64):016x}"


_looking = threading.RLock()
"""Held by who makes one, and by the same one who makes what that is part of."""


def _after_fork() -> None:
    global _looking  # noqa: PLW0603 - the parent's may be held by a thread that is not here
    _looking = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

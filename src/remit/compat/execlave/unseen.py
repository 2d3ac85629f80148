"""A run that is made when somebody looks at it: most traces are over before anybody does.

Whoever governs, tells or nests something in it looks; so does the thread of the outbox, a moment
after it has begun. The record of its start is as old as the run, and comes before all others.
"""

from __future__ import annotations

import os
import threading
from threading import get_ident
from typing import TYPE_CHECKING, Any

from remit import Acting
from remit.runs.run import Run

if TYPE_CHECKING:
    from remit.guard import Guard


class UnseenRun(Run):
    """One that began *at* some time. Of it nothing is there but how to make it."""

    def __init__(
        self, guard: Guard, acting: Acting, *, name: str, at: int, facts: dict[str, Any]
    ) -> None:
        self._made_of: tuple[Guard, Acting, str, int, dict[str, Any]] | None
        self._made_of = guard, acting, name, at, facts
        # This much is there, so that to be active in it is not to look at it.
        self.guard, self.spending = guard, None
        self._acting = acting
        self._maker = 0
        """The thread that makes it now."""

    @property
    def seen(self) -> bool:
        """Whether it is there."""
        return self._made_of is None

    def look(self) -> None:
        """Have it be there, and its start on record."""
        if self._maker == get_ident():
            return
        with _looking:
            if self._made_of is None:
                return
            guard, acting, name, at, facts = self._made_of
            self._maker = get_ident()
            super().__init__(guard, acting, name=name)
            self.began = at
            self.told["start"] = 1
            self._note("start", facts, at=at)
            # Last, so that a forked child makes anew what a thread of its parent had only begun.
            self._made_of, self._maker = None, 0

    def __getattr__(self, name: str) -> Any:
        """What is not there yet."""
        self.look()
        return object.__getattribute__(self, name)


_looking = threading.RLock()
"""Held by who makes one, and by the same one who makes what that is part of."""


def _after_fork() -> None:
    global _looking  # noqa: PLW0603 - the parent's may be held by a thread that is not here
    _looking = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

"""What a fork has to wait for.

SQLite remembers per process which locks it holds, and a forked child inherits
the memory without the locks; a connection to a server would be shared by two
who both talk. So a fork waits until every writer has let go of what it has
open, and parent and child open it anew.
"""

from __future__ import annotations

import os
import weakref
from threading import Lock
from typing import Protocol


class Holder(Protocol):
    """Has something open that a child must not inherit."""

    def pause(self) -> None:
        """Let go of it, and take nothing up again until told."""
        ...

    def go_on(self) -> None:
        """End the pause, in the parent."""
        ...

    def start_over(self) -> None:
        """End the pause, in the child, where no thread of the parent is."""
        ...


_holders: weakref.WeakSet[Holder] = weakref.WeakSet()
_paused: list[Holder] = []
_forking = Lock()


def mind(holder: Holder) -> None:
    """Have every fork from now on wait for *holder*, as long as it lives."""
    _holders.add(holder)


def _before() -> None:
    _forking.acquire()
    _paused.extend(_holders)
    for holder in _paused:
        holder.pause()


def _after_in_parent() -> None:
    for holder in _paused:
        holder.go_on()
    _paused.clear()
    _forking.release()


def _after_in_child() -> None:
    for holder in _paused:
        holder.start_over()
    _paused.clear()
    _forking.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before,
        after_in_parent=_after_in_parent,
        after_in_child=_after_in_child,
    )

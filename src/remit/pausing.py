"""The kill switch: who is paused, by what the ledger says.

    guard.pause("agent:support", by="user:maria", reason="it refunds everything")
    guard.resume("agent:support", by="user:maria")

A pause is a record, on disk before it counts. Whoever keeps records in the same ledger is
stopped by it, in this process at once and in others within `LOOK_EVERY` seconds, until a
record says that it is over. A ledger that cannot be read stops everybody. One that can only
be appended to keeps the record, and stops this process alone.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TypeAlias
from weakref import WeakKeyDictionary, ref

from remit.audit.stored import Stored
from remit.changing import record_change
from remit.model import Pause, Subject
from remit.ports import Ledger, Readable

LOOK_EVERY = 1.0
"""Seconds after which what another process has paused is looked for again."""

EVERYBODY = "*"

Who: TypeAlias = Subject | str
Known: TypeAlias = dict[str, Pause]


class Pauses:
    """Who is paused among those who record in *ledger*."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger: Callable[[], Ledger | None]
        try:
            # What keeps its ledger alive could not be found by it, and be gone when it is.
            self._ledger = ref(ledger)
        except TypeError:
            self._ledger = lambda: ledger
        self._others = isinstance(ledger, Readable)
        self._paused: Known = {}
        """Replaced and never changed, so that it is read without a lock."""
        self._read = 0
        self._due = 0.0
        self._lock = threading.Lock()

    @classmethod
    def of(cls, ledger: Ledger) -> Pauses:
        """Those of this very ledger: all guards that record in it share them."""
        with _lock:
            try:
                return _all.setdefault(ledger, cls(ledger))
            except TypeError:
                return cls(ledger)

    def find(self, subject: Subject, /) -> Pause | Future[Pause | None] | None:
        """The pause that stops *subject*."""
        if self._others and time.monotonic() >= self._due:
            return self._looked_up(subject)
        return self._find(subject) if self._paused else None

    def all(self) -> tuple[Pause, ...]:
        """The pauses that are in force now."""
        self._look()
        return tuple(self._paused.values())

    def pause(self, subject: Who, *, by: Who, reason: str, at: int) -> Pause:
        """Stop *subject* from now on.

        Raises:
            Unavailable: it could not be recorded, so it is not paused.
        """
        pause = Pause(_named(subject), str(_person(by)), at, reason)
        self._record("pause", pause, by)
        return pause

    def resume(self, subject: Who, *, by: Who, reason: str, at: int) -> None:
        """Let *subject* go on.

        Raises:
            ValueError: it wants to let itself go on.
            Unavailable: it could not be recorded, so it is still paused.
        """
        if _spelled(str(_person(by))) == _spelled(_named(subject)):
            raise ValueError(f"{by} cannot let itself go on")
        self._record("resume", Pause(_named(subject), str(_person(by)), at, reason), by)

    def _record(self, act: str, pause: Pause, by: Who) -> None:
        # The action names who is paused: leaves stay when payloads are erased.
        record_change(
            self._kept(),
            f"{act} {pause.subject}",
            {"reason": pause.reason},
            by=_person(by),
            clock=lambda: pause.at,
        )
        if self._others:
            self._due = 0.0
            self._look()
            return
        with self._lock:
            self._paused = _changed(self._paused, act, pause)

    def _find(self, subject: Subject) -> Pause | None:
        paused = self._paused
        return paused.get(EVERYBODY) or paused.get(_spelled(str(subject)))

    def _looked_up(self, subject: Subject) -> Future[Pause | None]:
        """The same, by a look at the ledger, which may be far away: in a thread of its own."""
        future: Future[Pause | None] = Future()

        def look() -> None:
            try:
                self._look()
                future.set_result(self._find(subject))
            except BaseException as error:  # noqa: BLE001 - whoever waits has to answer for it
                future.set_exception(error)

        threading.Thread(target=look, name="remit-pauses", daemon=True).start()
        return future

    def _look(self) -> None:
        with self._lock:
            ledger = self._kept()
            if not isinstance(ledger, Readable) or time.monotonic() < self._due:
                return
            due = time.monotonic() + LOOK_EVERY
            changes, read = ledger.changes(self._read)
            paused = self._paused
            for change in changes:
                paused = _after(paused, change)
            self._paused, self._read, self._due = paused, read, due

    def _kept(self) -> Ledger:
        ledger = self._ledger()
        if ledger is None:
            raise LookupError("the ledger that says who is paused is gone")
        return ledger

    def begin_again(self) -> None:
        """In a forked child, whoever held the lock is not there."""
        self._lock = threading.Lock()
        self._due = 0.0


def in_force(changes: Iterable[Stored]) -> tuple[Pause, ...]:
    """The pauses that stand after *changes*, which are all that a log has."""
    known = Known()
    for change in changes:
        known = _after(known, change)
    return tuple(known.values())


def _after(paused: Known, change: Stored) -> Known:
    """Who is paused after *change*, which may be about something else."""
    leaf = change.facts()
    act, _, subject = leaf.action.partition(" ")
    if act not in {"pause", "resume"} or not subject:
        return paused
    said = change.details() or {}
    reason = str(said.get("args", {}).get("reason", ""))
    return _changed(paused, act, Pause(subject, leaf.subject, leaf.at * 1000, reason))


def _changed(paused: Known, act: str, pause: Pause) -> Known:
    name = _spelled(pause.subject)
    others = {each: kept for each, kept in paused.items() if each != name}
    return {**others, name: pause} if act == "pause" else others


def _spelled(subject: str) -> str:
    """What is compared: an invisible character does not make another subject."""
    # Policies are read by whoever uses one, and not because a guard is imported.
    from remit.policy.names import spell

    return spell(subject)


def _named(subject: Who) -> str:
    return EVERYBODY if subject == EVERYBODY else str(_person(subject))


def _person(who: Who) -> Subject:
    return Subject.parse(who) if isinstance(who, str) else who


_lock = threading.Lock()
_all: WeakKeyDictionary[Ledger, Pauses] = WeakKeyDictionary()


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - the parent's may be held by a thread that is not here
    _lock = threading.Lock()
    for each in tuple(_all.values()):
        each.begin_again()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

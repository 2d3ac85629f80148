"""A policy that follows its files: read anew when they change, swapped in whole or not at all.

    with remit.watch("policies/", ledger=ledger) as policy:
        guard = remit.Guard(policy, ledger=ledger)

A file that cannot be used leaves the policy as it was, and is told to the log
(`remit.watched`) and to `on_error`. What was decided before a change was decided
by the old policy; `Decision.policy` says which.

With a *ledger*, that a policy takes the place of another is on record before it
does, and so is that a file could not be used. No record, no change: while the
ledger takes none, the policy stays, and the change is tried again at every look.
Each process that watches records what it does.

One daemon thread looks after each watched policy, and none is made per call. It
looks at the files every second, or, where the package watchfiles is installed
(`pip install 'remit[watch]'`), as soon as the system tells of a change. It ends
with `close()`, or when nobody holds the policy any more; a forked child gets a
thread of its own.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from remit.changing import record_change
from remit.errors import PolicyError, RemitError, Unavailable
from remit.model import Decision, Request
from remit.policy import Policy
from remit.policy.tools import NO_TOOLS, Tools
from remit.ports import Ledger
from remit.sources import StrPath
from remit.watching import Waiting, Watched

T = TypeVar("T")

_log = logging.getLogger(__name__)


def watch(
    *paths: StrPath,
    environment: str = "",
    tools: Tools = NO_TOOLS,
    ledger: Ledger | None = None,
    every: float = 1.0,
    on_change: Callable[[Policy], object] | None = None,
    on_error: Callable[[RemitError], object] | None = None,
) -> WatchedPolicy:
    """The policy of these files and folders, which follows them from now on.

    Args:
        paths: as for `load`: every file is a layer. What they include is followed as well.
        environment: as for `load`.
        tools: as for `load`.
        ledger: keeps a record of every change, and of every one that is not taken over.
        every: seconds between two looks at the files.
        on_change: is given the policy that has just taken the place of another.
        on_error: is told why a change was not taken over: a `PolicyError`, or `Unavailable`
            where the ledger did not take the record.

    Raises:
        PolicyError: they make no policy now, so there is none to keep.
    """
    watched = Watched(paths, environment, tools)
    return WatchedPolicy(watched, every, on_change, on_error, ledger)


class WatchedPolicy:
    """A `Decider` whose policy is replaced when its files change. Made by `watch`."""

    def __init__(
        self,
        watched: Watched,
        every: float,
        on_change: Callable[[Policy], object] | None,
        on_error: Callable[[RemitError], object] | None,
        ledger: Ledger | None = None,
    ) -> None:
        self._files = watched
        self._every = every
        self._on_change = on_change
        self._on_error = on_error
        self._ledger = ledger
        self._told: set[str] = set()
        """Why the policy has been kept, since it was last well; each is told once."""
        self._lock = threading.Lock()
        self._policy = self._files.load()
        self._stop = threading.Event()
        self._begin()

    @property
    def policy(self) -> Policy:
        """The policy as of now; it stays what it is when the files change."""
        return self._policy

    def decide(self, request: Request, /) -> Decision:
        """Answer *request* by the policy as of now."""
        return self._policy.decide(request)

    def refresh(self) -> None:
        """Look at the files now, and take over what changed."""
        with self._lock:
            if not self._files.changed():
                return
            try:
                policy = self._load()
                if policy is None:
                    return
                if policy.digest != self._policy.digest:
                    self._record("policy.replaced", _replaced(self._policy, policy))
            except Unavailable as error:
                self._files.forget()
                self._keep(error)
                return
            self._told.clear()
            if policy.digest == self._policy.digest:
                return
            self._policy = policy
            _log.info("policy replaced: now %s", policy.digest)
            _tell(self._on_change, policy)

    def _load(self) -> Policy | None:
        """What the files make now; None if it is no policy, which is recorded and told."""
        try:
            return self._files.load()
        except PolicyError as error:
            self._keep(error)
            self._record("policy.kept", _kept(self._policy, error))
            return None

    def _record(self, act: str, facts: Mapping[str, object]) -> None:
        if self._ledger is not None:
            record_change(self._ledger, act, facts)

    def _keep(self, error: RemitError) -> None:
        """Say why the policy stays as it was, unless that has just been said."""
        if str(error) in self._told:
            return
        self._told.add(str(error))
        _log.error("policy kept as it was: %s", error)
        _tell(self._on_error, error)

    def close(self) -> None:
        """Follow the files no longer. The policy stays as it is."""
        self._stop.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _begin(self) -> None:
        waiting = Waiting(self._stop, self._every)
        thread = threading.Thread(
            target=_follow, args=(weakref.ref(self), waiting), name="remit-watch", daemon=True
        )
        _everyone.add(self)
        weakref.finalize(self, self._stop.set)
        thread.start()

    def _begin_again(self) -> None:
        """In a forked child there is no thread, and the lock may be held by one that is not there.

        What the parent has loaded holds until the child's first look.
        """
        self._lock = threading.Lock()
        closed, self._stop = self._stop.is_set(), threading.Event()
        if closed:
            self._stop.set()
        else:
            self._begin()


def _replaced(before: Policy, after: Policy) -> dict[str, object]:
    """What there is to know of a change."""
    documents = {_text(each.file): each.digest for each in after.documents}
    return {"before": before.digest, "after": after.digest, "documents": documents}


def _kept(policy: Policy, error: PolicyError) -> dict[str, object]:
    """What there is to know of a change that is none."""
    return {
        "policy": policy.digest,
        "file": _text(error.file),
        "line": error.line,
        "column": error.column,
        "message": _text(error.message),
    }


def _text(given: str) -> str:
    """*given* as text that can be recorded: the name of a file may be any bytes."""
    return given.encode(errors="replace").decode()


def _follow(reference: weakref.ref[WatchedPolicy], waiting: Waiting) -> None:
    """What the thread does. It holds the policy only while it looks at the files."""
    while (folders := _folders(reference)) and not waiting.stop.is_set():
        for _ in waiting.rounds(folders):
            if _folders(reference) != folders or not _look(reference, waiting):
                break


def _folders(reference: weakref.ref[WatchedPolicy]) -> tuple[Path, ...]:
    """Where to listen for changes; nowhere if the policy is gone."""
    policy = reference()
    return policy._files.folders or (Path(),) if policy else ()  # noqa: SLF001 - of one piece


def _look(reference: weakref.ref[WatchedPolicy], waiting: Waiting) -> bool:
    """Look once; False if the policy is gone."""
    policy = reference()
    if policy is None:
        return False
    try:
        if policy._files.changed():  # noqa: SLF001 - of one piece
            waiting.settle(policy._files)  # noqa: SLF001
            policy.refresh()
    except Exception:  # noqa: BLE001 - whatever it is, the next change is to be seen
        _log.exception("policy kept as it was")
    return True


def _tell(listener: Callable[[T], object] | None, news: T) -> None:
    if listener is None:
        return
    try:
        listener(news)
    except Exception:  # noqa: BLE001 - a listener's mistake must not end the watch
        _log.exception("a listener of a watched policy failed")


_everyone: weakref.WeakSet[WatchedPolicy] = weakref.WeakSet()


def _after_fork() -> None:
    for each in tuple(_everyone):
        each._begin_again()  # noqa: SLF001 - of one piece


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

"""Which files make a policy, and when they may have changed.

A change is seen by what a look at a file tells without reading it: when it was
written, how large it is, which file it is. Whether the policy is another is
told by its digest, once it is loaded.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

from remit.errors import PolicyError
from remit.policy import Policy
from remit.policy.tools import NO_TOOLS, Tools
from remit.sources import StrPath, files, load

SETTLE = 0.05
"""Seconds for which files must stay as they are: editors write in several steps."""

Stamp: TypeAlias = tuple[int, int, int, int] | None
"""What changes with a file, without reading it; None if there is no file."""


class Watched:
    """The files that make a policy, and what they looked like when it was made."""

    def __init__(
        self, paths: Iterable[StrPath], environment: str = "", tools: Tools = NO_TOOLS
    ) -> None:
        self.environment = environment
        self.tools = tools
        self.paths = tuple(Path(path) for path in paths)
        self.others: frozenset[Path] = frozenset()
        """Files that were read, or were missing, beyond those that are named."""
        self.problem = ""
        """Why they made no policy when they were last loaded; empty if they did."""
        self.seen = self.look()

    def load(self) -> Policy:
        """The policy they make now.

        Raises:
            PolicyError: they make none.
        """
        self.seen = self.look()
        self.problem = ""
        try:
            policy = self._read()
        except PolicyError as error:
            self.problem = str(error)
            self._also([error.file])
            raise
        if self._also(name for each in policy.documents for name in (each.file, *each.includes)):
            # These were not looked at before they were read: read them again.
            return self._read()
        return policy

    def forget(self) -> None:
        """Take what was loaded last for not taken over, so that it counts as changed."""
        self.seen = {}

    def _read(self) -> Policy:
        return load(*self.paths, environment=self.environment, tools=self.tools)

    def changed(self) -> bool:
        """Whether anything looks other than when it was loaded.

        While something is broken it is read again and again: what it lacks, such as a file
        that it includes, may come to be where nobody looks.
        """
        return self.look() != self.seen or (self.problem != "" and self._other_problem())

    def _other_problem(self) -> bool:
        """Whether there is another problem by now, or none."""
        try:
            self._read()
        except PolicyError as error:
            return str(error) != self.problem
        return True

    def look(self) -> dict[Path, Stamp]:
        """What each file looks like."""
        return {path: _stamp(path) for path in (*self._named(), *self.others)}

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders in which all of this lies."""
        within = {path if path.is_dir() else path.parent for path in (*self.paths, *self.seen)}
        return tuple(sorted(folder for folder in within if folder.is_dir()))

    def _named(self) -> Iterator[Path]:
        for path in self.paths:
            try:
                yield from files(path)
            except (PolicyError, OSError):
                yield path

    def _also(self, names: Iterable[str]) -> bool:
        """Watch these too; False if that is nothing new."""
        new = frozenset(map(Path, names)) - self.seen.keys()
        self.others |= new
        self.seen = {**self.seen, **{path: _stamp(path) for path in new}}
        return bool(new)


class Waiting:
    """Waits until files may have changed."""

    def __init__(self, stop: threading.Event, every: float) -> None:
        self.stop = stop
        self.every = every
        # Not by the thread that waits: a process forked meanwhile would have half of it.
        self.watchfiles: Any = import_module("watchfiles") if find_spec("watchfiles") else None

    def rounds(self, folders: tuple[Path, ...]) -> Iterator[None]:
        """Once whenever it is time to look, until it is time to stop."""
        if self.watchfiles is None:
            while not self.stop.wait(self.every):
                yield
            return
        told = self.watchfiles.watch(
            *folders,
            watch_filter=None,
            recursive=False,
            stop_event=self.stop,
            debounce=round(SETTLE * 1000),
            rust_timeout=round(self.every * 1000),
            yield_on_timeout=True,
        )
        try:
            for _ in told:
                yield
        except OSError:
            # A folder has gone: look once, which finds out what is there instead.
            if not self.stop.wait(self.every):
                yield
        except RuntimeError:
            # It cannot tell of a change here, as of a name that is no text: look by the clock.
            self.watchfiles = None
            yield

    def settle(self, watched: Watched) -> None:
        """Wait until nothing changes any more."""
        before = watched.look()
        while not self.stop.wait(SETTLE) and (now := watched.look()) != before:
            before = now


def changes(*paths: StrPath, every: float = 1.0) -> Iterator[None]:
    """At once, and then whenever these files have changed; whoever asks for the next one waits."""
    watched, waiting = Watched(paths), Waiting(threading.Event(), every)
    while True:
        _try(watched)
        yield
        folders = watched.folders
        for _ in waiting.rounds(folders):
            if watched.changed():
                waiting.settle(watched)
                break


def _try(watched: Watched) -> None:
    """Find out which files there are to watch; whoever asked says what is wrong with them."""
    try:
        watched.load()
    except PolicyError:
        return


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino

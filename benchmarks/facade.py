"""What the programs in `facades/` share: calls are timed, counted, and their answer is printed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import measure

Kept = Literal["disk", "memory", "buffer", "server", "nothing"]
"""Where a record of each call is when it returns, or a moment after."""

WARM = 50
"""Calls of each kind that come before those that are timed."""


class Calls:
    """The calls of one variant of one vendor, and what they took."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.made: Counter[str] = Counter()
        """How often each was called, to be compared with what is found to have happened."""
        self._found: list[dict[str, Any]] = []

    def time(self, name: str, kept: Kept, call: Callable[[], Any], most: int = 10**6) -> None:
        """Time *call*; at *most* so often, where each takes long."""
        count, warm = self._planned(name, most)
        measure.calls(call, warm)
        self._add(name, kept, measure.calls(call, count))

    async def atime(
        self, name: str, kept: Kept, call: Callable[[], Awaitable[Any]], most: int = 10**6
    ) -> None:
        """The same, awaiting each on the running loop."""
        count, warm = self._planned(name, most)
        await measure.acalls(call, warm)
        self._add(name, kept, await measure.acalls(call, count))

    def _planned(self, name: str, most: int) -> tuple[int, int]:
        count = min(self.count, most)
        warm = min(WARM, count)
        self.made[name] += count + warm
        return count, warm

    def _add(self, name: str, kept: Kept, samples: list[int]) -> None:
        self._found.append({"call": name, "kept": kept, **measure.summary(samples)})

    def answer(self, variant: str, package: str) -> None:
        """Print what was found, and by which version of ours or of *package*."""
        print(json.dumps({"version": _version(variant, package), "calls": self._found}))


class Book:
    """A ledger of ours: on disk if *variant* says so."""

    def __init__(self, variant: str, folder: str) -> None:
        from remit import MemoryLedger, SqliteLedger

        self._path = Path(folder, "ledger.db") if variant == "durable" else None
        self.ledger: Any = SqliteLedger(self._path) if self._path else MemoryLedger()

    def size(self) -> int:
        """How many records it holds, opened anew if it is on disk."""
        from remit import SqliteLedger

        if self._path is not None:
            self.ledger.close()
            self.ledger = SqliteLedger(self._path)
        size: int = self.ledger.size()
        return size

    def close(self) -> None:
        """Let go of the file, if there is one."""
        if self._path is not None:
            self.ledger.close()


@contextmanager
def book(variant: str) -> Iterator[Book]:
    """One that is gone afterwards."""
    with TemporaryDirectory() as folder:
        made = Book(variant, folder)
        try:
            yield made
        finally:
            made.close()


def found(what: str, wanted: int, there: int) -> None:
    """Who has not done all of the work is not compared.

    Raises:
        SystemExit: something is missing, or too much.
    """
    if wanted != there:
        raise SystemExit(f"{what}: {there} were found, and {wanted} are due")


def _version(variant: str, package: str) -> str:
    if variant == "theirs":
        return f"{package} {version(package)}"
    from remit import __version__

    return f"remit {__version__}"

"""What the main calls of the vendors' packages cost, theirs and ours under their names.

    python benchmarks/facades.py
    python benchmarks/facades.py --rounds 1 --count 200 --only execlave

Each vendor has a file in `facades/`, which is run in fresh processes by turns: with the vendor's
package in an environment of its own, with ours and a ledger in memory, and with ours and a ledger
on disk. It prints what it found as a line of JSON, if all of the work was done. What needs a server
is pointed at one on loopback, in a process of its own, that agrees with everything at once.

The first table compares like with like. The second says what our durable ledger costs where
theirs puts nothing on disk; no target belongs to it.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import workers
from environments import HERE, python_of

VARIANTS = ("theirs", "memory", "durable")
HEADS = (
    "vendor and call", "theirs in", "ours in", "ours p50 us", "p99", "theirs p50 us", "p99",
    "theirs / ours", "per round",
)  # fmt: skip
CLOSE = 1.3
"""A row in which ours is less than so many times as quick is named below the tables."""

Key = tuple[str, str, str]
"""Vendor, call, and where a record of it is kept."""


@dataclass
class Found:
    """What the processes have answered, round by round."""

    ours: dict[Key, list[dict[str, Any]]] = field(default_factory=dict)
    theirs: dict[Key, list[dict[str, Any]]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    versions: set[str] = field(default_factory=set)

    def take(self, vendor: str, variant: str, answer: dict[str, Any]) -> None:
        """Add what one process has answered."""
        if "failed" in answer:
            self.failed.append(f"{vendor}, {variant}: {answer['failed']}")
            return
        self.versions.add(answer["version"])
        side = self.theirs if variant == "theirs" else self.ours
        for each in answer["calls"]:
            side.setdefault((vendor, each["call"], each["kept"]), []).append(each)


@dataclass(frozen=True)
class Pair:
    """A call of theirs, and the same of ours."""

    vendor: str
    call: str
    theirs: str
    ours: str

    @property
    def alike(self) -> bool:
        """Whether both keep as much: on disk, or not."""
        return (self.theirs == "disk") == (self.ours == "disk")

    def row(self, found: Found) -> tuple[str, ...]:
        """As it is printed."""
        ours = found.ours[self.vendor, self.call, self.ours]
        theirs = found.theirs[self.vendor, self.call, self.theirs]
        ratios = self.ratios(found)
        return (
            f"{self.vendor} {self.call}",
            self.theirs,
            self.ours,
            *(workers.digits(workers.medians(ours, part)) for part in ("p50", "p99")),
            *(workers.digits(workers.medians(theirs, part)) for part in ("p50", "p99")),
            f"{statistics.median(ratios):.2f}x",
            f"{min(ratios):.2f}-{max(ratios):.2f}",
        )

    def ratios(self, found: Found) -> list[float]:
        """How many times as long theirs takes, in each round."""
        ours = found.ours[self.vendor, self.call, self.ours]
        theirs = found.theirs[self.vendor, self.call, self.theirs]
        return [b["p50"] / a["p50"] for a, b in zip(ours, theirs, strict=False)]


def main() -> int:
    options = _options()
    found = _measure(options)
    pairs = list(_pairs(found))
    print(workers.heading([{"version": each} for each in sorted(found.versions)]))
    print(workers.table(HEADS, [each.row(found) for each in pairs if each.alike]))
    print("\nOurs on disk, where theirs puts nothing there (no target):\n")
    print(workers.table(HEADS, [each.row(found) for each in pairs if not each.alike]))
    print()
    print("\n".join(_verdicts([each for each in pairs if each.alike], found)))
    print("\n".join(f"failed: {why}" for why in found.failed))
    raw = {"ours": _rows(found.ours), "theirs": _rows(found.theirs)}
    print(f"raw numbers: {workers.save('facades', {'options': vars(options), **raw})}")
    return 1 if found.failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=2000, help="calls timed per round")
    parser.add_argument("--only", default="", help="vendors whose name contains this")
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> Found:
    found = Found()
    files = [
        each for each in sorted((HERE / "facades").glob("[a-z]*.py")) if _wanted(each, options)
    ]
    for _, file, variant in itertools.product(range(options.rounds), files, VARIANTS):
        found.take(file.stem, variant, _ask(file, variant, options.count))
    return found


def _wanted(file: Path, options: argparse.Namespace) -> bool:
    return options.only in file.stem


def _ask(file: Path, variant: str, count: int) -> dict[str, Any]:
    python = python_of(file.stem) if variant == "theirs" else Path(sys.executable)
    world = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(HERE)}
    # -P: a file here has the name of the package it measures.
    return workers.answered([str(python), "-P", str(file), variant, str(count)], world)


def _pairs(found: Found) -> Iterable[Pair]:
    """Theirs beside ours that keeps as much; and beside ours on disk, if theirs is never there."""
    on_disk = {(vendor, call) for vendor, call, kept in found.theirs if kept == "disk"}
    for (vendor, call, theirs), (who, what, ours) in itertools.product(found.theirs, found.ours):
        pair = Pair(vendor, call, theirs, ours)
        if (vendor, call) == (who, what) and (pair.alike or (vendor, call) not in on_disk):
            yield pair


def _verdicts(pairs: Iterable[Pair], found: Found) -> Iterable[str]:
    """The rows in which ours is not quicker, and those in which it hardly is."""
    slower = False
    for pair in pairs:
        times = statistics.median(pair.ratios(found))
        if times <= 1:
            slower = True
            yield f"not quicker: {pair.vendor} {pair.call}, in {pair.ours}: {times:.2f}x"
        elif times < CLOSE:
            yield f"hardly quicker: {pair.vendor} {pair.call}, in {pair.ours}: {times:.2f}x"
    if not slower:
        yield "ours is quicker in every row of the first table"


def _rows(side: dict[Key, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [{"vendor": vendor, "rounds": rounds} for (vendor, *_), rounds in side.items()]


if __name__ == "__main__":
    sys.exit(main())

"""What it costs to observe a function that does nothing, and to tell a step.

    python benchmarks/runs.py
    python benchmarks/runs.py --rounds 1 --count 500 --only memory

No row has exporters but the one that says so. The vendors' packages need a server: they
are pointed at one on loopback, in a process of its own, that agrees with everything at once. Every
function is seen to have run; our ledgers are seen to hold every record they owe.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

import workers


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    peer: str
    variant: str
    most: int = 1_000_000
    """Runs timed: those that wait for a server take long."""


ROWS = (
    Row("floor: the plain call", "floor", "plain"),
    Row("remit, MemoryLedger", "ours", "memory"),
    Row("remit, SqliteLedger", "ours", "sqlite"),
    Row("remit, MemoryLedger, OpenTelemetry", "ours", "memory-otel"),
    Row("waxell-observe, loopback", "waxell", "checked", 300),
    Row("waxell-observe, enforce_policy=False", "waxell", "unchecked", 300),
    Row("execlave-sdk, buffered", "execlave", "buffered"),
    Row("execlave-sdk, async_mode=False", "execlave", "inline", 300),
)
MOST = {"run": 30.0, "step": 5.0}
"""Microseconds at the median that ours may take, without exporters."""
HEADS = ("row", "run p50 us", "p99", "step p50 us", "p99", "run to ours", "step to ours", "loop ns")


def main() -> int:
    options = _options()
    answers = _measure(options)
    found = [each for several in answers.values() for each in several]
    print(workers.heading(found))
    print(workers.table(HEADS, [_row(row, answers) for row in ROWS if row.name in answers]))
    print()
    over = [line for row in ROWS[1:3] if row.name in answers for line in _over(row, answers)]
    print("\n".join(over))
    failed = [each["failed"] for each in found if "failed" in each]
    print("\n".join(f"failed: {why}" for why in failed))
    print(f"raw numbers: {workers.save('runs', {'options': vars(options), 'runs': answers})}")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=5000, help="runs and steps timed per round")
    parser.add_argument("--only", default="", help="rows whose name contains this, and the floor")
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """The workers' answers by row, one per round. The rows take turns."""
    chosen = [row for row in ROWS if row.peer == "floor" or options.only in row.name]
    answers: dict[str, list[dict[str, Any]]] = {row.name: [] for row in chosen}
    workers.RESULTS.mkdir(exist_ok=True)
    for turn in range(options.rounds):
        print(f"round {turn + 1}", file=sys.stderr)
        for row in chosen:
            folder = tempfile.mkdtemp(dir=workers.RESULTS)
            task = ("observe", row.variant, folder, min(options.count, row.most))
            answers[row.name].append(workers.ask(row.peer, *task))
            shutil.rmtree(folder)
    return answers


def _row(row: Row, answers: dict[str, list[dict[str, Any]]]) -> tuple[object, ...]:
    found = answers[row.name]
    if any("failed" in each for each in found):
        return (row.name, *("-",) * 7)
    numbers = [workers.medians(found, what, key) for what in MOST for key in ("p50", "p99")]
    ratios = [_ratio(row, what, answers) for what in MOST]
    mood = workers.digits(workers.medians(found, "mood"))
    return (row.name, *map(workers.digits, numbers), *ratios, mood)


def _ratio(row: Row, what: str, answers: dict[str, list[dict[str, Any]]]) -> str:
    ours = answers.get(ROWS[1].name, [])
    if row.peer == "floor" or not ours or any("failed" in each for each in ours):
        return "-"
    here = workers.medians(answers[row.name], what, "p50")
    return f"{here / workers.medians(ours, what, 'p50'):.1f}x"


def _over(row: Row, answers: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Whether *row* keeps to the most it may take."""
    found = answers[row.name]
    if any("failed" in each for each in found):
        return []
    lines = []
    for what, most in MOST.items():
        took = workers.medians(found, what, "p50")
        verdict = "kept" if took <= most else "NOT KEPT"
        lines.append(f"{row.name}: a {what} takes {took:.2f} us, at most {most:g}: {verdict}")
    return lines


if __name__ == "__main__":
    raise SystemExit(main())

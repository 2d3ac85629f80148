"""What the main calls of the vendors' packages cost, theirs and ours under their names.

    python benchmarks/facades.py
    python benchmarks/facades.py --rounds 1 --count 200 --only execlave

Each vendor has a file in `facades/`, which is run in an environment of its own, once with the
vendor's package and once with ours, and prints what it found as a line of JSON. What needs a
server is pointed at one on loopback, in a process of its own, that agrees with everything at once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import workers
from environments import HERE, python_of

VARIANTS = ("memory", "sqlite", "theirs")
"""Ours with a ledger in memory, ours with one on disk, and the vendor's own."""
HEADS = ("vendor", "call", "variant", "p50 us", "p99 us", "to ours in memory")

Found = dict[tuple[str, str, str], list[dict[str, Any]]]


def main() -> int:
    options = _options()
    found, failed, versions = _measure(options)
    print(workers.heading([{"version": each} for each in sorted(versions)]))
    print(workers.table(HEADS, [_row(key, found) for key in found]))
    print("\n".join(f"failed: {why}" for why in failed))
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=2000, help="calls timed per round")
    parser.add_argument("--only", default="", help="vendors whose name contains this")
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> tuple[Found, list[str], set[str]]:
    found, failed, versions = Found(), list[str](), set[str]()
    files = sorted((HERE / "facades").glob("[a-z]*.py"))
    for _ in range(options.rounds):
        for file in (each for each in files if options.only in each.stem):
            for variant in VARIANTS:
                answer = _ask(file, variant, options.count)
                if "failed" in answer:
                    failed.append(f"{file.stem} {variant}: {answer['failed']}")
                    continue
                versions.add(answer["version"])
                for call, summary in answer["calls"].items():
                    found.setdefault((file.stem, call, variant), []).append(summary)
    return found, failed, versions


def _ask(file: Path, variant: str, count: int) -> dict[str, Any]:
    python = python_of(file.stem) if variant == "theirs" else sys.executable
    world = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(HERE)}
    # -P: a file here has the name of the package it measures.
    command = [str(python), "-P", str(file), variant, str(count)]
    run = subprocess.run(command, capture_output=True, text=True, env=world, check=False)
    if run.returncode:
        return {"failed": (run.stderr.strip().splitlines() or ["no reason"])[-1]}
    answer: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return answer


def _row(key: tuple[str, str, str], found: Found) -> list[str]:
    vendor, call, _ = key
    half, most = (workers.medians(found[key], part) for part in ("p50", "p99"))
    ours = workers.medians(found.get((vendor, call, "memory"), [{"p50": 0}]), "p50")
    times = f"{half / ours:.1f}x" if ours else ""
    return [*key, workers.digits(half), workers.digits(most), times]


if __name__ == "__main__":
    sys.exit(main())

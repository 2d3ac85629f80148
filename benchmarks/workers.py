"""Asks a fresh process of the right interpreter to measure one engine, and reads its answer."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from environments import HERE, python_of

RESULTS = HERE / "results"
LONGEST = 1800


def ask(peer: str, *task: object) -> dict[str, Any]:
    """What a fresh process of *peer* answers to *task*, or `failed` and why it does not."""
    command = [str(python_of(peer)), str(HERE / "worker.py"), peer, *map(str, task)]
    # String hashing decides how dictionaries collide: the same for all, and for every run.
    return answered(command, {**os.environ, "PYTHONHASHSEED": "0"})


def answered(command: list[str], world: dict[str, str]) -> dict[str, Any]:
    """What *command* prints last, or `failed` and why it does not."""
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, timeout=LONGEST, env=world, check=False
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"no answer in {LONGEST} s"}
    if run.returncode:
        lines = run.stderr.strip().splitlines() or [f"exit status {run.returncode}"]
        return {"failed": lines[-1]}
    answer: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return answer


def medians(answers: Iterable[dict[str, Any]], *path: str) -> float:
    """The median over rounds of one number in the workers' answers."""
    numbers = []
    for answer in answers:
        value: Any = answer
        for key in path:
            value = value[key]
        numbers.append(value)
    return statistics.median(numbers)


def heading(answers: Iterable[dict[str, Any]]) -> str:
    """Where this was measured, and which versions."""
    versions = sorted({answer["version"] for answer in answers if "version" in answer})
    where = ", ".join(f"{key} {value}" for key, value in machine().items())
    return "\n".join([where, ", ".join(versions), ""])


def machine() -> dict[str, Any]:
    """Where and when this was measured."""
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": os.cpu_count(),
    }


def save(name: str, result: dict[str, Any]) -> Path:
    """Write *result* where results are kept."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.json"
    path.write_text(json.dumps({"machine": machine(), **result}, indent=1))
    return path


def table(heads: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """Columns, the first to the left and the others to the right."""
    cells = [tuple(map(str, row)) for row in (heads, *rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(heads))]
    lines = [
        "  ".join(
            cell.rjust(width) if n else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def digits(number: float) -> str:
    """Three significant digits, and no exponent."""
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"

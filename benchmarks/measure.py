"""How time is taken: one call at a time, by the same few lines for every engine."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import perf_counter, perf_counter_ns
from typing import Any, TypeVar

T = TypeVar("T")

MOOD_LOOP = 200_000


def mood() -> float:
    """Nanoseconds per turn of a fixed loop: how busy the machine is while we look at it."""
    return statistics.median(_mood_once() for _ in range(3))


def _mood_once() -> float:
    total = 0
    start = perf_counter_ns()
    for number in range(MOOD_LOOP):
        total += number & 7
    return (perf_counter_ns() - start) / MOOD_LOOP


def peak() -> float:
    """Megabytes: the peak resident set as the kernel counts it, or 0 where it does not say."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found[0]) / 1024 if found else 0.0


def each(step: Callable[[T], Any], items: Sequence[T], seconds: float) -> list[int]:
    """Nanoseconds of `step(item)`, for whole passes over *items* until the time is up."""
    samples: list[int] = []
    take = samples.append
    now = perf_counter_ns
    gc.collect()
    deadline = perf_counter() + seconds
    while True:
        for item in items:
            start = now()
            step(item)
            take(now() - start)
        if perf_counter() > deadline:
            return samples


def calls(step: Callable[[], Any], count: int) -> list[int]:
    """Nanoseconds of each of *count* calls."""
    samples: list[int] = []
    take = samples.append
    now = perf_counter_ns
    gc.collect()
    for _ in range(count):
        start = now()
        step()
        take(now() - start)
    return samples


async def acalls(step: Callable[[], Awaitable[Any]], count: int) -> list[int]:
    """The same, awaiting each on the running loop."""
    samples: list[int] = []
    take = samples.append
    now = perf_counter_ns
    gc.collect()
    for _ in range(count):
        start = now()
        await step()
        take(now() - start)
    return samples


def summary(samples: Sequence[int]) -> dict[str, float]:
    """Median and 99th percentile, in microseconds."""
    ordered = sorted(samples)
    return {
        "p50": statistics.median(ordered) / 1000,
        "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] / 1000,
        "samples": len(ordered),
    }

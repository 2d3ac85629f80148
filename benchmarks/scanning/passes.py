"""Why each kind has a set of cues of its own: the passes over texts nobody has seen, timed."""

from __future__ import annotations

import base64
import random
import statistics
import string
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from scanning import ordinary

SIZE = 2000
WORDS = string.ascii_letters + string.digits + "_-"


def texts(faker: Any, count: int = 1200) -> dict[str, list[bytes]]:
    """By sort, *count* texts of 2 kB each."""
    chance = random.Random(9)

    def word() -> str:
        return "".join(chance.choice(WORDS) for _ in range(chance.randrange(4, 30)))

    def numbers() -> str:
        return "".join(chance.choice("0123456789 -.") for _ in range(SIZE))

    return {
        "sentences": [t.encode() for t in ordinary.documents(faker, SIZE, count, logs=False)],
        "and log lines": [t.encode() for t in ordinary.documents(faker, SIZE, count)],
        "Base64": [base64.b64encode(chance.randbytes(SIZE * 3 // 4)) for _ in range(count)],
        "random words": [
            " ".join(word() for _ in range(SIZE // 17)).encode() for _ in range(count)
        ],
        "random numbers": [numbers().encode() for _ in range(count)],
    }


def show(faker: Any) -> None:
    """Prints the median of the last quarter of the texts, for each way to arrange the cues."""
    from remit.content import Kind, scanner
    from remit.content.scanner import _set

    hints = {kind.value: [each.hint for each in scanner(kind).patterns] for kind in Kind}
    ways = {
        "one word": [["zebra"]],
        **{name: [found] for name, found in hints.items()},
        "a set for each": list(hints.values()),
        "one set": [[each for found in hints.values() for each in found]],
    }
    sorts = texts(faker)
    print("\nmicroseconds for the passes over a text of 2 kB: " + ", ".join(sorts))
    for name, groups in ways.items():
        sets = [_set(list(dict.fromkeys(group)))[0] for group in groups]
        _row(name, partial(_each, sets), sorts)
    _row("as it is done", scanner()._wanted, sorts)  # noqa: SLF001 - what is measured


def _row(name: str, work: Callable[[bytes], object], sorts: dict[str, list[bytes]]) -> None:
    print(f"  {name:16}" + "".join(f"{_median(work, raws):9.1f}" for raws in sorts.values()))


def _each(sets: list[Any], raw: bytes) -> None:
    for each in sets:
        each.Match(raw)


def _median(work: Callable[[bytes], object], raws: list[bytes]) -> float:
    taken = []
    for raw in raws:
        start = time.perf_counter()
        work(raw)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[-len(taken) // 4 :]) * 1e6

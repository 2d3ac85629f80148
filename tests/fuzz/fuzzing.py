"""What fuzzing anything takes: damage, a watch on the time, and a loop until it is up."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence
from random import Random
from time import perf_counter, process_time

LONGEST = 0.1
"""Seconds of this process that one input may take, when nothing else slows it down."""
LENIENCE = 5
"""How many times that a busy machine is given before it counts."""
SHOWN = 2000


def damaged(random: Random, text: str, pieces: Sequence[str]) -> str:
    """*text* with a few parts cut, doubled, swapped or replaced."""
    for _ in range(random.choice((1, 1, 2, 3, 8))):
        at = random.randrange(len(text) + 1)
        end = min(len(text), at + random.choice((0, 1, 1, 2, 5, 20)))
        way = random.randrange(5)
        if way == 0:
            text = text[:at] + text[end:]
        elif way == 1:
            text = text[:at] + random.choice(pieces) + text[end:]
        elif way == 2:
            text = text[:at] + text[at:end] * random.choice((2, 3, 30)) + text[end:]
        elif way == 3:
            text = text[:at] + chr(random.choice((random.randrange(128), 0x85, 0x2028, 0x1F600)))
            text += text[end:]
        else:
            other = random.randrange(len(text) + 1)
            text = text[:other] + text[at:end] + text[other:]
    return text[:20_000]


def taken(run: Callable[[str], None], text: str) -> float:
    """Seconds of processor time that *text* takes."""
    start = process_time()
    run(text)
    return process_time() - start


def finding(run: Callable[[str], None], text: str) -> str:
    """What is wrong with how *text* is taken; empty if nothing is."""
    try:
        seconds = taken(run, text)
        if seconds > LONGEST:
            # Once more: a collection of garbage or a table read for the first time is no fault.
            seconds = taken(run, text)
    except Exception:  # noqa: BLE001 - which is what is looked for
        return traceback.format_exc(limit=-3)
    return f"took {seconds:.2f} s" if seconds > LONGEST * LENIENCE else ""


def main(
    doc: str | None,
    kept: list[str],
    made: Callable[[Random, list[str]], str],
    run: Callable[[str], None],
) -> int:
    """Fuzz until the time is up; print each kind of finding once, and a count."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random = Random(options.seed)
    found: dict[str, str] = {}
    slowest, slowest_text, count = 0.0, "", 0
    end = perf_counter() + options.seconds
    while perf_counter() < end:
        text = made(random, kept)
        start = perf_counter()
        wrong = finding(run, text)
        if (seconds := perf_counter() - start) > slowest:
            slowest, slowest_text = seconds, text
        count += 1
        kind = "took" if wrong.startswith("took") else "\n".join(wrong.splitlines()[-3:])
        if wrong and kind not in found:
            found[kind] = text
            print(f"{text[:SHOWN]!r}\n{wrong}", flush=True)
    print(f"slowest: {slowest * 1000:.0f} ms: {slowest_text[:200]!r}")
    print(
        f"{count:,} inputs in {options.seconds:.0f} s, seed {options.seed}: {len(found)} findings"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit("run policies.py or cel.py")

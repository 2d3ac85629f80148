"""What fuzzing anything takes: damage, a watch on the time, and a loop until it is up."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence
from random import Random
from time import perf_counter, process_time
from typing import Protocol

LONGEST = 0.1
"""Seconds of processor time that one input may take."""
AGAIN = 4
"""How often one that takes longer is tried again: the quickest counts."""
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
            any_byte = 0xDC80 + random.randrange(128)
            char = random.choice((random.randrange(128), 0x85, 0x2028, 0x1F600, any_byte))
            text = text[:at] + chr(char) + text[end:]
        else:
            other = random.randrange(len(text) + 1)
            text = text[:other] + text[at:end] + text[other:]
    return text[:20_000]


def taken(run: Callable[[str], None], text: str) -> float:
    """Seconds of processor time that *text* takes."""
    start = process_time()
    run(text)
    return process_time() - start


def finding(run: Callable[[str], None], text: str) -> tuple[str, float]:
    """What is wrong with how *text* is taken, empty if nothing is; and how long it takes."""
    try:
        seconds = taken(run, text)
        for _ in range(AGAIN):
            if seconds <= LONGEST / 3:
                break
            # A collection of garbage, or a table that is read for the first time, is no fault.
            seconds = min(seconds, taken(run, text))
    except Exception:  # noqa: BLE001 - which is what is looked for
        return traceback.format_exc(limit=-3), 0.0
    return (f"took {seconds * 1000:.0f} ms" if seconds > LONGEST else ""), seconds


class Fuzzer(Protocol):
    """What is fuzzed."""

    def corpus(self) -> list[str]: ...
    def made(self, random: Random, kept: list[str]) -> str: ...
    def run(self, text: str) -> None: ...


def fuzz(fuzzer: Fuzzer, seconds: float, seed: int) -> int:
    """Fuzz until the time is up, print each kind of finding once; how many there are."""
    random, kept = Random(seed), fuzzer.corpus()
    found: dict[str, str] = {}
    slowest, slowest_text, count = 0.0, "", 0
    end = perf_counter() + seconds
    while perf_counter() < end:
        text = fuzzer.made(random, kept)
        wrong, took = finding(fuzzer.run, text)
        if took > slowest:
            slowest, slowest_text = took, text
        count += 1
        kind = "took" if wrong.startswith("took") else "\n".join(wrong.splitlines()[-3:])
        if wrong and kind not in found:
            found[kind] = text
            print(f"{text[:SHOWN]!r}\n{wrong}", flush=True)
    print(f"slowest: {slowest * 1000:.0f} ms of processor time: {slowest_text[:200]!r}")
    print(f"{count:,} inputs in {seconds:.0f} s, seed {seed}: {len(found)} findings", flush=True)
    return len(found)


def main(doc: str | None, fuzzer: Fuzzer) -> int:
    """Fuzz one thing, as the command line says."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return 1 if fuzz(fuzzer, options.seconds, options.seed) else 0


if __name__ == "__main__":
    sys.exit("run campaign.py, policies.py or cel.py")

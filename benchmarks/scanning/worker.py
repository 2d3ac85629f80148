"""In a process of its own: asks one scanner about texts, or times it. Speaks JSON."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from scanning.peers import PARTS, PEERS, Find


def answers(find: Find, texts: list[str]) -> list[list[str]]:
    """The kinds found in each text."""
    return [sorted(find(text)) for text in texts]


def seconds(find: Find, texts: list[str], warm: list[str]) -> float:
    """What one text takes after those of *warm*: the median. None is seen twice: some remember."""
    for text in warm:
        find(text)
    taken = []
    for text in texts:
        start = time.perf_counter()
        find(text)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> None:
    task = json.load(sys.stdin)
    peer = task["peer"]
    make = PARTS[peer] if peer in PARTS else PEERS[peer][0]
    find, version = make()
    answer = {"version": version}
    if "texts" in task:
        answer["kinds"] = answers(find, task["texts"])
    if "timed" in task:
        answer["seconds"] = seconds(find, task["timed"], task["warm"])
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()

"""In a process of its own: asks one scanner about texts, or times it. Speaks JSON."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from scanning.peers import PEERS, Find


def answers(find: Find, texts: list[str]) -> list[list[str]]:
    """The kinds found in each text."""
    return [sorted(find(text)) for text in texts]


def seconds(find: Find, texts: list[str], rounds: int) -> float:
    """What one text takes: the median over the rounds of their mean."""
    for text in texts:
        find(text)
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        for text in texts:
            find(text)
        taken.append((time.perf_counter() - start) / len(texts))
    return statistics.median(taken)


def main() -> None:
    task = json.load(sys.stdin)
    make, _ = PEERS[task["peer"]]
    find, version = make()
    answer = {"version": version}
    if "texts" in task:
        answer["kinds"] = answers(find, task["texts"])
    if "timed" in task:
        answer["seconds"] = seconds(find, task["timed"], task["rounds"])
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()

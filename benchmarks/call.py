"""What one governed call costs beyond the call itself, for a tool that does nothing.

    python benchmarks/call.py
    python benchmarks/call.py --rounds 1 --calls 300 --only memory

The policy has ten rules, each of which allows one tool; the fifth of them is
called. Every wrapper is first seen to refuse a tool that no rule allows, and
afterwards to have run every call and to hold every record it owes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import workers


@dataclass(frozen=True, slots=True)
class Wrapper:
    """One row of the table."""

    name: str
    peer: str
    variant: str
    does: str
    """What of the pipeline a call goes through."""

    @property
    def asynchronous(self) -> bool:
        return self.variant.endswith("-async") or self.variant == "runtime"


PLAIN = "floor: the plain call"
DECISION = "decision"
MEMORY = "decision + audit record in memory"
DURABLE = "decision + audit record on disk"
WRAPPERS = (
    Wrapper(PLAIN, "floor", "plain", "nothing"),
    Wrapper("floor: pass-through wrapper", "floor", "wrapped", "nothing"),
    Wrapper("floor: 400 bytes and fdatasync", "floor", "disk", "one flush of the disk"),
    Wrapper("remit, MemoryLedger", "ours", "memory", MEMORY),
    Wrapper("remit, SqliteLedger", "ours", "sqlite", DURABLE),
    Wrapper("agent-aegis @guard", "aegis", "guard", DECISION),
    Wrapper("AGT govern(), audit off", "agt", "silent", DECISION),
    Wrapper("AGT govern(), audit on", "agt", "audit", MEMORY),
    Wrapper(f"{PLAIN}, async", "floor", "plain-async", "nothing"),
    Wrapper("floor: pass-through, async", "floor", "wrapped-async", "nothing"),
    Wrapper("remit, MemoryLedger, async", "ours", "memory-async", MEMORY),
    Wrapper("remit, SqliteLedger, async", "ours", "sqlite-async", DURABLE),
    Wrapper("agent-aegis @guard, async", "aegis", "guard-async", DECISION),
    Wrapper("agent-aegis Runtime.run_one, async", "aegis", "runtime", DURABLE),
    Wrapper("AGT govern(), audit off, async", "agt", "silent-async", DECISION),
    Wrapper("AGT govern(), audit on, async", "agt", "audit-async", MEMORY),
)
OURS = {False: "remit, MemoryLedger", True: "remit, MemoryLedger, async"}
FULL = (
    ("remit, MemoryLedger", "AGT govern(), audit on"),
    ("remit, MemoryLedger, async", "AGT govern(), audit on, async"),
    ("remit, SqliteLedger, async", "agent-aegis Runtime.run_one, async"),
)
"""The rows that do most nearly the same: a decision, and a record of it."""
HEADS = ("wrapper", "p50 us", "p99 us", "overhead us", "to ours", "records a call", "loop ns")


def main() -> int:
    options = _options()
    answers = _measure(options)
    print(workers.heading(each for found in answers.values() for each in found))
    for title, asynchronous in (("synchronous", False), ("on an event loop", True)):
        rows = [
            _row(wrapper, answers)
            for wrapper in WRAPPERS
            if wrapper.asynchronous is asynchronous and wrapper.name in answers
        ]
        print(workers.table((f"[{title}]", *HEADS[1:]), rows), end="\n\n")
    _compare(answers)
    for name, found in answers.items():
        for answer in found:
            if "failed" in answer:
                print(f"{name}: failed: {answer['failed']}")
    print(f"raw numbers: {workers.save('call', {'options': vars(options), 'calls': answers})}")
    return 1 if any("failed" in answer for found in answers.values() for answer in found) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=3000, help="timed per wrapper and round")
    parser.add_argument("--only", default="", help="wrappers whose name contains this, and floors")
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """The workers' answers by wrapper, one per round. The wrappers take turns."""
    chosen = [one for one in WRAPPERS if one.peer == "floor" or options.only in one.name]
    answers: dict[str, list[dict[str, Any]]] = {one.name: [] for one in chosen}
    for turn in range(options.rounds):
        print(f"round {turn + 1}", file=sys.stderr)
        for wrapper in chosen:
            folder = _fresh(workers.RESULTS / "work")
            task = ("call", wrapper.variant, folder, options.calls)
            answers[wrapper.name].append(workers.ask(wrapper.peer, *task))
            shutil.rmtree(folder)
    return answers


def _fresh(folder: Path) -> Path:
    """An empty folder on the disk that this file is on: a temporary one may be in memory."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _row(wrapper: Wrapper, answers: dict[str, list[dict[str, Any]]]) -> tuple[object, ...]:
    found = answers[wrapper.name]
    if not all("p50" in answer for answer in found):
        return (wrapper.name, *("-",) * 6)
    over = _overhead(wrapper.name, answers)
    ours = _overhead(OURS[wrapper.asynchronous], answers)
    governs = wrapper.peer != "floor"
    return (
        wrapper.name,
        workers.digits(workers.medians(found, "p50")),
        workers.digits(workers.medians(found, "p99")),
        workers.digits(over) if wrapper.name not in (PLAIN, f"{PLAIN}, async") else "-",
        f"{over / ours:.2f}x" if governs and ours else "-",
        workers.digits(found[0]["records"] / found[0]["samples"]) if governs else "-",
        workers.digits(workers.medians(found, "mood")),
    )


def _overhead(name: str, answers: dict[str, list[dict[str, Any]]]) -> float:
    """Microseconds at the median beyond the plain call; 0 where it is not known."""
    found = answers.get(name, [])
    if not found or not all("p50" in answer for answer in found):
        return 0.0
    asynchronous = next(one.asynchronous for one in WRAPPERS if one.name == name)
    plain = answers[f"{PLAIN}, async" if asynchronous else PLAIN]
    return workers.medians(found, "p50") - workers.medians(plain, "p50")


def _compare(answers: dict[str, list[dict[str, Any]]]) -> None:
    """The rows that do the same, side by side; and how far from the disk's own pace we are."""
    does = {wrapper.name: wrapper.does for wrapper in WRAPPERS}
    for ours, theirs in FULL:
        mine, other = _overhead(ours, answers), _overhead(theirs, answers)
        if mine and other:
            print(f"{does[ours]}: {theirs} costs {other / mine:.2f}x {ours}")
    flush = _overhead("floor: 400 bytes and fdatasync", answers)
    for ours in ("remit, SqliteLedger", "remit, SqliteLedger, async"):
        if flush and (mine := _overhead(ours, answers)):
            print(f"{ours}: {mine / flush:.2f} flushes of the disk a call")


if __name__ == "__main__":
    sys.exit(main())

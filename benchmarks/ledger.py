"""How many records a second are on the disk, beside SQLite itself, the disk itself, and peers.

    python benchmarks/ledger.py
    python benchmarks/ledger.py --rounds 1 --seconds 1 --only remit

A caller appends a record, waits until it is durable, and appends the next. Callers
are threads, or tasks on one event loop; in bulk, one caller hands over thousands
at a time. After each row the store is opened anew, and must hold as many records
as were appended. Every peer runs in its own environment, in a fresh process for
each row and round, and the rows take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import environments
import measure
import workers
from ledger_sinks import SINKS, Sink


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    name: str
    peer: str
    sink: str
    how: str
    """`threads`, `tasks`, `bulk`, `turns` or `locked`."""
    callers: int = 1


CALLERS = (1, 8, 64)
RAW = "floor: SQLite, a row a transaction"
FLUSH = "floor: append and fdatasync"
TURNS = "remit, by turns with SQLite"
IDLE = "remit, a loop with nothing to do"
LOCKED = "remit, a loop whose 64 callers wait for a locked file"
ROWS = (
    Row(FLUSH, "floor", "disk", "threads"),
    Row(RAW, "floor", "sqlite", "threads"),
    Row("floor: SQLite, 1,000 rows a transaction", "floor", "sqlite", "bulk"),
    Row("remit, bulk", "ours", "remit", "bulk"),
    Row(TURNS, "ours", "remit", "turns"),
    *(
        Row(f"remit in PostgreSQL, {name}", "ours", "postgres", how, callers)
        for name, how, callers in (
            ("bulk", "bulk", 1),
            ("1 threads", "threads", 1),
            ("64 threads", "threads", 64),
            ("64 tasks", "tasks", 64),
        )
    ),
    Row(IDLE, "ours", "idle", "locked", 0),
    Row(LOCKED, "ours", "remit", "locked", 64),
    *(
        Row(f"{name}, {callers} {how}", peer, sink, how, callers)
        for callers in CALLERS
        for how in ("threads", "tasks")
        for name, peer, sink in (
            ("remit", "ours", "remit"),
            ("agent-aegis AuditLogger", "aegis", "aegis"),
            ("kitelogik AuditStore", "kitelogik", "kitelogik"),
        )
    ),
)


def main() -> int:
    options = _options()
    if options.row:
        row = next(one for one in ROWS if one.name == options.row)
        print(json.dumps(_measure(row, options.folder, options.seconds)))
        return 0
    chosen = [one for one in ROWS if one.peer == "floor" or options.only in one.name]
    timed = [one for one in chosen if one.how not in {"locked", "turns"}]
    answers: dict[str, list[dict[str, Any]]] = {one.name: [] for one in chosen}
    for turn in range(options.rounds):
        print(f"round {turn + 1}", file=sys.stderr)
        for row in chosen:
            answers[row.name].append(_ask(row, options.seconds))
    print(workers.heading(each for found in answers.values() for each in found))
    print(workers.table(HEADS, [_line(row, answers) for row in timed]), end="\n\n")
    _compare(answers)
    failures = [
        (name, one["failed"]) for name, all_ in answers.items() for one in all_ if "failed" in one
    ]
    for name, why in failures:
        print(f"{name}: failed: {why}")
    print(f"raw numbers: {workers.save('ledger', {'options': vars(options), 'rows': answers})}")
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="a row and round")
    parser.add_argument("--only", default="", help="rows whose name contains this, and floors")
    parser.add_argument("--row", choices=[one.name for one in ROWS], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _ask(row: Row, seconds: float) -> dict[str, Any]:
    """What a fresh process of the right interpreter measures."""
    python = environments.python_of(row.peer)
    # On the disk that this file is on: a temporary folder may be in memory.
    folder = workers.RESULTS / "work-ledger"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [python, __file__, "--row", row.name, "--folder", folder, "--seconds", str(seconds)]
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=workers.LONGEST
    )
    shutil.rmtree(folder)
    if run.returncode:
        lines = run.stderr.strip().splitlines() or [f"exit status {run.returncode}"]
        return {"failed": lines[-1]}
    answer: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return answer


HEADS = (
    "appends, durable",
    "records/s",
    "to SQLite",
    "to fdatasync",
    "p50 us",
    "p99 us",
    "loop ns",
)


def _line(row: Row, answers: dict[str, list[dict[str, Any]]]) -> tuple[object, ...]:
    found = answers[row.name]
    if any("failed" in one for one in found):
        return (row.name, *("-",) * 6)
    rate = workers.medians(found, "rate")
    timed = "p50" in found[0]
    return (
        row.name,
        workers.digits(rate),
        f"{rate / workers.medians(answers[RAW], 'rate'):.2f}x",
        f"{rate / workers.medians(answers[FLUSH], 'rate'):.2f}x",
        workers.digits(workers.medians(found, "p50")) if timed else "-",
        workers.digits(workers.medians(found, "p99")) if timed else "-",
        workers.digits(workers.medians(found, "mood")),
    )


def _compare(answers: dict[str, list[dict[str, Any]]]) -> None:
    """The claims, each beside what was measured."""

    def rate(name: str) -> float:
        found = answers.get(name, [])
        known = found and not any("failed" in one for one in found)
        return workers.medians(found, "rate") if known else 0.0

    alone, best = rate("remit, 1 threads"), max(rate("remit, 64 threads"), rate("remit, 64 tasks"))
    aegis = "agent-aegis AuditLogger, 64"
    theirs = max(rate(f"{aegis} threads"), rate(f"{aegis} tasks"))
    if alone:
        print(f"one caller: {rate(RAW) / alone:.2f} times what SQLite takes (at most 1.3)")
    if ratios := [one["ratio"] for one in answers.get(TURNS, []) if "ratio" in one]:
        shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"one caller, by turns with SQLite in one process: {shown} times (at most 1.3)")
    if best and theirs:
        print(f"64 callers: {best / theirs:.1f} times agent-aegis (at least 8)")
    for name in (IDLE, LOCKED):
        if stalls := [one["stall"] for one in answers.get(name, []) if "stall" in one]:
            shown = ", ".join(f"{stall * 1000:.1f}" for stall in stalls)
            print(f"{name}: stood still for {shown} ms at most (at most 5)")
    if bulk := rate("remit, bulk"):
        print(f"in bulk: {bulk:,.0f} records/s, tree included (at least 100,000)")


def _measure(row: Row, folder: Path, seconds: float) -> dict[str, Any]:
    before = measure.mood()
    if row.how == "locked":
        return {"stall": _stall(row, folder, seconds)}
    if row.how == "turns":
        return {"ratio": _turns(folder, seconds)}
    sink, version = SINKS[row.sink](folder)
    drive = {"threads": _threads, "tasks": _tasks, "bulk": _bulk}[row.how]
    appended, taken, samples = drive(sink, row.callers, seconds)
    sink.close()
    if sink.stored() != appended:
        raise AssertionError(f"{appended} were appended, and {sink.stored()} are stored")
    answer = {"rate": appended / taken, "appended": appended, "version": version}
    timed = measure.summary(samples) if samples else {}
    return {**answer, **timed, "mood": (before + measure.mood()) / 2, "peak": measure.peak()}


Driven = tuple[int, float, list[int]]


def _threads(sink: Sink, callers: int, seconds: float) -> Driven:
    if sink.append is None:
        return _loops(sink, callers, seconds)
    append, ready = sink.append, threading.Barrier(callers + 1)
    samples: list[list[int]] = [[] for _ in range(callers)]

    def work(mine: list[int]) -> None:
        ready.wait()
        while (start := perf_counter()) < deadline:
            append()
            mine.append(int((perf_counter() - start) * 1e9))

    threads = [threading.Thread(target=work, args=(mine,)) for mine in samples]
    deadline = float("inf")
    for thread in threads:
        thread.start()
    start = perf_counter()
    deadline = start + seconds
    ready.wait()
    for thread in threads:
        thread.join()
    return _summed(samples, perf_counter() - start)


def _loops(sink: Sink, callers: int, seconds: float) -> Driven:
    """Threads that each have a loop, for a store that can only be awaited."""
    results: list[Driven] = []

    def work() -> None:
        results.append(_tasks(sink, 1, seconds))

    start = perf_counter()
    threads = [threading.Thread(target=work) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _summed([samples for _, _, samples in results], perf_counter() - start)


def _tasks(sink: Sink, callers: int, seconds: float) -> Driven:
    samples: list[list[int]] = [[] for _ in range(callers)]

    async def work(mine: list[int], deadline: float) -> None:
        while (start := perf_counter()) < deadline:
            if sink.aappend is None:
                assert sink.append is not None
                sink.append()  # there is no other form: the loop stands still
                await asyncio.sleep(0)
            else:
                await sink.aappend()
            mine.append(int((perf_counter() - start) * 1e9))

    async def run() -> None:
        deadline = perf_counter() + seconds
        await asyncio.gather(*(work(mine, deadline) for mine in samples))

    start = perf_counter()
    asyncio.run(run())
    return _summed(samples, perf_counter() - start)


def _turns(folder: Path, seconds: float) -> float:
    """How many times as long a lone append takes as one of SQLite, by turns in one process.

    The disk has moods of its own, which a row measured a minute later does not share.
    """
    sinks = [SINKS[name](folder)[0] for name in ("sqlite", "remit")]
    taken: list[list[int]] = [[], []]
    deadline = perf_counter() + seconds
    while perf_counter() < deadline:
        for sink, samples in zip(sinks, taken, strict=True):
            assert sink.append is not None
            samples.extend(measure.calls(sink.append, 50))
    for sink in sinks:
        sink.close()
    theirs, ours = map(sum, taken)
    return ours / theirs


def _stall(row: Row, folder: Path, seconds: float) -> float:
    """The longest time between two turns of a loop, while another process holds the file."""
    sink = None if row.sink == "idle" else SINKS["remit"](folder)[0]

    async def turn(deadline: float) -> float:
        last, longest = perf_counter(), 0.0
        while last < deadline:
            await asyncio.sleep(0)
            now = perf_counter()
            longest, last = max(longest, now - last), now
        return longest

    async def run() -> float:
        callers = [asyncio.ensure_future(sink.aappend()) for _ in range(row.callers) if sink]
        await asyncio.sleep(0.1)
        longest = await turn(perf_counter() + seconds)
        if any(caller.done() for caller in callers):
            raise AssertionError("the file was not locked")
        holder.rollback()
        await asyncio.gather(*callers)
        return longest

    with closing(sqlite3.connect(folder / "audit.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE" if sink else "BEGIN")
        return asyncio.run(run())


def _bulk(sink: Sink, _callers: int, seconds: float) -> Driven:
    assert sink.several is not None
    appended, start = 0, perf_counter()
    while perf_counter() - start < seconds:
        appended += sink.several()
    return appended, perf_counter() - start, []


def _summed(samples: list[list[int]], taken: float) -> Driven:
    every = [one for mine in samples for one in mine]
    return len(every), taken, every


if __name__ == "__main__":
    sys.exit(main())

"""What a ledger of a million records costs: to open, to grow, to prove, to list, to verify.

    python benchmarks/ledger_million.py
    python benchmarks/ledger_million.py --records 100000 --keep

Fills a ledger through its public interface, and lets a fresh process answer each
question, so that nothing is warm but the disk's cache. Ends with status 1 if a
question takes longer than it may, or memory grows with the log.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time

import measure
import workers

from remit.audit.record import Kind, Record
from remit.audit.tree import verify_inclusion
from remit.ledgers.query import Filter
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_log import SqliteLog
from remit.model import Action, Decision, Effect, Request, Session, Subject

BATCH = 4000
RUN = 20
"""Records of one run: ten calls, each with its end."""

MOST = {
    "open, s": 1.0,
    "inclusion proof, ms": 5.0,
    "consistency proof, ms": 5.0,
    "records of a run, ms": 50.0,
    "verify, s": 60.0,
}
MOST_MORE_MEMORY = 40.0
"""Megabytes that verifying the whole log may take beyond verifying its first tenth."""


def main() -> int:
    options = _options()
    if options.question:
        print(json.dumps(QUESTIONS[options.question](options.ledger)))
        return 0
    folder = workers.RESULTS / "work-million"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    speeds = _fill(folder, options.records)
    answers = {}
    for question in QUESTIONS:
        answers |= _ask(question, folder / "whole.db")
    tenth = _ask("verify", folder / "tenth.db")
    more = answers["verify, peak MB"] - tenth["verify, peak MB"]
    print(f"\n{options.records:,} records, {(folder / 'whole.db').stat().st_size / 1e6:,.0f} MB")
    for name, (rate, each) in (("first", speeds[0]), ("last", speeds[-1])):
        print(f"appended, the {name} tenth: {rate:,.0f}/s, {each:.1f} us of processor each")
    failed = [name for name, most in MOST.items() if answers[name] > most]
    rows = [(name, f"{value:,.2f}", MOST.get(name, "")) for name, value in answers.items()]
    print(workers.table(("what", "measured", "at most"), rows))
    print(f"verifying it took {more:.1f} MB more than verifying a log of a tenth of the size")
    if more > MOST_MORE_MEMORY:
        failed.append("memory")
    saved = {"records": options.records, "speeds": speeds, "answers": answers, "tenth": tenth}
    print(f"raw numbers: {workers.save('ledger_million', saved)}")
    if not options.keep:
        shutil.rmtree(folder)
    print(f"too much: {', '.join(failed)}" if failed else "all within what they may take")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--keep", action="store_true", help="leave the ledger where it is")
    parser.add_argument("--question", choices=QUESTIONS, help=argparse.SUPPRESS)
    parser.add_argument("--ledger", help=argparse.SUPPRESS)
    return parser.parse_args()


def _records(first: int, end: int) -> Iterator[Record]:
    for number in range(first, end):
        started = number % 2 == 0
        request = Request(
            Subject("agent", f"agent-{number % 50}"),
            Action(f"tool-{number % 97}", {"order": f"o-{number}", "amount": number % 1000}),
            session=Session(f"run-{number // RUN}"),
        )
        decision = Decision(Effect.ALLOW, "small amounts are fine", rules=("small",))
        kind = Kind.STARTED if started else Kind.RETURNED
        at = 1_795_262_400_000_000_000 + number * 1_000_000
        yield Record(kind, f"c-{number // 2}", at, request, decision)


def _fill(folder: Path, size: int) -> list[tuple[float, float]]:
    """Records per second, and microseconds of processor a record, for each tenth."""
    tenth = max(size // 10, 1)
    taken = []
    with SqliteLedger(folder / "whole.db") as ledger:
        for part in range(10):
            first = part * tenth
            end = size if part == 9 else first + tenth
            start, worked = perf_counter(), process_time()
            for at in range(first, end, BATCH):
                ledger.append_all(_records(at, min(end, at + BATCH))).result()
            each = (process_time() - worked) * 1e6 / (end - first)
            taken.append(((end - first) / (perf_counter() - start), each))
            print(f"{end:,} records, {taken[-1][0]:,.0f}/s, {each:.1f} us each", file=sys.stderr)
    with SqliteLedger(folder / "tenth.db") as ledger:
        for at in range(0, tenth, BATCH):
            ledger.append_all(_records(at, min(tenth, at + BATCH))).result()
    return taken


def _ask(question: str, ledger: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--question", question, "--ledger", str(ledger)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    answer: dict[str, float] = json.loads(run.stdout)
    return answer


def _open(path: str) -> dict[str, float]:
    start = perf_counter()
    with SqliteLedger(path) as ledger:
        ledger.append_all(_records(0, 1)).result()
        taken = perf_counter() - start
    return {"open, s": taken}


def _proofs(path: str) -> dict[str, float]:
    log = SqliteLog(path)
    size, root = log.size(), log.root()
    places = [size * n // 50 for n in range(50)] + [size - 1]
    taken = {"inclusion proof, ms": [], "consistency proof, ms": []}
    for index in places:
        start = perf_counter()
        proof = log.inclusion_proof(index)
        taken["inclusion proof, ms"].append(perf_counter() - start)
        assert verify_inclusion(log.entry(index).hash, index, size, proof, root)
        start = perf_counter()
        log.consistency_proof(index + 1)
        taken["consistency proof, ms"].append(perf_counter() - start)
    return {name: statistics.median(each) * 1000 for name, each in taken.items()} | {
        f"slowest {name}": max(each) * 1000 for name, each in taken.items()
    }


def _run(path: str) -> dict[str, float]:
    log = SqliteLog(path)
    session = log.entry(log.size() // 2).facts().session
    start = perf_counter()
    found = list(log.select(Filter(session=session)))
    taken = perf_counter() - start
    assert len(found) == RUN
    return {"records of a run, ms": taken * 1000}


def _verify(path: str) -> dict[str, float]:
    start = perf_counter()
    found = SqliteLog(path).verify()
    taken = perf_counter() - start
    assert found.intact
    assert found.signed == found.size
    return {"verify, s": taken, "verify, peak MB": measure.peak()}


QUESTIONS = {"open": _open, "proofs": _proofs, "run": _run, "verify": _verify}

if __name__ == "__main__":
    sys.exit(main())

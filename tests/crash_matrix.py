"""Kill a process at every step of governed calls and approvals, and see what is left.

    python tests/crash_matrix.py --repetitions 50 --ledger sqlite --ledger postgres

A child makes calls: one that policy allows, one that somebody has to approve, one that somebody
refuses. It is killed with SIGKILL when it reaches a chosen line of a chosen module for the n-th
time, in whichever thread. What it did is a row in another database; what it was told it wrote to
a file. Then another child makes the same calls, and nobody approves anything again. After each:

- the log verifies: nothing is missing, changed, or out of order;
- whatever a caller was told is on record, is;
- whatever was done has its `started` record, and was done once;
- what needed an approval was done only if there is one, and at most once for it.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import remit
from remit import Guard, Policy, Session, Subject
from remit.approvers.inbox import Inbox
from remit.audit.case import Docket
from remit.audit.record import Kind
from remit.call import Call
from remit.errors import Blocked
from remit.ledgers.query import Filter
from remit.ledgers.sqlite import SqliteLedger

SOURCE = Path(remit.__file__).parent
WATCHED = {
    "sqlite": (
        "call.py", "recording.py", "asking.py", "protection.py", "approvers/inbox.py",
        "approvers/desk.py", "audit/case.py", "ledgers/sqlite_writer.py",
        "ledgers/sqlite_worker.py", "ledgers/handover.py", "ledgers/jobs.py",
        "ledgers/sqlite_store.py", "ledgers/sqlite_docket.py",
    ),
    "postgres": (
        "call.py", "recording.py", "asking.py", "approvers/inbox.py", "approvers/desk.py",
        "audit/case.py", "ledgers/sqlite_writer.py", "ledgers/sqlite_worker.py",
        "ledgers/handover.py", "ledgers/postgres_store.py", "ledgers/postgres_docket.py",
    ),
}  # fmt: skip

POLICY = Policy.parse("""
remit: 1
rules:
  - {id: small, action: refund, when: args.amount <= 100, effect: allow}
  - {id: large, action: refund, when: args.amount > 100, effect: ask, approvers: ["role:manager"]}
""")
MARIA = Subject("user", "maria", {"roles": ["manager"]})
SESSION = Session("s-1", user="ursula")

Point = tuple[str, int]
Open = Callable[[], Any]


def work(open_ledger: Open, effects: Path, told: Path, *, people: bool) -> None:
    """The calls, made as a program makes them: if one is refused, on with the next."""
    with open_ledger() as ledger, closing(sqlite3.connect(effects, isolation_level=None)) as done:
        inbox = Inbox(ledger)
        guard = Guard(POLICY, ledger=ledger, approver=inbox)

        @guard.protect
        def refund(order: str, amount: int) -> str:
            done.execute("INSERT INTO effect VALUES (?, ?)", (order, amount))
            return order

        def say(what: str, which: str) -> None:
            with told.open("a") as file:
                file.write(f"{what} {which}\n")

        def attempt(order: str, amount: int) -> str:
            try:
                refund(order, amount)
            except remit.Pending as pending:
                say("asked", pending.approval_request.id)
                return pending.approval_request.id
            except remit.Denied:
                say("refused", order)
            else:
                say("done", order)
            return ""

        with remit.acting_as("agent:support", session=SESSION):
            attempt("small", 10)
            asked = attempt("large", 200)
            if people and asked:
                inbox.approve(asked, MARIA)
                say("approved", asked)
            attempt("large", 200)
            attempt("large", 200)
            denied = attempt("bad", 300)
            if people and denied:
                inbox.refuse(denied, MARIA)
                say("answered", denied)
            attempt("bad", 300)


def traced(modules: tuple[str, ...], reach: Callable[[Point], None]) -> None:
    """Have every line of *modules* reported to *reach*, from every thread."""
    files = {str(SOURCE / module): module for module in modules}

    def lines(frame: Any, event: str, _: Any) -> Any:
        if event == "line":
            reach((files[frame.f_code.co_filename], frame.f_lineno))
        return lines

    def calls(frame: Any, _: str, __: Any) -> Any:
        return lines if frame.f_code.co_filename in files else None

    threading.settrace(calls)
    sys.settrace(calls)


def child(body: Callable[[], None]) -> int:
    """Run *body* in a fork; the signal that ended it, or 0."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            body()
            code = 0
        except BaseException:  # noqa: BLE001 - the parent is told by the code
            sys.excepthook(*sys.exc_info())
        finally:
            sys.settrace(None)
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise AssertionError(f"a child failed with code {os.WEXITSTATUS(status)}")
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def points(modules: tuple[str, ...], run: Callable[[], None], report: Path) -> dict[Point, int]:
    """How often each line is reached when nobody is killed."""

    def body() -> None:
        reached: Counter[Point] = Counter()
        traced(modules, lambda point: reached.update([point]))
        run()
        sys.settrace(None)
        rows = (f"{count} {line} {file}\n" for (file, line), count in reached.items())
        report.write_text("".join(rows))

    child(body)
    rows = (row.split(" ", 2) for row in report.read_text().splitlines())
    return {(file, int(line)): int(count) for count, line, file in rows}


def killed_at(modules: tuple[str, ...], point: Point, nth: int, run: Callable[[], None]) -> bool:
    """Run *run* in a child that is killed when it reaches *point* for the *nth* time."""
    left = [nth]

    def reach(reached: Point) -> None:
        if reached == point:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def body() -> None:
        traced(modules, reach)
        run()

    return child(body) == signal.SIGKILL


def violations(ledger: Any, effects: Path, told: Path) -> Iterator[str]:
    """What is wrong with what is left."""
    for finding in ledger.verify().findings:
        if finding.breaks:
            yield f"{finding.kind}: {finding.message}"
    records = [(stored.facts(), stored.details()) for stored in ledger.select(Filter())]
    started = [(leaf, facts) for leaf, facts in records if leaf.kind is Kind.STARTED]
    orders = Counter(facts["args"]["order"] for _, facts in started)
    with closing(sqlite3.connect(effects)) as connection:
        done = Counter(order for (order,) in connection.execute("SELECT name FROM effect"))
    for order, times in done.items():
        if times > orders[order]:
            yield f"{order} was done {times} times and started {orders[order]} times"
    if done["large"] > 1 or done["bad"]:
        yield f"what needed approval was done: {dict(done)}"
    answered = {
        leaf.approval for leaf, _ in records if leaf.kind is Kind.ANSWERED and leaf.approved
    }
    for leaf, facts in started:
        if facts["args"]["order"] != "small" and not set(leaf.uses) <= answered - {""}:
            yield f"call {leaf.call} started on approvals {leaf.uses} that nobody gave"
        if facts["args"]["order"] != "small" and not leaf.uses:
            yield f"call {leaf.call} started without an approval"
    yield from _lost(records, told)


def _lost(records: list[tuple[Any, Any]], told: Path) -> Iterator[str]:
    kinds: dict[str, set[str]] = {}
    for leaf, facts in records:
        names = {leaf.approval, (facts or {}).get("args", {}).get("order", "")}
        for name in names - {""}:
            kinds.setdefault(name, set()).add(leaf.kind)
    wants = {"asked": "asked", "approved": "answered", "answered": "answered", "done": "started"}
    for line in told.read_text().splitlines() if told.exists() else ():
        what, which = line.split(" ")
        if wants.get(what, "refused") not in kinds.get(which, set()):
            yield f"a caller was told {line!r}, and it is not on record"


@contextmanager
def stage(kind: str, server: Any) -> Iterator[tuple[Open, Path, Path]]:
    """An empty ledger, an empty database of effects, and a file for what callers were told."""
    # A killed process loses nothing that the system was given, so it need not reach a disk.
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        effects, told = Path(folder, "effects.db"), Path(folder, "told")
        with closing(sqlite3.connect(effects)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("CREATE TABLE effect (name TEXT, amount INTEGER)")
            connection.commit()
        if kind == "sqlite":
            yield (lambda: SqliteLedger(Path(folder, "audit.db"))), effects, told
            return
        from postgres_server import KEY, PostgresLedger

        url = server.empty()
        yield (lambda: PostgresLedger(url, signer=KEY)), effects, told


def schedule(kind: str, server: Any, point: Point, nth: int) -> tuple[bool, list[str]]:
    """Kill a child there, look, go on with another, and look again."""
    with stage(kind, server) as (open_ledger, effects, told):
        died = killed_at(
            WATCHED[kind], point, nth, lambda: work(open_ledger, effects, told, people=True)
        )
        found = []
        for _ in range(2):
            with open_ledger() as ledger:
                found += list(violations(ledger, effects, told))
            if not found:
                child(lambda: work(open_ledger, effects, told, people=False))
        with open_ledger() as ledger:
            found += list(violations(ledger, effects, told))
        return died, found


class Outcome(NamedTuple):
    """What a campaign tried, and what it found."""

    lines: int
    schedules: int
    deaths: int
    wrong: list[str]


def campaign(
    kind: str, server: Any, repetitions: int = 1, most: int | None = None, seed: int = 1
) -> Outcome:
    """Kill children at *most* lines, each so many times."""
    chance = random.Random(seed)
    with stage(kind, server) as (open_ledger, effects, told):
        report = effects.with_name("points")
        reached = points(
            WATCHED[kind], lambda: work(open_ledger, effects, told, people=True), report
        )
    chosen = sorted(reached)
    if most is not None:
        chosen = sorted(chance.sample(chosen, min(most, len(chosen))))
    deaths, tried, wrong = 0, 0, list[str]()
    began = time.monotonic()
    for number, point in enumerate(chosen):
        for _ in range(repetitions):
            nth = chance.randint(1, reached[point])
            died, found = schedule(kind, server, point, nth)
            tried, deaths = tried + 1, deaths + died
            wrong += [f"{kind} {point[0]}:{point[1]} time {nth}: {each}" for each in found]
        if sys.stderr.isatty():
            took = time.monotonic() - began
            print(
                f"\r{kind} {number + 1}/{len(chosen)} lines, {took:.0f} s", end="", file=sys.stderr
            )
    return Outcome(len(chosen), tried, deaths, wrong)


def without_use() -> None:
    """Approvals are not used up."""
    Docket._use = lambda self, move: None  # type: ignore[method-assign]


def without_start() -> None:
    """The small refund runs without a record that it starts."""
    honest = Call.open

    async def open_(call: Call) -> Blocked | None:
        small = call.request.action.properties.get("order") == "small"
        return None if small else await honest(call)

    Call.open = open_  # type: ignore[method-assign]


BREAKS = {"use": without_use, "start": without_start}
"""What would be noticed."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=1)
    parser.add_argument("--points", type=int, help="lines chosen by chance; all, if left out")
    parser.add_argument("--ledger", action="append", choices=sorted(WATCHED))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without", choices=sorted(BREAKS), help="break it, to see it noticed")
    options = parser.parse_args()
    if options.without:
        BREAKS[options.without]()
    bad = 0
    with ExitStack() as stack:
        for kind in options.ledger or ["sqlite"]:
            server = None
            if kind == "postgres":
                from postgres_server import running

                server = stack.enter_context(running())
            found = campaign(kind, server, options.repetitions, options.points, options.seed)
            print(
                f"{kind}: {found.lines} lines, {found.schedules} schedules, "
                f"{found.deaths} processes killed, {len(found.wrong)} violations"
            )
            for each in found.wrong[:20]:
                print(f"  {each}")
            bad += len(found.wrong)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())

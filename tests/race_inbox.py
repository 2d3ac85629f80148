"""Processes race for the approvals of one inbox: how many calls does each release?

    python tests/race_inbox.py --orders 10000 --processes 8 --ledger sqlite

Every order is a call that needs an approval. Some are approved, and some are not: never answered,
refused, approved by too few, approved and taken back, withdrawn, too old, or approved for other
arguments. Then all processes make all calls, each in an order of its own. An approved call has to
run once, and the others never.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import remit
from remit import Guard, Policy, Session, Subject
from remit.approvers.inbox import Inbox
from remit.ledgers.sqlite import SqliteLedger

POLICY = Policy.parse("""
remit: 1
rules:
  - {id: one, action: refund, when: args.people == 1, effect: ask, approvers: ["role:manager"]}
  - id: two
    action: refund
    when: args.people == 2
    effect: ask
    approvers: ["role:manager"]
    quorum: 2
""")
MARIA = Subject("user", "maria", {"roles": ["manager"]})
SESSION = Session("s-1", user="ursula")
HOUR = 3600 * 10**9


class Clock:
    def __init__(self) -> None:
        self.behind = 0

    def __call__(self) -> int:
        return time.time_ns() - self.behind


def approve(inbox: Inbox, asked: str) -> None:
    inbox.approve(asked, MARIA)


def refuse(inbox: Inbox, asked: str) -> None:
    inbox.refuse(asked, MARIA)


def take_back(inbox: Inbox, asked: str) -> None:
    inbox.approve(asked, MARIA)
    inbox.refuse(asked, MARIA)


def withdraw(inbox: Inbox, asked: str) -> None:
    inbox.approve(asked, MARIA)
    inbox.withdraw(asked, MARIA)


def nothing(inbox: Inbox, asked: str) -> None:
    pass


FATES: dict[str, tuple[Callable[[Inbox, str], None], int]] = {
    "approved": (approve, 1),
    "also approved": (approve, 1),
    "never answered": (nothing, 1),
    "refused": (refuse, 1),
    "taken back": (take_back, 1),
    "withdrawn": (withdraw, 1),
    "too old": (approve, 1),
    "for other arguments": (approve, 1),
    "by too few": (approve, 2),
}
"""What becomes of a question, and how many people it takes."""


def prepare(open_ledger: Callable[..., Any], orders: int, seed: int) -> dict[str, str]:
    """Ask about every order, and let people do something about it: what, by its name."""
    chance = random.Random(seed)
    fates = {f"o-{n}": chance.choice(sorted(FATES)) for n in range(orders)}
    clock = Clock()
    with open_ledger(clock=clock) as ledger, remit.acting_as("agent:support", session=SESSION):
        inbox = Inbox(ledger, clock=clock)
        guard = Guard(POLICY, ledger=ledger, approver=inbox, clock=clock)
        for order, fate in fates.items():
            act, people = FATES[fate]
            clock.behind = HOUR if fate == "too old" else 0
            note = "other" if fate == "for other arguments" else ""
            asked = guard.request("refund", order=order, people=people, note=note)
            try:
                guard.call(asked, lambda: None)
            except remit.Pending as pending:
                act(inbox, pending.approval_request.id)
    return fates


def race(
    open_ledger: Callable[..., Any], effects: Path, fates: dict[str, str], seed: int, go: Any
) -> None:
    """Make all calls, as one of several processes."""
    order_of = list(fates)
    random.Random(seed).shuffle(order_of)
    with open_ledger() as ledger, closing(sqlite3.connect(effects, timeout=60)) as done:
        guard = Guard(POLICY, ledger=ledger, approver=Inbox(ledger))
        go.wait()
        with remit.acting_as("agent:support", session=SESSION):
            for order in order_of:
                asked = guard.request("refund", order=order, people=FATES[fates[order]][1], note="")

                def execute(order: str = order) -> None:
                    done.execute("INSERT INTO effect VALUES (?)", (order,))
                    done.commit()

                try:
                    guard.call(asked, execute)
                except remit.Blocked:
                    continue


def sqlite_at(path: Path, **options: Any) -> Any:
    return SqliteLedger(path, patience=60, **options)


def postgres_at(url: str, **options: Any) -> Any:
    from postgres_server import KEY, PostgresLedger

    return PostgresLedger(url, signer=KEY, patience=60, **options)


def compete(
    open_ledger: Callable[..., Any], folder: Path, orders: int, processes: int, seed: int
) -> tuple[float, list[str]]:
    """Seconds that it took, and what ran that should not have, or did not."""
    effects = folder / "effects.db"
    with closing(sqlite3.connect(effects)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE effect (name TEXT)")
    fates = prepare(open_ledger, orders, seed)
    context = multiprocessing.get_context("spawn")
    go = context.Barrier(processes + 1)
    racers = [
        context.Process(target=race, args=(open_ledger, effects, fates, seed + n, go))
        for n in range(processes)
    ]
    for racer in racers:
        racer.start()
    go.wait()
    began = time.monotonic()
    for racer in racers:
        racer.join()
    took = time.monotonic() - began
    wrong = [f"a process ended with {racer.exitcode}" for racer in racers if racer.exitcode]
    with closing(sqlite3.connect(effects)) as connection:
        ran = Counter(name for (name,) in connection.execute("SELECT name FROM effect"))
    for order, fate in fates.items():
        wanted = int(fate in {"approved", "also approved"})
        if ran[order] != wanted:
            wrong.append(f"{order} was {fate}, and ran {ran[order]} times")
    with open_ledger() as ledger:
        wrong += [each.message for each in ledger.verify().findings if each.breaks]
    return took, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--ledger", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        from functools import partial

        if options.ledger == "sqlite":
            open_ledger = partial(sqlite_at, folder / "audit.db")
            took, wrong = compete(
                open_ledger, folder, options.orders, options.processes, options.seed
            )
        else:
            from postgres_server import running

            with running() as server:
                open_ledger = partial(postgres_at, server.empty())
                took, wrong = compete(
                    open_ledger, folder, options.orders, options.processes, options.seed
                )
    attempts = options.orders * options.processes
    print(
        f"{options.ledger}: {options.orders} approvals, {options.processes} processes, "
        f"{attempts} attempts in {took:.1f} s, {len(wrong)} violations"
    )
    for each in wrong[:20]:
        print(f"  {each}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

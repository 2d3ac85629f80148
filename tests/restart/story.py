"""One process of a story in three: ask, answer, go on. Run as a program, by test_restart.py.

    python story.py ask|resume FRAMEWORK FOLDER

In FOLDER lie the ledger, what the framework keeps of its runs, and the bank: the database in
which every refund that was really made is a row.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import remit

ASK = """
remit: 1
rules:
  - {id: large, action: refund, effect: ask, approvers: ['role:manager'], reason: Large}
"""
TIGHTENED = "remit: 1\nrules:\n  - {id: closed, action: refund, effect: deny, reason: Closed}\n"
OTHER_TERMS = ASK.replace("role:manager", "role:director")
LOOSENED = "remit: 1\nrules:\n  - {id: open, action: refund, effect: allow}\n"


@dataclass(frozen=True)
class Run:
    """What is asked in one run, what people answer, and what is to come of it."""

    orders: dict[str, str]
    """The answer to each."""
    paid: set[str] = field(default_factory=set)
    policy: str = ASK
    """When it goes on."""


RUNS = {
    "approved": Run({"a1": "approve"}, {"a1"}),
    "rejected": Run({"b1": "refuse"}),
    "unanswered": Run({"c1": ""}),
    "two": Run({"d1": "approve", "d2": "refuse"}, {"d1"}),
    "both": Run({"e1": "approve", "e2": "approve"}, {"e1", "e2"}),
    "half": Run({"f1": "approve", "f2": ""}, {"f1"}),
    "approved, then forbidden": Run({"g1": "approve"}, policy=TIGHTENED),
    "approved, then for others": Run({"h1": "approve"}, policy=OTHER_TERMS),
    "rejected, then allowed": Run({"i1": "refuse", "i2": "approve"}, {"i2"}, policy=LOOSENED),
    "unanswered, then allowed": Run({"j1": ""}, {"j1"}, policy=LOOSENED),
}
AMOUNT = 500


@dataclass(frozen=True)
class Process:
    """What a framework is given."""

    folder: Path
    """Where it keeps its runs."""
    guard: remit.Guard
    refund: Callable[[str, int], str]
    run: str
    times: int
    """How often what was kept is taken up: once, where policy has come to allow it anyway."""

    @property
    def kept(self) -> Path:
        return self.folder / f"{self.run}.json"


def main(step: str, framework: str, folder: Path) -> None:
    ledger = remit.SqliteLedger(folder / "audit.db")
    inbox = remit.Inbox(ledger)
    own = folder / framework

    def refund(order: str, amount: int) -> str:
        """Refund an order."""
        with sqlite3.connect(folder / "bank.db", timeout=60) as bank:
            bank.execute("INSERT INTO refund VALUES (?, ?, ?)", (framework, order, amount))
        bank.close()
        return f"refunded {amount}"

    act: Any = getattr(import_module(f"on_{framework}"), step)
    for name, run in RUNS.items():
        text = ASK if step == "ask" else run.policy
        guard = remit.Guard(remit.Policy.parse(text), ledger=ledger, approver=inbox)
        session = remit.Session(f"{framework}: {name}", user="ursula")
        with remit.acting_as("agent:support", session=session):
            times = 1 if run.policy is LOOSENED else 2
            act(Process(own, guard, refund, name, times), list(run.orders))
    ledger.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))

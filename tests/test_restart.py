"""Ask, exit; somebody answers in another process; a new process goes on, and it happens once.

Each framework has ten runs that wait (restart/story.py), and takes each up twice from what it
kept, as after a crash, and also as somebody would who can write what it keeps.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import remit
from remit.audit.findings import FindingKind
from remit.audit.record import Kind

STORY = Path(__file__).parent / "restart"
sys.path.append(str(STORY))
from story import AMOUNT, RUNS  # noqa: E402 - a program of its own

FRAMEWORKS = {
    "plain_guard": "remit",
    "openai_agents": "agents",
    "langgraph": "langgraph.checkpoint.sqlite",
    "pydantic_ai": "pydantic_ai",
}


def processes(*arguments: list[str]) -> None:
    """Run some programs of the story beside each other, to their ends."""
    running = [
        subprocess.Popen([sys.executable, *each], cwd=STORY, stderr=subprocess.PIPE, text=True)
        for each in arguments
    ]
    errors = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0] * len(running), "\n".join(errors)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    for module in FRAMEWORKS.values():
        pytest.importorskip(module)
    folder = tmp_path_factory.mktemp("restart")
    remit.SqliteLedger(folder / "audit.db").close()
    with sqlite3.connect(folder / "bank.db") as bank:
        bank.execute("CREATE TABLE refund (framework TEXT, item TEXT, amount INT)")
    bank.close()
    for name in FRAMEWORKS:
        (folder / name).mkdir()
    for step in ("ask", "resume"):
        processes(*(["story.py", step, name, str(folder)] for name in FRAMEWORKS))
        if step == "ask":
            assert rows(folder) == []
            processes(["answer.py", str(folder)])
    return folder


def rows(folder):
    with sqlite3.connect(folder / "bank.db") as bank:
        found = bank.execute("SELECT framework, item, amount FROM refund").fetchall()
    bank.close()
    return found


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_was_approved_happens_once_and_nothing_else_happens(folder, framework, run):
    paid = [
        (item, amount)
        for name, item, amount in rows(folder)
        if name == framework and item in RUNS[run].orders
    ]
    expected = [(order, AMOUNT) for order in sorted(RUNS[run].paid)]
    assert sorted(paid) == expected


def test_every_effect_is_on_record_and_no_approval_released_two(folder):
    ledger = remit.SqliteLedger(folder / "audit.db")
    started = [each for each in ledger.select() if each.facts().kind is Kind.STARTED]
    assert len(started) == len(rows(folder))
    findings = {finding.kind for finding in ledger.verify().findings}
    assert findings <= {FindingKind.UNSIGNED}
    ledger.close()

"""`remit runs`: what agents did, as a list and as a tree."""

from __future__ import annotations

import signal
import subprocess

import pytest
from cli_shell import SCRIPT, Shell, environment

import remit as library
from remit import Guard, Policy, SqliteLedger

RULES = """
remit: 1
rules:
  - {id: small, action: refund, when: args.amount <= 100, effect: allow}
  - {id: go, action: run.*, effect: allow}
"""


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".remit").mkdir()
    for name in ("REMIT_POLICY", "REMIT_LEDGER", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return Shell(capsys)


@pytest.fixture
def runs(remit):
    """A run with another one inside, and one that failed; their ids."""
    with SqliteLedger(".remit/ledger.db") as ledger:
        guard = Guard(Policy.parse(RULES), ledger=ledger)

        @guard.protect
        def refund(order: str, amount: int):
            return amount

        with library.run("triage", agent="support", guard=guard, check=["end"]) as outer:
            library.step("read the ticket", output={"tickets": 3})
            with library.run("lookup", agent="search", guard=guard) as inner:
                library.retrieval("rules", ["page 3"], source="wiki\x1b[2J")
                inner.model("m-1", input_tokens=1000, output_tokens=20, cost=0.0031)
                inner.model("m-2", cost=None)
            refund("o-1", 5)
            with pytest.raises(library.Denied):
                refund("o-2", 500)
        with pytest.raises(LookupError), library.run(agent="support", guard=guard) as failed:
            raise LookupError
    return outer.id, inner.id, failed.id


def test_runs_are_listed_with_what_they_took(remit, runs):
    listed = remit("runs", "list")
    assert [line.split()[0] for line in listed.out.splitlines()] == ["run", *runs]
    outer, _, failed = remit("runs", "list", "--json").lines
    assert (outer["used"]["calls"], outer["used"]["tokens"]) == ({"refund": 1}, 1020)
    assert (outer["outcome"], failed["outcome"]) == ("ended", "LookupError")
    (only,) = remit("runs", "list", "--subject", "search", "--json").lines
    assert (only["id"], only["parent"]) == (runs[1], runs[0])
    assert len(remit("runs", "list", "--limit", "1", "--json").lines) == 1
    assert remit("runs", "list", "--subject", "nobody").out == "no such run\n"


def test_a_run_is_drawn_as_a_tree_with_the_runs_inside_it(remit, runs):
    lines = remit("runs", "show", runs[0]).out.splitlines()
    assert lines[0].startswith(f"run {runs[0]}  agent:support triage")
    assert "1,020 tokens  $0.0031  1 model call of unknown cost" in lines[0]
    assert 'step      read the ticket, output={"tickets":3}' in lines[1]
    assert lines[2].startswith(f"├─ run {runs[1]}  agent:search lookup")
    assert lines[3].startswith("│  ├─")
    assert "source=wiki\\x1b[2J" in lines[3]
    assert "refund(order=o-1, amount=5) returned (small)" in lines[6]
    assert "refund(order=o-2, amount=500) refused" in lines[7]
    assert "run.end() returned (go)" in lines[-1]


def test_a_run_that_is_cut_off_is_open(remit):
    with SqliteLedger(".remit/ledger.db") as ledger:
        block = library.run(guard=Guard(Policy(), ledger=ledger))
        run = block.__enter__()
        library.step("half")
        ledger.checkpoint()
        shown = remit("runs", "show", run.id)
        block.__exit__(None, None, None)
    assert " open" in shown.out.splitlines()[0]


def test_a_run_that_is_not_there_is_an_error(remit, runs):
    ended = remit("runs", "show", "nothing")
    assert (ended.code, "has no run nothing" in ended.err) == (1, True)


def test_what_happens_is_printed_as_it_happens(remit, runs):
    tail = subprocess.Popen(
        [SCRIPT, "runs", "tail", "--all"], stdout=subprocess.PIPE, text=True,
        env=environment(PYTHONUNBUFFERED="1"),
    )  # fmt: skip
    seen = [tail.stdout.readline() for _ in range(3)]
    with (
        SqliteLedger(".remit/ledger.db") as ledger,
        library.run(guard=Guard(Policy(), ledger=ledger)),
    ):
        library.step("something new")
    while "something new" not in seen[-1]:
        seen.append(tail.stdout.readline())
    tail.send_signal(signal.SIGINT)
    assert tail.wait(30) == 130
    tail.stdout.close()
    assert runs[0] in seen[0]

"""What tests of Waxell's names need: a guard for the program, what it recorded, and a terminal."""

from __future__ import annotations

import io

import pytest

from remit import Guard, MemoryLedger, Policy
from remit.audit.record import Kind
from remit.compat import waxell

GO = "{id: runs, action: 'run.*', effect: allow}"
TOOLS = "{id: tools, action: '*', resource: 'tool:*', effect: allow}"


class Terminal(io.StringIO):
    """Standard input that is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def guarded(monkeypatch):
    """From rules to the guard of the program."""

    def make(*rules, **options):
        text = "".join(f"  - {rule}\n" for rule in rules)
        policy = Policy.parse(f"remit: 1\nrules:\n{text}")
        guard = Guard(policy, ledger=MemoryLedger(), **options)
        monkeypatch.setattr("remit.default._guard", guard)
        return guard

    yield make
    waxell.shutdown()


def records(guard):
    return guard.ports.ledger.records


def told(guard, what):
    """The facts of everything of this kind that runs told."""
    return [
        dict(record.request.action.properties)
        for record in records(guard)
        if record.kind is Kind.NOTED and record.request.action.name == f"run.{what}"
    ]


def kinds(guard, action=None):
    """What became of the calls of an action, in order."""
    return [
        record.kind.value
        for record in records(guard)
        if record.kind is not Kind.NOTED
        and (action is None or record.request.action.name == action)
    ]

"""What tests of Waxell's names need: a guard for the program, what it recorded, and a terminal."""

from __future__ import annotations

import io

import pytest

from remit import Guard, MemoryLedger, Policy
from remit.audit.record import Kind
from remit.compat import waxell

GO = "{id: runs, action: 'run.*', effect: allow}"
TOOLS = "{id: tools, action: '*', resource: 'tool:*', effect: allow}"


NO_TOUCH = "{id: no, action: touch, effect: deny, reason: hands off}"
STOP = "{id: stop, action: run.step, when: 'args.name == \"bad\"', effect: deny, reason: stopped}"
ASK = "{id: ask, action: run.start, effect: ask, reason: somebody has to agree}"
ASK_STEP = "{id: ask, action: run.step, when: 'args.name == \"bad\"', effect: ask}"
ASK_TOUCH = "{id: ask, action: touch, effect: ask}"
RUDE = (
    "{{id: polite, action: run.end, when: 'args.output == \"damn\"', effect: deny, reason: Rude{}}}"
)
HIDE = (
    "{id: hide, action: run.start, effect: allow,"
    " obligations: [{type: redact_arguments, fields: [ssn], types: [email]}]}"
)


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


@pytest.fixture
def touched():
    return []


@pytest.fixture
def touch(touched):
    @waxell.tool
    def touch(what: str = "") -> str:
        touched.append(what)
        return what

    return touch


def args_of(guard, action):
    return [
        dict(each.request.action.properties)
        for each in records(guard)
        if each.request.action.name == action and each.kind is Kind.STARTED
    ]


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

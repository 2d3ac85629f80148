"""What tests of Kite Logik's names need: sessions, gates, and a tool that says when it runs."""

from __future__ import annotations

import pytest

from remit.compat.kitelogik import GovernanceError, PolicyGate, SessionContext, governed
from remit.compat.kitelogik.native import Native
from remit.ledgers.memory import MemoryLedger

OPEN = "version: 1\nrules:\n  - {name: all, when: {role: [support_agent, manager]}, then: allow}\n"


def context(*scopes, role="support_agent", session="s-1", **fields):
    return SessionContext(session_id=session, user_role=role, session_scopes=list(scopes), **fields)


CLERK = context("approve_refund", "read_customer")
ANYBODY = context()


@pytest.fixture
def native(tmp_path):
    def native(source=None):
        if source is None:
            return Native.of_project()
        path = tmp_path / "policy.yaml"
        path.write_text(source, encoding="utf-8")
        return Native.load(path)

    return native


@pytest.fixture
def gate(native):
    """From the text of a policy, or that of a new project, to a gate."""
    return lambda source=None, **options: PolicyGate(
        native(source), ledger=MemoryLedger(), **options
    )


def kinds(gate):
    return [each.facts().kind for each in gate.ledger.select()]


def call(gate, action, args, session=CLERK):
    """What comes of calling a tool that says so when it runs."""
    ran = []
    tool = governed(gate, session, action)(lambda **given: ran.append(given) or "ran")
    try:
        tool(**args)
    except GovernanceError as error:
        assert ran == []
        return error.decision
    assert len(ran) == 1
    return "ran"


def flags(decision):
    return (decision.allow, decision.deny, decision.requires_hitl)


ALLOWED, DENIED, ASKED, SOFT = (
    (True, False, False), (False, True, False), (False, False, True), (False, False, False),
)  # fmt: skip

"""The inbox against a slow and obvious model of it, and processes that race for its approvals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from inbox_contract import Clock, Desk

from remit import Blocked, Conflict, MemoryLedger, Pending, Session, Subject

TTL, WITHIN = 900, 86400
POLICY = """
remit: 1
rules:
  - {id: two, action: refund, effect: ask, approvers: ["role:manager"], quorum: 2, expires: 15m}
"""
PEOPLE = {
    name: Subject("user", name, {"roles": roles})
    for name, roles in {
        "maria": ["manager"],
        "boris": ["manager"],
        "carla": ["manager"],
        "dora": ["clerk"],
        "ursula": ["manager"],  # for whom the agent acts
    }.items()
}
# Mostly one order and two people, so that a few steps get somewhere.
orders = st.sampled_from(["o-1", "o-1", "o-1", "o-1", "o-2"])
people = st.sampled_from(["maria", "boris", "maria", "boris", "carla", "dora", "ursula"])


class Asked:
    """A question, as somebody would keep it on paper."""

    def __init__(self, at):
        self.at = at
        self.answers = {}
        self.over = False

    def good(self, now):
        return {who: yes for who, (yes, at) in self.answers.items() if now - at < TTL}

    def lapsed(self, now):
        return now - self.at >= WITHIN and not self.good(now)

    def releases(self, now):
        good = self.good(now)
        return all(good.values()) and sum(good.values()) >= 2

    def refuses(self, now):
        return not all(self.good(now).values())


class Inboxes(RuleBasedStateMachine):
    """Two processes with one ledger, people who answer, and a clock."""

    @initialize()
    def begin(self):
        self.clock = Clock()
        self.start = self.clock.now
        ledger = MemoryLedger(clock=self.clock)
        self.desks = [Desk(ledger, self.clock, POLICY) for _ in range(2)]
        self.paper = {}
        self.ids = {}
        self.ran = {"o-1": 0, "o-2": 0}
        self.released = {"o-1": 0, "o-2": 0}

    @property
    def now(self):
        return (self.clock.now - self.start) / 10**9

    @rule(order=orders, process=st.integers(0, 1))
    def call(self, order, process):
        asked = self.paper.get(order)
        if asked is not None and asked.lapsed(self.now):
            asked = self.paper[order] = None
        try:
            self.desks[process].refund(80, order, Session("s-1", user="ursula"))
        except Pending as pending:
            waits = asked is None or not (asked.releases(self.now) or asked.refuses(self.now))
            assert waits, f"{order} is pending, and should not be"
            identity = pending.approval_request.id
            if asked is None:
                assert identity != self.ids.get(order)
                self.paper[order] = Asked(self.now)
            else:
                assert identity == self.ids[order]
            self.ids[order] = identity
        except Blocked:
            assert asked is not None
            assert asked.refuses(self.now)
        else:
            assert asked is not None
            assert asked.releases(self.now)
            self.ran[order] += 1
            self.released[order] += 1
            self.paper[order] = None

    @rule(order=orders, name=people, yes=st.booleans())
    def answer(self, order, name, yes):
        if order not in self.ids:
            return
        asked = self.paper.get(order)
        inbox = self.desks[0].inbox
        act = inbox.approve if yes else inbox.refuse
        try:
            act(self.ids[order], PEOPLE[name])
        except Conflict:
            late = asked is None or self.now - asked.at >= WITHIN
            assert late or name == "dora" or (name == "ursula" and yes)
        else:
            assert asked is not None
            assert name != "dora"
            asked.answers[name] = (yes, self.now)

    @rule(order=orders)
    def asked_and_approved(self, order):
        self.call(order, 0)
        for name in ("maria", "boris"):
            self.answer(order, name, yes=True)

    @rule(order=orders, name=st.sampled_from(["maria", "boris"]), yes=st.booleans())
    def second_thoughts(self, order, name, yes):
        self.answer(order, name, not yes)
        self.answer(order, name, yes)
        self.call(order, 1)

    @rule(order=orders)
    def withdraw(self, order):
        asked = self.paper.get(order)
        if asked is not None:
            self.desks[1].inbox.withdraw(self.ids[order], PEOPLE["dora"])
            self.paper[order] = None

    @rule(seconds=st.sampled_from([1, TTL - 1, TTL, WITHIN]))
    def wait(self, seconds):
        self.clock.sleep(seconds)

    @invariant()
    def nothing_ran_that_was_not_released(self):
        paid = [order for desk in getattr(self, "desks", ()) for order, _ in desk.paid]
        for order in ("o-1", "o-2"):
            assert paid.count(order) == getattr(self, "released", {}).get(order, 0)


TestInboxes = Inboxes.TestCase
TestInboxes.settings = settings(max_examples=200, stateful_step_count=20, deadline=None)


@pytest.mark.parametrize("ledger", ["sqlite", "postgres"])
def test_processes_that_race_for_an_approval_run_one_call_between_them(ledger):
    program = Path(__file__).with_name("race_inbox.py")
    command = [sys.executable, program, "--orders", "90", "--processes", "4", "--ledger", ledger]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "360 attempts" in done.stdout

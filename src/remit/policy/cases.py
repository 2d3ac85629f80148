"""Tests of a policy: requests, and the decisions they ought to get.

    remit-test: 1
    policy: [support.yaml]              # optional: what to test, relative to this file
    cases:
      - name: a large refund needs a manager
        request:
          subject: agent:support-7
          action: approve_refund
          args: {amount: 500}
        expect: {effect: ask, rules: [refund]}

A case says no more than it cares about: what `expect` leaves out may be anything.
What people answered is written as `approvals: [user:maria]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from remit.errors import PolicyError
from remit.model import Decision
from remit.policy.case import CASE, Case, Expected, read_case
from remit.policy.fields import Errors, Fields, settle
from remit.policy.keys import TEXTS, Key, Shape, list_of
from remit.policy.located import Mapping, read
from remit.policy.policy import Policy

__all__ = ["Case", "Expected", "Outcome", "Suite", "has_tests", "load", "run", "untested"]

VERSION = 1
SUITE = Shape(
    "a test",
    {
        "remit-test": Key(
            {"const": VERSION},
            "The version of this format.",
            f"begin it with 'remit-test: {VERSION}'",
        ),
        "policy": Key(TEXTS, "What is tested, relative to this file. Left out: remit.yaml."),
        "cases": Key(list_of(CASE), "The cases.", "list at least one"),
    },
)


@dataclass(frozen=True, slots=True)
class Suite:
    """One file of cases."""

    file: str
    policies: tuple[str, ...]
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case."""

    case: Case
    decision: Decision
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the decision is the one expected."""
        return not self.differences

    def __str__(self) -> str:
        if self.passed:
            return f"{self.case.name}: as expected"
        lines = [f"{self.case.place}: {self.case.name}", *self.differences]
        return "\n    ".join(lines)


def load(source: str | bytes, file: str) -> Suite:
    """The cases in *source*: a test file, or a policy with `tests`.

    Raises:
        PolicyError: the first mistake; the error's notes tell the others.
    """
    root = read(source, file, "a test")
    if isinstance(root, Mapping) and "remit" in root.members:
        return _beside(root, file)
    errors = Errors()
    fields = Fields.of(root, SUITE, errors)
    if "remit-test" in fields and fields.whole("remit-test", VERSION) != VERSION:
        fields.fail("remit-test", f"this version of Remit reads 'remit-test: {VERSION}' only")
    policies = tuple(name for name, _ in fields.texts("policy"))
    cases = [read_case(node, errors) for node in fields.nodes("cases")]
    settle(errors)
    return Suite(file, policies, tuple(cases))


def _beside(root: Mapping, file: str) -> Suite:
    """The tests that stand in a policy: they are about this policy alone."""
    errors = Errors()
    fields = Fields(root, "a policy", root.members, errors)
    fields.require("tests", "write them under 'tests', like the cases of a test file")
    cases = [read_case(node, errors) for node in fields.nodes("tests")]
    settle(errors)
    return Suite(file, (re.split(r"[/\\]", file)[-1],), tuple(cases))


def has_tests(source: bytes, file: str) -> bool:
    """Whether *source* is a policy with `tests`, among files that may be anything.

    Raises:
        PolicyError: it is a policy, and is broken, so that its tests cannot be found.
    """
    try:
        root = read(source, file, "a policy")
    except PolicyError:
        if re.search(rb"^remit\s*:", source, re.MULTILINE):
            raise
        return False
    return isinstance(root, Mapping) and root.members.keys() >= {"remit", "tests"}


def run(policy: Policy, case: Case) -> Outcome:
    """Put the request of *case* to *policy*."""
    decision = policy.decide(case.request)
    got: dict[str, Any] = {
        "effect": Expected.ASK if decision.approval else Expected(decision.effect.value),
        "rules": decision.rules,
        "reason": decision.reason,
        "advice": decision.advice,
    }
    wanted = {name: getattr(case, name) for name in got}
    differences = [
        f"{name}: expected {_show(wanted[name])}, got {_show(got[name])}"
        for name in got
        if wanted[name] is not None and wanted[name] != got[name]
    ]
    if differences:
        differences.append(f"because: {decision.reason}")
        differences += [f"error: {error}" for error in decision.errors]
    return Outcome(case, decision, tuple(differences))


def untested(policy: Policy, outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """The rules of *policy* that decided none of the cases, and reported none if monitored."""
    decisions = [outcome.decision for outcome in outcomes]
    decided = {rule for decision in decisions for rule in decision.rules}
    decided |= {told.rpartition(": ")[0] for decision in decisions for told in decision.monitored}
    return tuple(label for label in policy.rules if label not in decided)


def _show(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return str(value) if isinstance(value, StrEnum) else repr(value)

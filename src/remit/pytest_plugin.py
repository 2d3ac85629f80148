"""A plugin for pytest: policy tests are collected, and Python tests may ask a policy.

Files whose names end in `remit-test.yaml` are tests; each case is one, with the
place of the case in its failure. Python tests have these fixtures:

    remit_policy       the policy of `remit.yaml` beside pytest's configuration, or of the files
                       and folders named there: `remit_policy = ["policies"]`
    assert_allowed     assert_allowed("refund", {"amount": 5}, subject="agent:support")
    assert_asked       the same: a denial that somebody may lift
    assert_denied      the same: a denial that nobody may lift

Nothing is read or imported for them before a test needs it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from remit.model import Decision, Request, Session
    from remit.policy import Policy
    from remit.policy.cases import Case, Outcome

ENDINGS = ("remit-test.yaml", "remit-test.yml")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare what may stand in pytest's configuration."""
    about = "files and folders that make the policy of the fixture remit_policy"
    parser.addini("remit_policy", about, type="paths", default=[])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take what is called like a policy test."""
    if not file_path.name.endswith(ENDINGS):
        return None
    return PolicyTests.from_parent(parent, path=file_path)


class PolicyTests(pytest.File):
    """A file of cases."""

    def collect(self) -> Iterator[pytest.Item]:
        """The cases, each with the policy it is about."""
        from remit.errors import PolicyError
        from remit.policy import cases
        from remit.sources import load

        shown = os.path.relpath(self.path, self.config.invocation_params.dir)
        try:
            suite = cases.load(self.path.read_bytes(), shown)
            beside = [self.path.parent / name for name in suite.policies or ("remit.yaml",)]
            policy = load(*beside)
        except PolicyError as error:
            told = "\n".join([str(error), *getattr(error, "__notes__", ())])
            raise self.CollectError(told) from error
        for case in suite.cases:
            yield PolicyCase.from_parent(self, name=case.name, case=case, policy=policy)


class PolicyCase(pytest.Item):
    """One case."""

    def __init__(self, *, case: Case, policy: Policy, **others: Any) -> None:
        super().__init__(**others)
        self.case = case
        self.policy = policy

    def runtest(self) -> None:
        """Put the case to its policy."""
        from remit.policy import cases

        outcome = cases.run(self.policy, self.case)
        if not outcome.passed:
            raise _OtherwiseError(outcome)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What came out otherwise; a traceback would show only this file."""
        if isinstance(excinfo.value, _OtherwiseError):
            return str(excinfo.value.outcome)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the case stands; pytest counts lines from 0."""
        return self.path, self.case.place.line - 1, self.name


class _OtherwiseError(AssertionError):
    """The decision is not the one expected."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(str(outcome))


class Expectation:
    """Asks a policy, and fails the test if the answer is another than *expected*."""

    def __init__(self, policy: Policy, expected: str) -> None:
        self.policy = policy
        self.expected = expected

    def __call__(
        self,
        action: str | Request,
        args: Mapping[str, Any] | None = None,
        *,
        subject: str = "agent:unnamed",
        resource: str = "",
        session: Session | None = None,
        context: Mapping[str, Any] | None = None,
        at: int = 0,
        rules: Collection[str] | None = None,
    ) -> Decision:
        """The decision on *action*, once it is found to be as expected.

        A whole request may stand for all of it. *rules* are those that must have
        decided; None: any.
        """
        from remit.model import Action, Request, Resource, Session, Subject
        from remit.plan import word

        __tracebackhide__ = True
        asked = action
        if isinstance(asked, str):
            asked = Request(
                Subject.parse(subject),
                Action(asked, args or {}),
                Resource.parse(resource),
                session or Session(),
                context or {},
                at,
            )
        decision = self.policy.decide(asked)
        if (answer := word(decision)) != self.expected:
            raise AssertionError(self._told(asked, answer))
        if rules is not None and set(rules) != set(decision.rules):
            decided = ", ".join(decision.rules) or "no rule"
            raise AssertionError(f"{self._told(asked, answer)}\nrules: {decided}")
        return decision

    def _told(self, request: Request, answer: str) -> str:
        head = f"{request.action.name} {dict(request.action.properties)!r} by {request.subject}"
        return f"{head}: expected {self.expected}, got {answer}\n{self.policy.explain(request)}"


@pytest.fixture(scope="session")
def remit_policy(pytestconfig: pytest.Config) -> Policy:
    """The policy of this project. A fixture of the same name in a conftest.py takes its place."""
    from remit.sources import load

    paths = pytestconfig.getini("remit_policy") or [pytestconfig.rootpath / "remit.yaml"]
    return load(*paths)


@pytest.fixture
def assert_allowed(remit_policy: Policy) -> Expectation:
    """Fails unless the policy allows what it is called with."""
    return Expectation(remit_policy, "allow")


@pytest.fixture
def assert_asked(remit_policy: Policy) -> Expectation:
    """Fails unless the policy denies what it is called with, and somebody may lift that."""
    return Expectation(remit_policy, "ask")


@pytest.fixture
def assert_denied(remit_policy: Policy) -> Expectation:
    """Fails unless the policy denies what it is called with, and nobody may lift that."""
    return Expectation(remit_policy, "deny")

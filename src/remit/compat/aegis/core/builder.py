"""Policies made in Python, rule by rule.

policy = PolicyBuilder().rule("reads").match(type="read_*").risk("low").approve_auto().build()
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import yaml

from remit.compat.aegis.core.decision import Approval
from remit.compat.aegis.core.policy import Policy
from remit.compat.aegis.core.risk import RiskLevel
from remit.compat.aegis.core.rule import PolicyRule


class RuleBuilder:
    """One rule of a builder. What it does not say itself it has from the builder's defaults."""

    def __init__(self, name: str, parent: PolicyBuilder) -> None:
        self.name = name
        self._parent = parent
        self._match: dict[str, str] | None = None
        self._risk: RiskLevel | None = None
        self._approval: Approval | None = None
        self._conditions: dict[str, Any] = {}
        self._description = ""

    def match(self, type: str = "*", target: str = "*", agent: str = "*") -> Self:  # noqa: A002 - Aegis' own
        """What it is about."""
        self._match = {"match_type": type, "match_target": target, "match_agent": agent}
        return self

    def risk(self, level: str) -> Self:
        """How bad it would be.

        Raises:
            ValueError: there is no such level.
        """
        self._risk = _risk(level, "risk level")
        return self

    def approve_auto(self) -> Self:
        """It may run."""
        self._approval = Approval.AUTO
        return self

    def approve_human(self) -> Self:
        """Somebody has to be asked."""
        self._approval = Approval.APPROVE
        return self

    def block(self) -> Self:
        """It may not run."""
        self._approval = Approval.BLOCK
        return self

    def when(self, **conditions: Any) -> Self:
        """Under which conditions; they add up."""
        self._conditions |= conditions
        return self

    def description(self, text: str) -> Self:
        """Why there is this rule."""
        self._description = text
        return self

    def rule(self, name: str) -> RuleBuilder:
        """The next rule."""
        return self._parent.rule(name)

    def defaults(self, **kwargs: Any) -> PolicyBuilder:
        """As of the builder."""
        return self._parent.defaults(**kwargs)

    def merge(self, other: PolicyBuilder | RuleBuilder) -> PolicyBuilder:
        """As of the builder."""
        return self._parent.merge(other)

    def from_existing(self, policy: Policy) -> PolicyBuilder:
        """As of the builder."""
        return self._parent.from_existing(policy)

    def build(self) -> Policy:
        """As of the builder."""
        return self._parent.build()

    def to_dict(self) -> dict[str, Any]:
        """As of the builder."""
        return self._parent.to_dict()

    def to_yaml(self) -> str:
        """As of the builder."""
        return self._parent.to_yaml()

    def finished(self, risk: RiskLevel, approval: Approval) -> PolicyRule:
        """The rule, with what it has from its builder.

        Raises:
            ValueError: it is about nothing.
        """
        if self._match is None:
            raise ValueError(f"Rule {self.name!r} has no match pattern; call .match() first")
        return PolicyRule(
            **self._match,
            risk_level=risk if self._risk is None else self._risk,
            approval=approval if self._approval is None else self._approval,
            name=self.name,
            conditions=dict(self._conditions),
            description=self._description,
        )

    @property
    def builder(self) -> PolicyBuilder:
        """The builder that it belongs to."""
        return self._parent


class PolicyBuilder:
    """Rules in the making, and what holds when none matches: medium risk, and somebody is asked."""

    def __init__(self) -> None:
        self._rules: list[RuleBuilder | PolicyRule] = []
        self._base = Policy(default_approval=Approval.APPROVE)

    def defaults(self, risk_level: str | None = None, approval: str | None = None) -> Self:
        """What holds when no rule matches, and for what a rule does not say.

        Raises:
            ValueError: there is no such level or approval.
        """
        base = self._base
        risk = base.default_risk_level
        if risk_level is not None:
            risk = _risk(risk_level, "default risk level")
        known = base.default_approval
        if approval is not None:
            known = _approval(approval)
        self._base = _based(base, default_risk_level=risk, default_approval=known)
        return self

    def scope(self, scope: str, scope_id: str = "") -> Self:
        """Whom it is for. It decides nothing."""
        self._base = _based(self._base, scope=scope, scope_id=scope_id)
        return self

    def version(self, version: int) -> Self:
        """Which edition of the policy it is. It decides nothing."""
        self._base = _based(self._base, version=version)
        return self

    def rule(self, name: str) -> RuleBuilder:
        """A rule, after those that are there."""
        added = RuleBuilder(name, self)
        self._rules.append(added)
        return added

    def from_existing(self, policy: Policy) -> Self:
        """Begin with what *policy* says, in place of what is there."""
        self._base = _based(policy)
        self._rules = list(policy.rules)
        return self

    def merge(self, other: PolicyBuilder | RuleBuilder) -> Self:
        """The rules of *other* after those that are there."""
        theirs = other.builder if isinstance(other, RuleBuilder) else other
        self._rules += theirs._finished()  # noqa: SLF001 - of its own kind
        return self

    def build(self) -> Policy:
        """The policy.

        Raises:
            ValueError: two rules have one name, or one is about nothing.
            PolicyError: a rule cannot be used.
        """
        return _based(self._base, rules=self._checked())

    def _checked(self) -> list[PolicyRule]:
        rules = list(self._finished())
        names = [rule.name for rule in rules if rule.name]
        double = next((name for name in names if names.count(name) > 1), None)
        if double is not None:
            raise ValueError(f"Duplicate rule name {double!r}")
        return rules

    def _finished(self) -> Iterator[PolicyRule]:
        risk, approval = self._base.default_risk_level, self._base.default_approval
        for rule in self._rules:
            yield rule.finished(risk, approval) if isinstance(rule, RuleBuilder) else rule

    def to_dict(self) -> dict[str, Any]:
        """The policy as it stands in a file."""
        base = self._base
        written: dict[str, Any] = {
            "version": str(base.version),
            "defaults": {
                "risk_level": base.default_risk_level.name.lower(),
                "approval": base.default_approval.value,
            },
        }
        if base.scope != "global" or base.scope_id:
            written |= {"scope": base.scope, "scope_id": base.scope_id}
        rules = [rule.to_dict() for rule in self._checked()]
        return {**written, "rules": rules} if rules else written

    def to_yaml(self) -> str:
        """The text of that file."""
        text: str = yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)
        return text


def _based(policy: Policy, **changed: Any) -> Policy:
    kept = ("default_risk_level", "default_approval", "scope", "scope_id", "version", "plan_rules")
    return Policy(**{**{name: getattr(policy, name) for name in kept}, **changed})


def _risk(level: str, what: str) -> RiskLevel:
    name = str(level).strip().upper()
    if name not in RiskLevel.__members__:
        levels = ", ".join(each.name.lower() for each in RiskLevel)
        raise ValueError(f"Invalid {what} {level!r}; write {levels}")
    return RiskLevel[name]


def _approval(approval: str) -> Approval:
    name = str(approval).strip().lower()
    if name not in list(Approval):
        raise ValueError(f"Invalid default approval {approval!r}; write {', '.join(Approval)}")
    return Approval(name)

"""`PolicyRule`, and what it is as a node of a document, which our loader reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from remit.compat.aegis.core.action import Action
from remit.compat.aegis.core.decision import Approval
from remit.compat.aegis.core.risk import RiskLevel
from remit.policy import located
from remit.policy.located import Node, Place, Scalar, Sequence


@dataclass(frozen=True)
class PolicyRule:
    """One rule: what it is about, and what it asks for. Of a policy, the first match decides."""

    match_type: str = "*"
    match_target: str = "*"
    risk_level: RiskLevel = RiskLevel.MEDIUM
    approval: Approval = Approval.APPROVE
    name: str = ""
    conditions: Mapping[str, Any] = field(default_factory=dict)
    match_agent: str = "*"
    description: str = ""

    @property
    def label(self) -> str:
        """How decisions call it."""
        return self.name or f"{self.match_type}@{self.match_target}"

    def matches(self, action: Action, *, now: datetime | None = None) -> bool:
        """Whether it alone applies to *action*. A rule that blocks applies to what is unclear."""
        from remit.compat.aegis.core.policy import Policy

        return Policy([self]).evaluate(action, now=now).matched_rule == self.label

    def to_dict(self) -> dict[str, Any]:
        """The rule as it stands in a file, with what has no default."""
        match = {"type": self.match_type}
        if self.match_target != "*":
            match["target"] = self.match_target
        if self.match_agent != "*":
            match["agent"] = self.match_agent
        written: dict[str, Any] = {"name": self.name} if self.name else {}
        written |= {"match": match, "risk_level": self.risk_level.name.lower()}
        written["approval"] = self.approval.value
        if self.conditions:
            written["conditions"] = dict(self.conditions)
        if self.description:
            written["description"] = self.description
        return written


def rule_of(written: Mapping[str, Any], index: int) -> PolicyRule:
    """The rule that a file has under *index*, which our loader has read without a mistake."""
    match = written["match"]
    return PolicyRule(
        match_type=match.get("type", "*"),
        match_target=match.get("target", "*"),
        risk_level=RiskLevel[str(written.get("risk_level", "medium")).upper()],
        approval=Approval(written.get("approval", "approve")),
        name=written.get("name", f"rule_{index}"),
        conditions=written.get("conditions") or {},
        match_agent=match.get("agent", "*"),
        description=written.get("description", ""),
    )


def node(value: Any, place: Place) -> Node:
    """*value* as it would be read from a file. What it is is not in doubt: it is in Python."""
    if isinstance(value, Mapping):
        keys = [key for key in value if not isinstance(key, str)]
        if keys:
            raise place.error(f"{keys[0]!r} is no name of anything; names are text")
        members = {key: node(member, place) for key, member in value.items()}
        return located.Mapping(place, members, dict.fromkeys(members, place))
    if isinstance(value, list | tuple):
        return Sequence(place, tuple(node(item, place) for item in value))
    if value is None or isinstance(value, str | int | float | bool):
        # In quotes, so that nobody wonders which YAML it is in.
        return Scalar(place, value, f'"{value}"')
    raise place.error(f"a {type(value).__name__} is nothing that a policy can say")


def renamed(rule: Node, name: str) -> Node:
    """*rule* under another name."""
    assert isinstance(rule, located.Mapping)
    place = rule.keys.get("name", rule.place)
    return located.Mapping(
        rule.place,
        {**rule.members, "name": Scalar(place, name, f'"{name}"')},
        {**rule.keys, "name": place},
    )

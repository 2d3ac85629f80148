"""Execlave's policies, as they are configured there, become rules of ours.

    {"name": "no injection", "policyType": "injection_scan", "enforcementMode": "block"}

`block` denies, `warn` and `monitor` only report, `require_approval` asks. What is not known
here (a type, a mode, a key) is an error when the policy is added: a policy that would never
block is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, get_args

import msgspec

from remit.compat.execlave.privacy import NAMES
from remit.content import TYPES, Kind
from remit.model import Risk
from remit.policy.formats.condition import quoted
from remit.policy.names import spell

Mode: TypeAlias = Literal["block", "warn", "monitor", "require_approval"]

Written: TypeAlias = tuple[list[dict[str, Any]], list[dict[str, Any]]]
"""Rules, and limits."""

LIMIT = ".limit"
"""What the id of a policy's limit ends in."""

ENFORCE = "enforce"
"""The action that is asked about."""

_OUR_NAMES = {theirs: ours for ours, theirs in NAMES.items()}
_ID = re.compile(r"[^a-z0-9._-]+")

_MESSAGES = {
    "injection_scan": "Prompt injection detected",
    "budget_cap": "The budget of this agent is used up",
    "cost_limit": "Estimated cost exceeds the limit",
    "rate_limit": "This agent is called too often",
    "access_control": "A tool is not allowed for this agent",
    "pii_access": "Personal data detected in the input",
    "action_approval": "Action needs human approval",
    "expression": "The expression of the policy is true",
}
_ALIASES = {
    "prompt_injection": "injection_scan",
    "tool_invocation": "access_control",
    "tool_call": "access_control",
    "data_restriction": "pii_access",
    "pii_detection": "pii_access",
}


class PolicySpec(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A policy as Execlave's API takes it."""

    name: str
    policy_type: str
    enforcement_mode: Mode = "block"
    rule_definition: dict[str, Any] = {}
    applies_to_agents: tuple[str, ...] = ()
    """None means every agent."""
    is_active: bool = True
    severity: Risk = Risk.HIGH
    message: str = ""
    description: str = ""

    @property
    def id(self) -> str:
        """How decisions call it."""
        return _ID.sub("-", self.name.lower()).strip("-.")[:90] or "policy"

    @property
    def kind(self) -> str:
        """Its type, by its first name."""
        return _ALIASES.get(self.policy_type, self.policy_type)

    @property
    def said(self) -> str:
        """What is told when it fires."""
        return self.message or _MESSAGES.get(self.kind, self.name)

    def told(self) -> dict[str, Any]:
        """The violation, or warning, that it is."""
        return {
            "policyId": self.id,
            "policyName": self.name,
            "policyType": self.policy_type,
            "message": self.said,
            "enforcementMode": self.enforcement_mode,
            "severity": self.severity.value,
        }

    def written(self) -> Written:
        """The rules and limits that it is, in the words of our documents.

        Raises:
            ValueError: its type, or a key of its definition, is not known here.
        """
        definition = dict(self.rule_definition)
        common: dict[str, Any] = {
            "action": ENFORCE,
            "effect": "ask" if self.enforcement_mode == "require_approval" else "deny",
            "reason": self.said,
        }
        if (approvers := definition.pop("approvers", None)) is not None:
            common["approvers"] = approvers
        if self.enforcement_mode in {"warn", "monitor"}:
            common["mode"] = "monitor"
        if self.applies_to_agents:
            common["subject"] = [f"agent:{_literal(each)}" for each in self.applies_to_agents]
        limit = _limit(self.kind, definition)
        limits = [common | limit | {"id": self.id + LIMIT, "per": "subject.id"}] if limit else []
        if limits and not definition:
            return [], limits
        when = _condition(self.kind, definition)
        return [common | {"id": self.id, "when": when, "risk": self.severity.value}], limits


def spec(given: PolicySpec | Mapping[str, Any]) -> PolicySpec:
    """The policy *given*.

    Raises:
        ValueError: it is none.
    """
    if isinstance(given, PolicySpec):
        return given
    try:
        made = msgspec.convert(dict(given), PolicySpec)
    except msgspec.ValidationError as error:
        modes = ", ".join(get_args(Mode))
        raise ValueError(f"this is no policy: {error}; modes are {modes}") from error
    return made


def _condition(kind: str, definition: dict[str, Any]) -> str:
    write = _CONDITIONS.get(kind)
    if write is None:
        known = ", ".join(sorted({*_CONDITIONS, "budget_cap", "rate_limit"}))
        raise ValueError(f"a policy of the type {kind!r} cannot be enforced here; {known} can")
    condition = write(definition)
    if definition:
        raise ValueError(f"{kind} knows no {', '.join(sorted(map(repr, definition)))} here")
    return condition


def _injection(definition: dict[str, Any]) -> str:
    where = ["args.input"] if definition.pop("scan_input", True) else []
    where += ["args.conversation_history"] if where else []
    where += ["args.tool_outputs"] if definition.pop("scan_output", True) else []
    if not where:
        raise ValueError("injection_scan scans scan_input or scan_output")
    return " || ".join(f"size(injection({each})) > 0" for each in where)


def _cost(definition: dict[str, Any]) -> str:
    limit = definition.pop("max_cost_per_execution", None)
    if type(limit) not in {int, float}:
        raise ValueError("cost_limit needs max_cost_per_execution, a number")
    return f"has(args.estimated_cost) && args.estimated_cost > {float(limit)!r}"


def _limit(kind: str, definition: dict[str, Any]) -> dict[str, Any]:
    """What a policy says of how much, if it does."""
    if kind in {"cost_limit", "budget_cap"} and "daily_budget" in definition:
        most = {"cost": definition.pop("daily_budget")}
        estimated = "has(args.estimated_cost) ? args.estimated_cost : 0.0"
        return {"window": "1d", "max": most, "reserve": {"cost": estimated}}
    if kind == "rate_limit" and "max_calls" in definition:
        return {
            "window": definition.pop("window", "1m"),
            "max": {"calls": definition.pop("max_calls")},
        }
    return {}


def _access(definition: dict[str, Any]) -> str:
    allowed, denied = definition.pop("allow", None), definition.pop("deny", None)
    if allowed is None and denied is None:
        raise ValueError("access_control needs allow or deny, lists of tools")
    conditions = []
    if allowed is not None:
        conditions.append(f"!(tool in {_texts(map(spell, allowed))})")
    if denied is not None:
        conditions.append(f"tool in {_texts(map(spell, denied))}")
    return f"args.tools.exists(tool, {' || '.join(conditions)})"


def _pii(definition: dict[str, Any]) -> str:
    denied = definition.pop("denied_pii_types", None)
    if denied is None:
        return "size(pii(args.input)) > 0"
    wanted = [_OUR_NAMES.get(each, each) for each in denied]
    if unknown := sorted(set(wanted) - TYPES[Kind.PII]):
        raise ValueError(f"there is no type of personal data {', '.join(unknown)}")
    return f"pii(args.input).exists(found, found in {_texts(wanted)})"


def _approval(definition: dict[str, Any]) -> str:
    tools = definition.pop("tools", None)
    if tools is None:
        return "true"
    return f"args.tools.exists(tool, tool in {_texts(map(spell, tools))})"


def _expression(definition: dict[str, Any]) -> str:
    expression = definition.pop("expression", None)
    if not isinstance(expression, str):
        raise ValueError("an expression policy needs expression, a condition")  # noqa: TRY004
    return expression


_CONDITIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "injection_scan": _injection,
    "cost_limit": _cost,
    "access_control": _access,
    "pii_access": _pii,
    "action_approval": _approval,
    "expression": _expression,
}


def _texts(texts: Any) -> str:
    return f"[{', '.join(quoted(each) for each in texts)}]"


def _literal(agent: str) -> str:
    if any(mark in agent for mark in "*?["):
        raise ValueError(f"{agent!r} is not the id of one agent")
    return agent

"""`Policy`: Aegis rules, compiled and decided on by our policy engine.

Everything is read by `remit.policy.formats.aegis`, strictly: from a file, from a dictionary or
from rules made in Python. docs/coming-from/aegis-policies.md says how it differs from Aegis.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeAlias

from remit import policy as native
from remit import who_acts
from remit.canonical import canonical, freeze
from remit.compat.aegis.core.action import Action
from remit.compat.aegis.core.decision import DEFAULT_RULE, Approval, PolicyDecision
from remit.compat.aegis.core.plan_rules import PlanRules
from remit.compat.aegis.core.request import request_of
from remit.compat.aegis.core.risk import RiskLevel
from remit.compat.aegis.core.rule import PolicyRule, node, renamed, rule_of
from remit.errors import NotData
from remit.model import NOBODY, Decision, Request
from remit.policy import located
from remit.policy.check import Finding
from remit.policy.fields import Errors, settle
from remit.policy.formats import aegis
from remit.policy.formats.names import identifier
from remit.policy.located import Node, Place, Sequence, plain
from remit.policy.rule import ANY, DEFAULT_ID, Document, Rule, RuleEffect
from remit.sources import StrPath, read

NOT_DATA = "<not data>"
"""How a decision calls that it was about parameters which nobody can decide on."""

_FOREIGN = ("version", "scope", "scope_id", "plan_rules")
"""Keys that decide nothing about a single action."""

Told: TypeAlias = tuple[str, Approval, RiskLevel]
"""How Aegis calls a rule, what it says has to happen, and how risky it is."""

_EFFECTS = {RuleEffect.ALLOW: Approval.AUTO, RuleEffect.ASK: Approval.APPROVE}


class Policy:
    """Rules, the first of which that matches decides, and what holds when none does.

    It does not change; `merge` and `PolicyBuilder` make another one.

    Raises:
        PolicyError: a rule cannot be used as it is.
        TypeError: a semantic evaluator is given; name the words with `param_matches`.
    """

    def __init__(  # noqa: PLR0917 - so it is in Aegis
        self,
        rules: Iterable[PolicyRule] = (),
        default_risk_level: RiskLevel = RiskLevel.MEDIUM,
        default_approval: Approval = Approval.BLOCK,
        scope: str = "global",
        scope_id: str = "",
        version: int = 1,
        semantic_evaluator: object = None,
        plan_rules: PlanRules | None = None,
    ) -> None:
        if semantic_evaluator is not None:
            raise TypeError("conditions are not evaluated by words here; use param_matches")
        self.rules = tuple(rules)
        self.default_risk_level = RiskLevel(default_risk_level)
        self.default_approval = Approval(default_approval)
        self.scope, self.scope_id, self.version = scope, scope_id, version
        self.plan_rules = plan_rules
        self.sources: tuple[Path, ...] = ()
        """The files it was merged from, in their order; none if any of it is from elsewhere."""
        self.mixed = False
        """Whether some of it is from files and some is not."""
        place = Place("<policy>", 0, 0)
        self._take(tuple(node(_named(rule, i), place) for i, rule in enumerate(self.rules)))

    def _take(self, nodes: tuple[Node, ...]) -> None:
        """Compile the rules, which stand as *nodes* in a file."""
        self._nodes = nodes
        document, labels = _document(self, nodes)
        self._labels = labels
        self._native = native.Policy(document)

    @property
    def digest(self) -> str:
        """Names the policy in records."""
        return self._native.digest

    @classmethod
    def from_dict(
        cls, data: Mapping[str, Any] | None, *, semantic_evaluator: object = None
    ) -> Self:
        """The policy in *data*, which has the keys of a file.

        Raises:
            PolicyError: it cannot be used.
        """
        return cls._of(
            node({} if data is None else data, Place("<policy>", 0, 0)), semantic_evaluator
        )

    @classmethod
    def from_yaml(cls, path: StrPath, *, semantic_evaluator: object = None) -> Self:
        """The policy in the file at *path*; an empty file blocks everything.

        Raises:
            FileNotFoundError: there is none.
            PolicyError: it cannot be used; the error tells the place.
        """
        if not Path(path).exists():
            raise FileNotFoundError(f"Policy file not found: {path}")
        source = read(path)
        if source.strip():
            root = located.read(source, str(path), "an Aegis policy")
        else:
            root = node({}, Place(str(path), 0, 0))
        policy = cls._of(root, semantic_evaluator)
        policy.sources = (Path(path),)
        return policy

    @classmethod
    def from_yaml_files(cls, *paths: StrPath, semantic_evaluator: object = None) -> Self:
        """The policies of these files, merged: the rules of the first are looked at first.

        Without files, everything is blocked.
        """
        if not paths:
            return cls()
        first, *others = (
            cls.from_yaml(path, semantic_evaluator=semantic_evaluator) for path in paths
        )
        for other in others:
            first = first.merge(other)
        return first

    @classmethod
    def _of(cls, root: Node, semantic_evaluator: object) -> Self:
        own, other = _split(root)
        errors = Errors()
        aegis.document(own, "policy", root.place.file, "", errors)
        settle(errors)
        written = plain(own)
        rules = own.members.get("rules") if isinstance(own, located.Mapping) else None
        nodes = rules.items if isinstance(rules, Sequence) else ()
        defaults = written.get("defaults") or {}
        made = cls(
            (),
            RiskLevel[str(defaults.get("risk_level", "medium")).upper()],
            Approval(defaults.get("approval", "block")),
            str(other.get("scope", "global")),
            str(other.get("scope_id", "")),
            _version(other.get("version", 1), root.place),
            semantic_evaluator,
            PlanRules.from_dict(other["plan_rules"]) if other.get("plan_rules") else None,
        )
        made.rules = tuple(rule_of(plain(each), index) for index, each in enumerate(nodes))
        made._take(nodes)
        return made

    def merge(self, other: Policy) -> Self:
        """A policy in which these rules come first and those of *other* after them.

        What holds when none matches is what holds here, not there.
        """
        merged = type(self)(
            (),
            self.default_risk_level,
            self.default_approval,
            self.scope,
            self.scope_id,
            self.version,
            plan_rules=_joined(self.plan_rules, other.plan_rules),
        )
        merged.rules = self.rules + other.rules
        merged.mixed = self.mixed or other.mixed or bool(self.sources) != bool(other.sources)
        merged.sources = () if merged.mixed else self.sources + other.sources
        merged._take(self._nodes + other._nodes)  # noqa: SLF001 - of its own kind
        return merged

    def with_cache(self, maxsize: int = 256) -> Self:  # noqa: ARG002 - Aegis' own
        """This policy: what it has decided, it remembers anyway."""
        return self

    def clear_cache(self) -> None:
        """Do nothing: what is remembered never differs from what would be decided."""

    def check(self) -> tuple[Finding, ...]:
        """What is probably not meant, such as a rule that never decides."""
        return self._native.check()

    def evaluate(self, action: Action, *, now: datetime | None = None) -> PolicyDecision:
        """What holds for *action*, now or at another time."""
        at = time.time_ns() if now is None else int(now.timestamp() * 1e6) * 1000
        try:
            request = request_of(action, freeze(action.params), who_acts(), at)
        except NotData:
            return PolicyDecision(action, RiskLevel.CRITICAL, Approval.BLOCK, NOT_DATA)
        return self.verdict(action, self.decide(request))

    def decide(self, request: Request, /) -> Decision:
        """Answer a request of ours. A policy is a `Decider`."""
        return self._native.decide(request)

    def verdict(self, action: Action, decision: Decision) -> PolicyDecision:
        """A decision of ours in Aegis' words."""
        label, approval, risk = self.told(decision)
        return PolicyDecision(action, risk, approval, label)

    def told(self, decision: Decision) -> Told:
        """The rule that has decided, in Aegis' words, and what it says."""
        if decision.allowed:
            approval = Approval.AUTO
        else:
            approval = Approval.APPROVE if decision.approval else Approval.BLOCK
        labels = self._labels
        known = [labels[rule] for rule in decision.rules if rule in labels]
        if len(known) == 1:
            return known[0][0], approval, known[0][2]
        decisive = [each for each in known if each[1] is approval]
        if not (decisive or known):
            risk = RiskLevel[decision.risk.name] if decision.risk else RiskLevel.CRITICAL
            return next(iter(decision.rules), DEFAULT_RULE), approval, risk
        label, _, risk = (decisive or known)[0]
        return label, approval, risk

    def decisive(self, decision: Decision) -> str:
        """How the rule is called that has decided."""
        known = self._labels.get(decision.rules[0]) if len(decision.rules) == 1 else None
        return self.told(decision)[0] if known is None else known[0]

    def label(self, rule: str) -> str:
        """How the rule is called that our records call *rule*."""
        return self._labels[rule][0] if rule in self._labels else rule


def _named(rule: PolicyRule, index: int) -> dict[str, Any]:
    return {**rule.to_dict(), "name": rule.name or f"rule_{index}"}


def _split(root: Node) -> tuple[Node, dict[str, Any]]:
    """What decides about single actions, and what else the document says."""
    if not isinstance(root, located.Mapping):
        return root, {}
    mine = {k: v for k, v in root.members.items() if k not in _FOREIGN}
    for key in ("rules", "defaults"):
        nothing = mine.get(key)
        if isinstance(nothing, located.Scalar) and nothing.value is None:
            del mine[key]
    other = {k: plain(root.members[k]) for k in _FOREIGN if k in root.members}
    keys = {k: place for k, place in root.keys.items() if k in mine}
    return located.Mapping(root.place, mine, keys), other


def _version(value: Any, place: Place) -> int:
    if isinstance(value, bool) or not str(value).isdecimal():
        raise place.error(f"{value!r} is no version; write a whole number")
    return int(value)


def _joined(one: PlanRules | None, other: PlanRules | None) -> PlanRules | None:
    if one is None or other is None:
        return one or other
    return one.merge(other)


def _document(policy: Policy, nodes: tuple[Node, ...]) -> tuple[Document, dict[str, Told]]:
    """The document of *policy*, and how Aegis calls each of its rules, by our id."""
    place = nodes[0].place if nodes else Place("<policy>", 0, 0)
    taken = {DEFAULT_ID, aegis.DEFAULTS}
    named = zip(nodes, policy.rules, strict=True)
    rules = [renamed(each, _free(rule, taken)) for each, rule in named]
    defaults = {
        "risk_level": policy.default_risk_level.name.lower(),
        "approval": policy.default_approval.value,
    }
    members = {"rules": Sequence(place, tuple(rules)), "defaults": node(defaults, place)}
    root = located.Mapping(place, members, dict.fromkeys(members, place))
    errors = Errors()
    said = hashlib.sha256()
    for each in (defaults, *(rule.to_dict() for rule in policy.rules)):
        said.update(canonical(freeze(each)))
    document = aegis.document(root, "policy", place.file, said.hexdigest(), errors)
    settle(errors)
    document = replace(document, rules=tuple(map(_unnamed, document.rules)))
    told = [(rule.label, rule.approval, rule.risk_level) for rule in policy.rules]
    told.append((DEFAULT_RULE, policy.default_approval, policy.default_risk_level))
    return document, dict(zip((rule.id for rule in document.rules), told, strict=True))


def _free(rule: PolicyRule, taken: set[str]) -> str:
    """An id for *rule* that no other has; merged policies may have two of one name."""
    found = identifier(rule.label)
    number = 2
    while found in taken:
        found = f"{identifier(rule.label)}-{number}"
        number += 1
    taken.add(found)
    return found


def _unnamed(rule: Rule) -> Rule:
    """*rule*, also about an agent that does not say its name, unless it allows something."""
    if rule.effect is RuleEffect.ALLOW or rule.subject == ANY:
        return rule
    return replace(rule, subject=(*rule.subject, str(NOBODY)))


__all__ = ["Approval", "Policy", "PolicyDecision", "PolicyRule"]

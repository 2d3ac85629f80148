"""A project's YAML policies, evaluated in this process: no server and no Rego.

They are joined with what holds in every project (`policies/core.yaml`) into one policy, whose
gaps go to a person. A file in Remit's own language is a layer beside it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

from remit.compat.kitelogik import rego, verdicts
from remit.compat.kitelogik.evaluators import Evaluator
from remit.compat.kitelogik.models import PolicyDecision, RiskTier
from remit.errors import PolicyError
from remit.model import Decision, Request
from remit.policy import Policy
from remit.policy.formats.names import identifier
from remit.policy.rule import Document, Rule
from remit.sources import StrPath, document, files, read

POLICIES = Path(__file__).parent / "policies"
"""What a new project begins with."""

PROJECT = Path("policies", "policy.yaml")
"""Where a project has its policy."""

REMEMBERED = 256
"""Decisions whose verdict is kept."""

_log = logging.getLogger(__name__)


class Native(Evaluator):
    """Decides by *policy*."""

    def __init__(self, policy: Policy, tiers: Mapping[str, RiskTier] | None = None) -> None:
        self.policy = policy
        self.tiers = tiers or {}
        self._verdicts: dict[int, tuple[Decision, PolicyDecision]] = {}

    @classmethod
    def load(cls, *paths: StrPath) -> Self:
        """The policies in these files and folders, and what holds besides.

        Raises:
            PolicyError: one of them cannot be used, or two rules have one name.
        """
        core = document(POLICIES / "core.yaml")
        tiers = {rule.id: verdicts.tier_of(rule.risk) for rule in core.rules} | _READING
        rules, layers = list(core.rules), list[Document]()
        digests = [core.digest]
        for path in files(*paths):
            read_here = document(path)
            written = rego.rules_of(read(path), str(path))
            if written is None:
                layers.append(read_here)
                continue
            rules += read_here.rules
            digests.append(read_here.digest)
            tiers |= {
                identifier(rule["name"]): RiskTier(rule["risk_tier"])
                for rule in written
                if "risk_tier" in rule
            }
        _refuse_doubles(rules)
        digest = hashlib.sha256("".join(digests).encode()).hexdigest()
        joined = replace(core, rules=tuple(rules), digest=digest)
        return cls(Policy(joined, *layers), tiers)

    @classmethod
    def of_project(cls) -> Self:
        """The policy of the project in this folder; if there is none, that of a new project.

        Raises:
            PolicyError: it cannot be used, or there is Rego beside it that would not be asked.
        """
        for path in sorted(PROJECT.parent.rglob("*.rego")):
            if path.stem.removesuffix("_test") not in _KNOWN:
                raise PolicyError(
                    "only YAML decides here, and this would never be asked; name the OPA that "
                    "knows it (base_url=), or use RegorusClient",
                    file=str(path),
                )
        if PROJECT.is_file():
            return cls.load(PROJECT)
        _log.warning(
            "there is no %s here, so the policy of a new project decides; "
            "`python -m remit.compat.kitelogik init .` writes it, for you to change",
            PROJECT,
        )
        return cls.load(POLICIES / "policy.yaml")

    def decide(self, request: Request, /) -> Decision:
        """The policy's answer."""
        return self.policy.decide(request)

    def verdict(self, decision: Decision) -> PolicyDecision:
        """As of any evaluator; a policy gives the same decision again and again."""
        known = self._verdicts.get(id(decision))
        if known is not None and known[0] is decision:
            return known[1]
        verdict = super().verdict(decision)
        if len(self._verdicts) >= REMEMBERED:
            self._verdicts.clear()
        self._verdicts[id(decision)] = decision, verdict
        return verdict


_KNOWN = frozenset(
    {
        "agent_budget", "agent_lifecycle", "agent_plan", "core", "data_classification",
        "delegation", "financial", "main", "policy", "security", "userpolicy",
    }
)  # fmt: skip
"""Modules of Rego that a new project has, here or there: the YAML and the core say the same."""

_READING = {
    "core.read_customers": RiskTier.INFORMATIONAL,
    "core.read_memory": RiskTier.INFORMATIONAL,
}


def _refuse_doubles(rules: Iterable[Rule]) -> None:
    seen: dict[str, Rule] = {}
    for rule in rules:
        if rule.id in seen:
            raise PolicyError(
                f"the name {rule.id!r} stands twice, first in {seen[rule.id].place.file}; "
                "rename one",
                file=rule.place.file,
                line=rule.place.line,
                column=rule.place.column,
            )
        seen[rule.id] = rule

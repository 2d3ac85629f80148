"""Policies: YAML documents of rules, compiled into one decision function. Pure.

policy = Policy.parse(text, file="support.yaml")
policy.decide(request)      the decision
policy.explain(request)     every rule that might have applied, and why it did or did not
policy.check()              what is probably not meant
"""

from __future__ import annotations

from remit.policy.policy import Policy
from remit.policy.rule import Document, Rule, RuleEffect

__all__ = ["Document", "Policy", "Rule", "RuleEffect"]

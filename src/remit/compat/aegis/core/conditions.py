"""Conditions on their own, as Aegis evaluates them for a rule that allows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from remit.compat.aegis.core.action import Action
from remit.compat.aegis.core.decision import Approval
from remit.compat.aegis.core.policy import Policy
from remit.compat.aegis.core.rule import PolicyRule


def evaluate_conditions(
    conditions: Mapping[str, Any], params: Mapping[str, Any], *, now: datetime | None = None
) -> bool:
    """Whether all of *conditions* hold for *params*. What is unclear does not.

    Raises:
        PolicyError: one of them is none.
    """
    rule = PolicyRule(approval=Approval.AUTO, conditions=conditions)
    return Policy([rule]).evaluate(Action("any", "", params), now=now).may_run_now

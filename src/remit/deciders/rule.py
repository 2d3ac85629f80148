"""The names of rules in Rego."""

from __future__ import annotations

import re

RULE = "data.remit.decision"
"""The rule that is asked where none is named."""

_RULE = re.compile(r"data(\.[A-Za-z_][A-Za-z0-9_]*)+")


def checked_rule(rule: str) -> str:
    """*rule*, if it is the name of one.

    Raises:
        ValueError: it is none.
    """
    if not _RULE.fullmatch(rule):
        raise ValueError(f"{rule!r} names no rule; write it like data.app.decision")
    return rule

"""Whether all names that fit some patterns fit others."""

from __future__ import annotations

import re
from functools import lru_cache

from remit.policy import names
from remit.policy.glob import Glob, rewrite
from remit.policy.rule import ANY, Patterns

_WILDCARD = re.compile(r"[*?]")


def all_within(inner: Patterns, outer: Patterns) -> bool:
    """Whether every name that fits one of *inner* is certain to fit one of *outer*."""
    return all(any(within(one, other) for other in spelled(outer)) for one in spelled(inner))


@lru_cache(16384)
def within(inner: str, outer: str) -> bool:
    """Whether every name that fits *inner* is certain to fit *outer*; both are spelled."""
    if is_any(outer) or inner == outer:
        return True
    # No name has a private character by chance: what fits with it for '*' fits with anything.
    sample = inner.replace("*", "\ue000\ue001").replace("?", "\ue002")
    if not Glob(outer).matches(sample):
        return False
    return "*" not in inner or Glob(outer).matches(inner.replace("*", "").replace("?", "\ue002"))


def before_wildcards(pattern: str) -> str:
    """What every name that fits begins with."""
    return _WILDCARD.split(pattern, maxsplit=1)[0]


def is_any(pattern: str) -> bool:
    """Whether every name fits."""
    return pattern.strip("*") == ""


def every(patterns: Patterns) -> bool:
    """Whether every name fits one of *patterns*."""
    return any(map(is_any, patterns))


@lru_cache(16384)
def spelled(patterns: Patterns) -> Patterns:
    """*patterns* as names are compared with them, each once."""
    return tuple(sorted({rewrite(pattern.strip(), names.fold) for pattern in patterns})) or ANY

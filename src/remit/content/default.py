"""The detectors that come with Remit, by kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from remit.content import credentials, hidden, instructions, pii
from remit.content.finding import Finding, Kind
from remit.content.replace import Placeholders, Replace, replaced
from remit.content.scanner import ENCODED, Scanner
from remit.content.values import rewrite

_PATTERNS = {
    Kind.PII: pii.PATTERNS,
    Kind.SECRET: credentials.PATTERNS,
    Kind.INJECTION: instructions.PATTERNS,
}
_OTHERS = {Kind.INJECTION: (hidden.TYPE, ENCODED)}

TYPES: Mapping[Kind, frozenset[str]] = {
    kind: frozenset((*(each.type for each in patterns), *_OTHERS.get(kind, ())))
    for kind, patterns in _PATTERNS.items()
}
"""The types of findings of each kind."""

SENSITIVE = (Kind.PII, Kind.SECRET)
"""What is redacted unless something else is asked for."""


def scanner(*kinds: Kind, types: Iterable[str] | None = None) -> Scanner:
    """The detectors of *kinds*, all if none is given; of these *types* only, where they are given.

    Raises:
        ValueError: there is no such type among those kinds.
    """
    wanted = None if types is None else frozenset(types)
    chosen = tuple(dict.fromkeys(kinds)) or tuple(Kind)
    known = frozenset[str]().union(*(TYPES[kind] for kind in chosen))
    if wanted is not None and (unknown := sorted(wanted - known)):
        raise ValueError(
            f"no such type: {', '.join(unknown)}; there are {', '.join(sorted(known))}"
        )
    return _scanner(chosen, wanted)


@cache
def _scanner(kinds: tuple[Kind, ...], types: frozenset[str] | None) -> Scanner:
    patterns = [
        each
        for kind in kinds
        for each in _PATTERNS[kind]
        # What decodes to an injection has the type of its run, so any may be needed for it.
        if types is None or each.type in types or (kind is Kind.INJECTION and ENCODED in types)
    ]
    concealed = Kind.INJECTION in kinds and (types is None or hidden.TYPE in types)
    detectors = (hidden.HiddenText(),) if concealed else ()
    return Scanner(patterns, detectors=detectors, types=types)


def scan(value: Any, *kinds: Kind) -> tuple[Finding, ...]:
    """What is found in *value*: text, or anything made of it.

    Raises:
        NotData: *value* is nested too deep, or holds something that is no data.
    """
    return scanner(*kinds).scan(value)


def redact(value: Any, replace: Replace | None = None, *, using: Scanner | None = None) -> Any:
    """*value* with personal data and secrets replaced; itself, if it has none.

    Args:
        value: text, or anything made of it. It is not changed.
        replace: what stands in their place; none means placeholders.
        using: what finds them, and whatever else is to be replaced.

    Raises:
        NotData: *value* is nested too deep, or holds something that is no data.
    """
    substitute = replace or Placeholders()
    finder = using or scanner(*SENSITIVE)
    return rewrite(value, lambda text, path: replaced(text, finder.find_at(path, text), substitute))

"""Policies that were written for other systems, read as documents of ours. Pure.

    recognise(root)                 the format that a YAML document is in; None for ours
    format.document(root, ...)      the document in it
    write(document, source)         the same policy as text of ours (in `write`)

A format is a function from a tree to a `Document`: the rules, the compiler and the decisions are
those of any other policy, and every place is one in the original file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from remit.policy.fields import Errors
from remit.policy.formats import aegis, kitelogik
from remit.policy.located import Mapping, Node, Sequence
from remit.policy.rule import Document


class Format(NamedTuple):
    """A way to write policies that is not ours."""

    name: str
    document: Callable[[Node, str, str, str, Errors], Document]
    """From a tree, the name of the document, its file and its digest, to the document."""


AEGIS = Format(aegis.NAME, aegis.document)
KITE_LOGIK = Format(kitelogik.NAME, kitelogik.document)

_SIGNS = {
    "defaults": AEGIS,
    "plan_rules": AEGIS,
    "match": AEGIS,
    "conditions": AEGIS,
    "approval": AEGIS,
    "risk_level": AEGIS,
    "then": KITE_LOGIK,
    "risk_tier": KITE_LOGIK,
}
"""Keys that no other format has, of a document or of a rule."""


def recognise(root: Node) -> Format | None:
    """The format *root* is in, by the keys that only one has; None if it is ours, or anything."""
    if not isinstance(root, Mapping) or "remit" in root.members:
        return None
    found: Counter[Format] = Counter(_SIGNS[key] for key in _keys(root) if key in _SIGNS)
    if found:
        return found.most_common(1)[0][0]
    return None


def _keys(root: Mapping) -> Iterator[str]:
    """The keys of the document and of its rules; a condition in parts is a `then` to come."""
    yield from root.members
    rules = root.members.get("rules")
    for rule in rules.items if isinstance(rules, Sequence) else ():
        if isinstance(rule, Mapping):
            yield from rule.members
            if isinstance(rule.members.get("when"), Mapping):
                yield "then"

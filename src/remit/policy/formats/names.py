"""What other formats call things, and what they are called here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from remit.expr.errors import suggest
from remit.policy import glob, names
from remit.policy.fields import Errors, Fields
from remit.policy.located import Place, Scalar
from remit.policy.rule import DEFAULT_ID

LONGEST = 100

T = TypeVar("T")


def identifier(name: str) -> str:
    """*name* as the id of a rule: `Block Deletes` is `block-deletes`."""
    found = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:LONGEST]
    return found or "policy"


class Ids:
    """The ids of one document: each may be given once."""

    def __init__(self, *reserved: str) -> None:
        self._reserved = {DEFAULT_ID, *reserved}
        self._lines: dict[str, int] = {}

    def give(self, name: str, place: Place, errors: Errors) -> str:
        """The id of the rule called *name*, if no other has it."""
        found = identifier(name)
        if found in self._reserved:
            errors.add(place, f"{found!r} names what holds when no rule applies; rename this rule")
        elif found in self._lines:
            errors.add(
                place,
                f"the name {found!r} stands twice, first on line {self._lines[found]}, and a "
                "decision could not tell which rule made it; rename one",
            )
        self._lines.setdefault(found, place.line)
        return found


def check_version(fields: Fields, system: str) -> None:
    """Note it if a document of *system* says that it is of another version than 1."""
    node = fields.members.get("version", Scalar(fields.place, 1, ""))
    # Not compared as a number: true is 1 as well.
    if isinstance(node, Scalar) and str(node.value) == "1":
        return
    fields.fail("version", f"this version of Remit reads {system} policies of version 1 only")


def level(fields: Fields, key: str, name: str, levels: Mapping[str, T], default: T) -> T:
    """What *name*, which stands under *key*, means; *default* if nothing stands there."""
    if not name:
        return default
    if name not in levels:
        hint = suggest(name, levels) or f"; write {', '.join(levels)}"
        fields.fail(key, f"{name!r} is no {key}{hint}")
    return levels.get(name, default)


def pattern(given: str, place: Place, errors: Errors) -> str:
    """*given*, if it is a pattern; otherwise a mistake, and one that fits everything."""
    spelled = glob.rewrite(given, names.fold)
    why = glob.mistake(given) or glob.mistake(spelled)
    if not why and _wildcards(spelled) > _wildcards(given):
        why = "it has a character that only looks like a wildcard; write '*' or '?'"
    if given and why:
        errors.add(place, f"{given!r} is no pattern: {why}")
    return "*" if why else given


def _wildcards(text: str) -> int:
    return text.count("*") + text.count("?")

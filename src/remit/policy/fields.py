"""Reads the keys of a mapping strictly, and goes on after a mistake so that all of them are told.

Every reader returns a value of the right type even when it has noted an error:
whoever called `settle` afterwards never sees it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from copy import copy
from enum import StrEnum
from typing import TypeVar

from remit.errors import PolicyError
from remit.expr.errors import suggest
from remit.policy.keys import DURATION_PATTERN, NAME_PATTERN, Shape
from remit.policy.located import Mapping, Node, Place, Scalar, Sequence

E = TypeVar("E", bound=StrEnum)

_NAME = re.compile(NAME_PATTERN)
_DURATION = re.compile(DURATION_PATTERN)
_UNITS = (86400, 3600, 60, 1)


MOST = 100
"""Mistakes that are told; whoever has more wrote something else than a policy."""


class Errors:
    """The mistakes found so far in a file and those it includes."""

    def __init__(self) -> None:
        self.found: list[PolicyError] = []
        self._told: set[str] = set()

    def add(self, place: Place, message: str) -> None:
        """Note what is wrong at *place*, and the cure."""
        self.take(place.error(message))

    def take(self, error: PolicyError) -> None:
        """Note *error*, unless it has been told: one rule may be read several times."""
        if len(self.found) < MOST and str(error) not in self._told:
            self._told.add(str(error))
            self.found.append(error)

    def sorted(self) -> tuple[PolicyError, ...]:
        """All mistakes, file by file, from the top of each."""
        files = list(dict.fromkeys(error.file for error in self.found))
        return tuple(sorted(self.found, key=lambda e: (files.index(e.file), e.line, e.column)))


def settle(errors: Errors) -> None:
    """Go on if nothing was wrong.

    Raises:
        PolicyError: the first mistake in the file; its notes tell the others.
    """
    if not errors.found:
        return
    first, *others = errors.sorted()
    for other in others:
        first.add_note(f"also {other}")
    raise first


class Fields:
    """The members of one mapping; *what* names it in errors: `a rule`."""

    def __init__(self, node: Node, what: str, known: Iterable[str], errors: Errors) -> None:
        self.what = what
        self.place = node.place
        self.errors = errors
        self.members: dict[str, Node] = {}
        self.keys: dict[str, Place] = {}
        self.misspelt: set[str] = set()
        self.there = isinstance(node, Mapping)
        if not isinstance(node, Mapping):
            errors.add(node.place, f"{what} is a mapping of keys to values, not {kind(node)}")
            return
        self.members, self.keys = node.members, node.keys
        known = list(known)
        for key, place in node.keys.items():
            if key not in known:
                hint = suggest(key, known) or f"; there are {', '.join(known)}"
                errors.add(place, f"unknown key {key!r} in {what}{hint}")
                self.misspelt.update(word for word in known if f"'{word}'" in hint)

    @classmethod
    def of(cls, node: Node, shape: Shape, errors: Errors) -> Fields:
        """The members of *node*, which must have the keys that *shape* asks for."""
        known: Iterable[str] = shape.keys
        if shape.others is not None and isinstance(node, Mapping):
            known = (*shape.keys, *node.members)
        fields = cls(node, shape.what, known, errors)
        for name, key in shape.keys.items():
            if key.cure:
                fields.require(name, key.cure)
        return fields

    def __contains__(self, key: str) -> bool:
        return key in self.members

    def fail(self, key: str, message: str) -> None:
        """Note a mistake in the value of *key*."""
        self.errors.add(self.members[key].place, message)

    def refuse(self, key: str, message: str) -> None:
        """Note that *key* should not stand here at all."""
        if key in self.keys:
            self.errors.add(self.keys[key], message)

    def require(self, key: str, cure: str) -> None:
        """Note that *key* is missing, if it is and not just misspelt."""
        if self.there and key not in self.members and key not in self.misspelt:
            self.errors.add(self.place, f"{self.what} has no {key!r}; {cure}")

    def text(self, key: str, default: str = "") -> str:
        """The text under *key*; empty text is a mistake."""
        if key not in self.members:
            return default
        return text(self.members[key], f"{key!r}", self.errors)

    def name(self, key: str, default: str = "") -> str:
        """The lower-case name under *key*."""
        value = self.text(key, default)
        if key in self.members and value and not _NAME.fullmatch(value):
            self.fail(
                key,
                f"{value[:100]!r} cannot be the {key} of {self.what}; use up to 100 lower-case "
                "letters, digits, '.', '_' and '-'",
            )
        return value

    def choice(self, key: str, kinds: type[E], default: E, what: str = "") -> E:
        """The member of an enumeration under *key*; *what* names it in errors, if not the key."""
        value = self.text(key)
        if not value:
            return default
        try:
            return kinds(value)
        except ValueError:
            names = [kind.value for kind in kinds]
            hint = suggest(value, names) or f"; write {' or '.join(names)}"
            self.fail(key, f"{value!r} is no {what or key}{hint}")
            return default

    def whole(self, key: str, default: int) -> int:
        """The integer under *key*."""
        if key not in self.members:
            return default
        node = self.members[key]
        if isinstance(node, Scalar) and type(node.value) is int:
            return node.value
        self.fail(key, f"{key!r} is a whole number, not {kind(node)}")
        return default

    def duration(self, key: str, longest: int) -> int:
        """The seconds under *key*, up to *longest* of them; 0 if there are none."""
        text = self.text(key)
        if not text:
            return 0
        found = _DURATION.fullmatch(text)
        parts = [int(part or 0) for part in found.groups()] if found else [0]
        seconds = sum(part * unit for part, unit in zip(parts, _UNITS, strict=False))
        if 0 < seconds <= longest:
            return seconds
        days = longest // 86400
        self.fail(key, f"{text!r} is no time up to {days} days; write it like 15m, 1h30m or 2d")
        return 0

    def shaped(self, key: str, shape: Shape) -> Fields:
        """The members of the mapping under *key*, which has *shape*."""
        if key in self.members:
            return Fields.of(self.members[key], shape, self.errors)
        return Fields(Mapping(self.place, {}, {}), shape.what, (), Errors())

    def changed(self, members: dict[str, Node]) -> Fields:
        """The same members, but for these."""
        other = copy(self)
        other.members = self.members | members
        return other

    def open(self, key: str, what: str) -> Fields:
        """The members of the mapping under *key*, whose keys are the author's own."""
        node = self.members.get(key)
        if node is None:
            return Fields(Mapping(self.place, {}, {}), what, (), self.errors)
        return Fields(node, what, node.members if isinstance(node, Mapping) else (), self.errors)

    def inside(self, key: str, what: str, known: Iterable[str]) -> Fields:
        """The members of the mapping under *key*; *what* names it in errors."""
        if key in self.members:
            return Fields(self.members[key], what, known, self.errors)
        return Fields(Mapping(self.place, {}, {}), what, (), Errors())

    def texts(self, key: str, *, empty: bool = False) -> list[tuple[str, Place]]:
        """The text, or the list of texts, under *key*, each with its place."""
        if key not in self.members:
            return []
        node = self.members[key]
        if not isinstance(node, Sequence):
            return [(text(node, f"{key!r}", self.errors), node.place)]
        if not node.items and not empty:
            self.fail(key, f"the list of {key!r} is empty; name at least one, or leave the key out")
        what = f"each {key!r}"
        return [(text(item, what, self.errors), item.place) for item in node.items]

    def nodes(self, key: str) -> tuple[Node, ...]:
        """The items of the list under *key*."""
        if key not in self.members:
            return ()
        node = self.members[key]
        if isinstance(node, Sequence):
            return node.items
        self.fail(key, f"{key!r} is a list, not {kind(node)}; begin each item with '- '")
        return ()


def text(node: Node, what: str, errors: Errors) -> str:
    """The text of *node*; anything else is a mistake."""
    if not isinstance(node, Scalar):
        errors.add(node.place, f"{what} is text, not {kind(node)}")
        return ""
    if isinstance(node.value, str):
        if not node.value.strip():
            errors.add(node.place, f"{what} is empty; write it, or leave the key out")
        return node.value.strip()
    if node.value is None:
        errors.add(node.place, f"{what} has no value; write it, or leave the key out")
        return ""
    errors.add(node.place, f"{what} is text, not {kind(node)}; put {node.source} in quotes")
    return ""


def kind(node: Node) -> str:
    """What *node* is, for a sentence."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node.value, str):
        return "text"
    if node.value is None:
        return "nothing"
    if isinstance(node.value, bool):
        return "a boolean"
    return "a number" if isinstance(node.value, int) else "a decimal number"

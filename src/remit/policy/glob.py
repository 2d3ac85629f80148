"""Patterns over names: `*` is any run of characters, `?` is one, all else is itself.

Dots and slashes are characters like any other. A match takes time linear in the
name, whatever the pattern; and an `Index` of many patterns looks up literal
names, `prefix*` and `*suffix` by hash, so it costs the patterns that can match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

LONGEST = 256

_CURES = {
    "[": "list the names instead",
    "]": "list the names instead",
    "{": "list the names instead",
    "}": "list the names instead",
    "\\": "no character needs escaping",
    "!": "write a rule of the opposite effect instead",
}


def mistake(pattern: str) -> str:
    """What is wrong with *pattern*, and the cure; empty when it is a pattern."""
    if not pattern.strip():
        return "an empty pattern matches nothing; write a name, or '*' for all"
    if len(pattern) > LONGEST:
        return f"a pattern has at most {LONGEST} characters; shorten it with '*'"
    for char, cure in _CURES.items():
        if char in pattern:
            return f"{char!r} has no meaning in a pattern ('*' and '?' have); {cure}"
    return ""


def rewrite(pattern: str, form: Callable[[str], str]) -> str:
    """*pattern* with *form* applied to what stands between its wildcards."""
    parts: list[str] = []
    literal = ""
    for char in pattern:
        if char in "*?":
            parts += [form(literal) if literal else "", char]
            literal = ""
        else:
            literal += char
    parts.append(form(literal) if literal else "")
    return "".join(parts)


class Glob:
    """One pattern, as a set of states that every character of a name advances at once."""

    __slots__ = ("_at_star", "_end", "_on", "_on_other")

    def __init__(self, pattern: str) -> None:
        elements = pattern.replace("*", "")
        self._end = 1 << len(elements)
        self._at_star = 0
        self._on: dict[str, int] = {}
        self._on_other = 0
        place = 0
        for char in pattern:
            if char == "*":
                self._at_star |= 1 << place
                continue
            if char == "?":
                self._on_other |= 1 << place
            else:
                self._on[char] = self._on.get(char, 0) | 1 << place
            place += 1
        for char in self._on:
            self._on[char] |= self._on_other

    def matches(self, name: str) -> bool:
        """Whether the whole of *name* fits."""
        states = 1
        for char in name:
            states = (states & self._on.get(char, self._on_other)) << 1 | states & self._at_star
            if not states:
                return False
        return states & self._end != 0


class Index:
    """Many patterns, numbered; a name gives the set of those it fits as bits of an integer."""

    __slots__ = ("_all", "_globs", "_literals", "_prefixes", "_suffixes")

    def __init__(self, patterns: Iterable[tuple[str, int]]) -> None:
        """Index (pattern, number) pairs; several may share a number."""
        self._all = 0
        self._literals: dict[str, int] = {}
        self._prefixes: dict[int, dict[str, int]] = {}
        self._suffixes: dict[int, dict[str, int]] = {}
        self._globs: list[tuple[Glob, int]] = []
        for pattern, number in patterns:
            self._add(pattern, 1 << number)

    def __bool__(self) -> bool:
        return bool(self._all or self._literals or self._prefixes or self._suffixes or self._globs)

    def _add(self, pattern: str, bit: int) -> None:
        text = pattern.strip("*")
        if "*" in text or "?" in text:
            self._globs.append((Glob(pattern), bit))
        elif not text:
            self._all |= bit
        elif pattern == text:
            self._literals[text] = self._literals.get(text, 0) | bit
        elif not pattern.startswith("*"):
            _put(self._prefixes, text, bit)
        elif not pattern.endswith("*"):
            _put(self._suffixes, text, bit)
        else:
            self._globs.append((Glob(pattern), bit))

    def find(self, name: str) -> int:
        """The numbers of the patterns that *name* fits, as bits."""
        bits = self._all | self._literals.get(name, 0)
        for length, texts in self._prefixes.items():
            bits |= texts.get(name[:length], 0)
        for length, texts in self._suffixes.items():
            bits |= texts.get(name[-length:], 0)
        for glob, bit in self._globs:
            if glob.matches(name):
                bits |= bit
        return bits


def _put(tables: dict[int, dict[str, int]], text: str, bit: int) -> None:
    table = tables.setdefault(len(text), {})
    table[text] = table.get(text, 0) | bit

"""A document that was read from another format -> the same in ours, as YAML.

Text is written plain where nothing could take it for something else, in single quotes where it is
one printable line, and in double quotes with escapes otherwise. Comments that stand right above a
rule stay there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from remit.policy.rule import ANY, Document, Mode, Patterns, Rule

_PLAIN = re.compile(r"[A-Za-z](?:[ -~](?<!: )(?<! #))*(?<![ :])")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
"""Plain words that are no text, to YAML 1.2 or to older readers."""

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_IN_BRACKETS = re.compile(r"[\w.-]+", re.ASCII)


def write(document: Document, source: str) -> str:
    """*document*, which was read from the text *source*, as text of ours."""
    lines = source.splitlines()
    name = document.file.replace("\\", "/").rsplit("/", 1)[-1]
    written = [
        f"# Written by `remit import` from {_shown(name)}.",
        "remit: 1",
        f"name: {_scalar(document.name)}",
        f"default: {document.default.value}",
        f"order: {document.order.value}",
        "rules:" if document.rules else "rules: []",
    ]
    assert document.mode is Mode.ENFORCE
    rules = ["\n".join([*_comments(lines, r.place.line), *_rule(r)]) for r in document.rules]
    return "\n".join([*written, "\n\n".join(rules)]).rstrip("\n") + "\n"


def _rule(rule: Rule) -> Iterator[str]:
    yield f"  - id: {_scalar(rule.id)}"
    yield f"    action: {_patterns(rule.action)}"
    if rule.subject != ANY:
        yield f"    subject: {_patterns(rule.subject)}"
    if rule.resource != ANY:
        yield f"    resource: {_patterns(rule.resource)}"
    if rule.when is not None:
        yield f"    when: {_scalar(rule.when.text)}"
    yield f"    effect: {rule.effect.value}"
    if rule.risk is not None:
        yield f"    risk: {rule.risk.value}"
    if rule.reason:
        yield f"    reason: {_scalar(rule.reason)}"


def _comments(lines: Sequence[str], line: int) -> Iterator[str]:
    """The comments that stand right above a line, the first of which is 1."""
    first = line - 1
    while first > 0 and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    for comment in lines[first : line - 1]:
        yield f"  {_shown(comment.strip())}"


def _patterns(patterns: Patterns) -> str:
    if len(patterns) == 1:
        return _scalar(patterns[0])
    return f"[{', '.join(map(_item, patterns))}]"


def _item(text: str) -> str:
    """*text* in a list in brackets, where a comma would end it."""
    return _scalar(text) if _IN_BRACKETS.fullmatch(text) else _quoted(text)


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    return char if char.isprintable() else f"\\U{ord(char):08x}"


def _shown(text: str) -> str:
    """*text* without what a terminal would obey or hide."""
    return "".join(char if char.isprintable() else "?" for char in text)

"""The one way to write a policy, as far as it can be reached without losing a comment.

What is done: the keys of a rule stand in the order of the documentation, quotes go where
plain text means the same, lines do not end in spaces, blank lines stand alone, and the file
ends in a line break. Everything else stays as its author wrote it: lines of text that goes
over several, rules in braces, rules with keys nobody knows.

The result says what the source said, or the source is returned.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from remit.errors import PolicyError
from remit.policy.located import Mapping, Node, Scalar, Sequence, decode, plain, read
from remit.policy.read_rule import RULE

Step: TypeAlias = Callable[[str, str], str]
"""From a text and the name of its file to a better text."""

_BREAK = re.compile("\r\n|\r|\n")
_OTHER_BREAKS = re.compile("[\x85\u2028\u2029]")
"""Line breaks to YAML and to nobody else."""

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
"""Plain text to us, and something else to other readers of YAML."""

_ORDER = {key: number for number, key in enumerate(RULE.keys)}


def written(source: str | bytes, file: str) -> str:
    """The text of *source* in canonical form.

    Raises:
        PolicyError: it is not YAML that a policy could be.
    """
    text = decode(source, file)
    said = _said(text, file)
    if _OTHER_BREAKS.search(text):
        return text
    for steps in ((_unquote, _reorder, _tidy), (_unquote, _tidy), (_tidy,)):
        result = _after(steps, text, file)
        if result is not None and _said(result, file) == said:
            return result
    return text


def _after(steps: tuple[Step, ...], text: str, file: str) -> str | None:
    """What *steps* make of *text*; None if that cannot be read any more."""
    try:
        for step in steps:
            text = step(text, file)
        read(text, file, "a policy")
    except PolicyError:
        return None
    return text


def _said(text: str, file: str) -> str:
    return json.dumps(plain(read(text, file, "a policy")), sort_keys=True)


def _tidy(text: str, file: str) -> str:
    """Lines without spaces at their ends, and blank ones alone."""
    lines = _BREAK.split(text)
    kept = _kept(read(text, file, "a policy"))
    tidied: list[str] = []
    for number, line in enumerate(lines, 1):
        if number in kept:
            tidied.append(line)
        elif line.strip() or (tidied and tidied[-1]):
            tidied.append(line.rstrip())
    while tidied and not tidied[-1].strip():
        tidied.pop()
    return "\n".join(tidied) + "\n"


def _unquote(text: str, file: str) -> str:
    """Values without quotes they do not need."""
    lines = _BREAK.split(text)
    found = {
        node.place: node
        for node in _nodes(read(text, file, "a policy"))
        if isinstance(node, Scalar) and _needless(node)
    }
    for place in sorted(found, key=lambda place: (place.line, place.column), reverse=True):
        node, line = found[place], lines[place.line - 1]
        start, end = place.column - 1, place.column - 1 + len(node.source)
        if line[start:end] == node.source:
            lines[place.line - 1] = line[:start] + str(node.value) + line[end:]
    return "\n".join(lines)


def _needless(node: Scalar) -> bool:
    value = node.value
    return (
        isinstance(value, str)
        and node.source in {f'"{value}"', f"'{value}'"}
        and _PLAIN.fullmatch(value) is not None
        and value.lower() not in _WORDS
    )


def _reorder(text: str, file: str) -> str:
    """The keys of each rule in the order of the documentation."""
    lines = _BREAK.split(text)
    root = read(text, file, "a policy")
    kept = _kept(root)
    rules = root.members.get("rules") if isinstance(root, Mapping) else None
    for rule in rules.items if isinstance(rules, Sequence) else ():
        if isinstance(rule, Mapping) and rule.keys.keys() <= _ORDER.keys():
            _reorder_rule(lines, rule, kept)
    return "\n".join(lines)


def _reorder_rule(lines: list[str], rule: Mapping, kept: frozenset[int]) -> None:
    names = list(rule.keys)
    wanted = sorted(names, key=_ORDER.__getitem__)
    if names == wanted or not _own_lines(lines, rule):
        return
    places = list(rule.keys.values())
    column = places[0].column - 1
    starts = [places[0].line - 1]
    for place in places[1:]:
        start = place.line - 1
        while start - 1 > starts[-1] and start not in kept and _is_comment(lines[start - 1]):
            start -= 1
        starts.append(start)
    end = _end(lines, places[-1].line, column, kept)
    bounds = zip(starts, [*starts[1:], end], strict=True)
    chunks = {name: lines[a:b] for name, (a, b) in zip(names, bounds, strict=True)}
    head = lines[starts[0]][:column]
    chunks[names[0]][0] = " " * column + chunks[names[0]][0][column:]
    ordered = [line for name in wanted for line in chunks[name]]
    first = next(number for number, line in enumerate(ordered) if not _is_comment(line))
    ordered[first] = head + ordered[first][column:]
    lines[starts[0] : end] = ordered


def _own_lines(lines: list[str], rule: Mapping) -> bool:
    """Whether each key of *rule* begins a line, the first perhaps behind its dash."""
    first, *others = rule.keys.values()
    before = lines[first.line - 1][: first.column - 1]
    numbers = [place.line for place in rule.keys.values()]
    return (
        before.strip() in {"", "-"}
        and numbers == sorted(set(numbers))
        and all(not lines[place.line - 1][: place.column - 1].strip() for place in others)
    )


def _end(lines: list[str], line: int, column: int, kept: frozenset[int]) -> int:
    """Behind which line the value ends whose key stands at *line* and *column*."""
    while line < len(lines):
        text = lines[line]
        depth = len(text) - len(text.lstrip())
        dashed = depth == column and text.lstrip().startswith("- ")
        if line + 1 not in kept and (not text.strip() or (depth <= column and not dashed)):
            break
        line += 1
    return line


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _kept(root: Node) -> frozenset[int]:
    """The lines of text that goes over several; the line of a block's header is not among them."""
    kept: set[int] = set()
    for node in _nodes(root):
        if isinstance(node, Scalar) and (more := len(_BREAK.findall(node.source))):
            block = node.source[0] in "|>"
            kept.update(range(node.place.line + block, node.place.line + more + (not block)))
    return frozenset(kept)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _nodes(item)
    elif isinstance(node, Mapping):
        for member in node.members.values():
            yield from _nodes(member)

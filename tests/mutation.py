"""Every way to misspell one word of a policy: its keys, its choices, and all of its conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from remit.expr.lex import tokens
from remit.policy.located import Mapping, Node, Place, Scalar, Sequence, read

CHOICES = {"effect", "default", "order", "mode", "risk", "remit"}
"""Keys whose values are words of the language."""
CONDITIONS = {"when"}
PATTERNS = {"action"}
FREE = {"obligations", "tools", "with", "params", "tests"}
"""Keys under which somebody else's words stand."""
NAMES = {"environments"}
"""Keys under which names of one's own stand, and below these the words of the language."""
OPERATORS = {
    "&&": "&", "||": "|", "==": "=", "!=": "=!", ">=": "=>", "<=": "=<", ">": ">>", "<": "<<",
    "!": "¬", "+": "++", "-": "~", "*": "**", "/": "÷", "%": "%%", "?": "??", ":": ";",
}  # fmt: skip
BRACKETS = set("()[]{}.,")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a file, and where it stands."""

    kind: str
    """`key`, `choice`, `pattern`, `operator`, `function`, `name`, or `member of` what precedes."""
    text: str
    place: Place
    wrong: str


def words(text: str, file: str) -> Iterator[Word]:
    """All that can be misspelt in a policy."""
    yield from _of(read(text, file, "a policy"), "")


def misspelt(text: str, word: Word) -> str:
    """*text* with that one word wrong."""
    lines = text.split("\n")
    line, start = lines[word.place.line - 1], word.place.column - 1
    found = line[start : start + len(word.text)]
    assert found == word.text, (word, found)
    lines[word.place.line - 1] = line[:start] + word.wrong + line[start + len(word.text) :]
    return "\n".join(lines)


def wrong(word: str) -> str:
    """*word* as a hurried hand writes it."""
    for at in range(len(word) - 1):
        if word[at] != word[at + 1] and (word[at] + word[at + 1]).isalpha():
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word + word[-1]


def _of(node: Node, key: str) -> Iterator[Word]:
    if isinstance(node, Mapping):
        for name, place in node.keys.items():
            if key not in NAMES:
                yield Word("key", name, place, wrong(name))
            if name not in FREE:
                yield from _of(node.members[name], name)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _of(item, key)
    elif key in CHOICES:
        yield Word("choice", node.source, node.place, wrong(node.source))
    elif key in PATTERNS and isinstance(node.value, str) and "*" not in node.value:
        yield Word("pattern", node.value, node.place_of(0), wrong(node.value))
    elif key in CONDITIONS:
        yield from _of_condition(node)


def _of_condition(node: Scalar) -> Iterator[Word]:
    text = str(node.value)
    found = tokens(text)
    for at, token in enumerate(found[:-1]):
        spelled = text[token.at : token.end]
        before, after = found[at - 1].kind if at else "", found[at + 1].kind
        place = node.place_of(token.at)
        if token.kind == "name":
            kind = "function" if after == "(" else "name"
            if kind == "name" and before == ".":
                kind = f"member of {_chain(text, found, at)}"
            yield Word(kind, spelled, place, wrong(spelled))
        elif token.kind in OPERATORS:
            yield Word("operator", spelled, place, OPERATORS[token.kind])


def _chain(text: str, found: list, at: int) -> str:
    """What stands before the dot: `args` of `args.amount`."""
    start = at - 2
    while start >= 2 and found[start - 1].kind == ".":
        start -= 2
    return text[found[start].at : found[at - 2].end]

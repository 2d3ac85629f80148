"""Every way to misspell one word of a policy: its keys, its choices, and all of its conditions.

What a document only gives a name to, and never refers to, is not among its words: what rules,
environments and the document itself are called, and what approvers, subjects and duties are
called in the world outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from remit.expr.lex import tokens
from remit.policy.located import Mapping, Node, Place, Scalar, Sequence, read

CHOICES = {"effect", "default", "order", "mode", "risk", "remit", "use", "param", "include"}
"""Keys whose values are words of the language, or refer to what stands elsewhere."""
SCHEMA_CHOICES = {"type", "required", "$ref"}
CASE_CHOICES = {"effect", "rules"}
CONDITIONS = {"when", "per"}
PATTERNS = {"action"}
FREE = {"obligations"}
"""Keys under which somebody else's words stand."""
NAMES = {"environments"}
"""Keys under which names of one's own stand, and below these the words of the language."""
OPERATORS = {
    "&&": "&", "||": "|", "==": "=", "!=": "=!", ">=": "=>", "<=": "=<", ">": ">>", "<": "<<",
    "!": "¬", "+": "++", "-": "~", "*": "**", "/": "÷", "%": "%%", "?": "??", ":": ";",
}  # fmt: skip
DATA = {"args", "context", "properties"}
"""Keys of a case under which data stand, of which only the names are words."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a file, and where it stands."""

    kind: str
    """`key`, `choice`, `pattern`, `operator`, `function`, `name`, or `member of` what precedes."""
    text: str
    place: Place
    wrong: str


def words(text: str, file: str) -> Iterator[Word]:
    """All that can be misspelt in a policy, each once."""
    seen: set[Place] = set()
    for word in _of(read(text, file, "a policy"), ""):
        if word.place not in seen:
            seen.add(word.place)
            yield word


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
                yield from _below(node.members[name], name)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _of(item, key)
    elif key in CHOICES:
        yield _word("choice", node)
    elif key in PATTERNS and isinstance(node.value, str) and node.value.strip("*?"):
        yield _word("pattern", node)
    elif key in CONDITIONS:
        yield from _of_condition(node)


def _below(node: Node, name: str) -> Iterator[Word]:
    """The words under a key: what they are depends on it."""
    if name in {"tools", "facts"}:
        yield from _named(node, _of_schema)
    elif name == "let":
        yield from _named(node, _of_condition)
    elif name == "params":
        yield from _named(node, lambda kind: iter([_word("choice", kind)]))
    elif name == "with":
        yield from _named(node, _of_value)
    elif name == "tests" and isinstance(node, Sequence):
        for case in node.items:
            yield from _of_case(case, "")
    else:
        yield from _of(node, name)


def _named(node: Node, inner) -> Iterator[Word]:
    """Names, and what stands under each."""
    assert isinstance(node, Mapping)
    for name, place in node.keys.items():
        yield Word("key", name, place, wrong(name))
        yield from inner(node.members[name])


def _of_schema(node: Node, key: str = "") -> Iterator[Word]:
    if isinstance(node, Mapping):
        for name, member in node.members.items():
            yield Word("key", name, node.keys[name], wrong(name))
            yield from _of_schema(member, name)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _of_schema(item, key)
    elif key in SCHEMA_CHOICES:
        yield _word("choice", node)


def _of_case(node: Node, key: str) -> Iterator[Word]:
    if isinstance(node, Mapping):
        for name, member in node.members.items():
            yield Word("key", name, node.keys[name], wrong(name))
            if key not in DATA:
                yield from _of_case(member, name)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _of_case(item, key)
    elif key in PATTERNS or key in CASE_CHOICES:
        yield _word("choice", node)


def _of_value(node: Node) -> Iterator[Word]:
    """A value for a parameter; the name of a tool is a word."""
    if isinstance(node, Scalar) and str(node.value).startswith("refund_"):
        yield _word("choice", node)


def _word(kind: str, node: Scalar) -> Word:
    quoted = isinstance(node.value, str) and node.source != node.value
    text = str(node.value) if quoted else node.source
    return Word(kind, text, node.place_of(0) if quoted else node.place, wrong(text))


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
                kind = "member"
            yield Word(kind, spelled, place, wrong(spelled))
        elif token.kind in OPERATORS:
            yield Word("operator", spelled, place, OPERATORS[token.kind])

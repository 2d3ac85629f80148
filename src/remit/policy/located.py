"""YAML text -> plain values that know where they stand. Strict, bounded, pure.

The types are those of the YAML 1.2 core schema: `no`, `on`, `12:30` and
`1_000` are text, `0o17` is a number. What one line can hide from the next is
refused: duplicate keys, tags, merge keys, several documents, keys that are not
text. Aliases repeat what they name, up to a bound.

Every refusal is a `PolicyError` with file, line, column and a cure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any, NoReturn, TypeAlias

import yaml

from remit.canonical.jcs import LARGEST_INTEGER
from remit.errors import PolicyError
from remit.policy.written import index_of

MAX_BYTES = 8 << 20
MAX_DEPTH = 32
MAX_REPEATED = 10_000
"""How many values aliases may add: beyond it, a small file is a large one in disguise."""

_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {
    "": None,
    **dict.fromkeys(["~", "null", "Null", "NULL"]),
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
}

_CURES = (
    ("mapping values are not allowed", "put the value in quotes: it has a colon and a space"),
    (
        "cannot start any token",
        "indent with spaces, and put values that start with @ ` or % in quotes",
    ),
    ("did not find expected key", "check the indentation, and put quotes around the whole value"),
    ("expected <block end>", "check the indentation, and put quotes around the whole value"),
    ("did not find expected '-'", "a list and a mapping cannot share one indentation"),
    ("unexpected end of stream", "close the quote"),
    ("did not find expected ','", "close the bracket or the brace"),
    ("expected ',' or", "close the bracket or the brace"),
    ("escape", "write the text in 'single quotes', where a backslash is a backslash"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands; line and column count from 1."""

    file: str
    line: int
    column: int

    def error(self, message: str) -> PolicyError:
        """A `PolicyError` that points here."""
        return PolicyError(message, file=self.file, line=self.line, column=self.column)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: text, a number, a boolean, or nothing."""

    place: Place
    value: str | int | float | bool | None
    source: str
    """How it is written in the file, quotes and all."""

    def place_of(self, offset: int) -> Place:
        """Where the character at *offset* of the text stands in the file."""
        lines = _lines(self.source[: index_of(offset, str(self.value), self.source)])
        if len(lines) == 1:
            return Place(self.place.file, self.place.line, self.place.column + len(lines[0]))
        return Place(self.place.file, self.place.line + len(lines) - 1, len(lines[-1]) + 1)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values, in the order of the file."""

    place: Place
    members: dict[str, Node]
    keys: dict[str, Place]


Node: TypeAlias = Scalar | Sequence | Mapping


def plain(node: Node) -> Any:
    """The value of *node* without its places."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key: plain(member) for key, member in node.members.items()}


def decode(source: str | bytes, file: str) -> str:
    """The text of a file: UTF-8, with or without a byte order mark, of a sane size."""
    if isinstance(source, str):
        size, text = len(source.encode("utf-8", "surrogatepass")), source
    else:
        size, text = len(source), ""
    if size > MAX_BYTES:
        raise PolicyError(
            f"the file has {size} bytes, over the {MAX_BYTES} a policy may have; "
            "split it into several",
            file=file,
        )
    if isinstance(source, bytes):
        try:
            text = source.decode()
        except UnicodeDecodeError as error:
            before = source[: error.start].decode()
            raise _at(before, len(before), file).error(
                f"byte 0x{source[error.start]:02x} is not UTF-8; save the file as UTF-8"
            ) from None
    text = text.removeprefix("\ufeff")
    if bad := _UNPRINTABLE.search(text):
        raise _at(text, bad.start(), file).error(
            f"character U+{ord(bad[0]):04X} cannot stand in a policy; remove it"
        )
    return text


def read(source: str | bytes, file: str, what: str) -> Node:
    """The only YAML document in *source*; *what* names it in errors."""
    text = decode(source, file)
    try:
        return _Reader(text, file, what).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        raise place.error(_explain(error)) from None
    except RecursionError:
        # Only the parser written in Python, where libyaml is missing, nests this way.
        raise PolicyError("nested too deep to be read; flatten it", file=file) from None


def _explain(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "it cannot be read"
    cure = next((cure for part, cure in _CURES if part in problem), "check the line above as well")
    return f"not YAML: {problem}; {cure}"


class _Reader:
    """Builds one tree from the parser's events, and counts what aliases repeat."""

    def __init__(self, text: str, file: str, what: str) -> None:
        self.text = text
        self.file = file
        self.what = what
        self.events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.repeated = 0

    def document(self) -> Node:
        next(self.events)
        if isinstance(next(self.events), yaml.StreamEndEvent):
            raise PolicyError(
                f"the file is empty; {self.what} begins with its version", file=self.file
            )
        root, _ = self.node(next(self.events), MAX_DEPTH)
        next(self.events)
        if not isinstance(more := next(self.events), yaml.StreamEndEvent):
            self.fail(more, f"a second document begins here; {self.what} is one document per file")
        return root

    def node(self, event: Any, depth: int) -> tuple[Node, int]:
        """The node that *event* begins, and how many nodes it is made of."""
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        if depth == 0:
            self.fail(event, f"nested over {MAX_DEPTH} levels deep; flatten it")
        if event.tag is not None:
            self.fail(
                event,
                f"{event.tag!r} reads as a YAML tag, and tags have no meaning here; "
                "put a value that starts with '!' in quotes, remove any other tag",
            )
        node, size = self.build(event, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = node, size
        return node, size

    def build(self, event: Any, depth: int) -> tuple[Node, int]:
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event), 1
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(event, depth)
        return self.mapping(event, depth)

    def alias(self, event: Any) -> tuple[Node, int]:
        if event.anchor not in self.anchors:
            self.fail(
                event, f"'*{event.anchor}' repeats nothing that stands above; put text in quotes"
            )
        node, size = self.anchors[event.anchor]
        self.repeated += size
        if self.repeated > MAX_REPEATED:
            self.fail(
                event, f"aliases repeat over {MAX_REPEATED} values; write them out or drop them"
            )
        return node, size

    def scalar(self, event: Any) -> Scalar:
        source = self.text[event.start_mark.index : event.end_mark.index]
        if event.style:
            return Scalar(self.place(event), event.value, source)
        return Scalar(self.place(event), self.resolve(event), source)

    def resolve(self, event: Any) -> str | int | float | bool | None:
        text: str = event.value
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in "+-.0123456789":
            return text
        if _INTEGER.fullmatch(text):
            return self.integer(event, text)
        unsigned = text.lstrip("+-").lower()
        if not _FLOAT.fullmatch(text) and unsigned not in {".inf", ".nan"}:
            return text
        if unsigned in {".inf", ".nan"} or not isfinite(number := float(text)):
            self.fail(event, f"{text} is not a number a policy can compare; write a finite one")
        return number

    def integer(self, event: Any, text: str) -> int:
        digits = text.lstrip("+-0ox")
        if len(digits) > 18 or abs(number := _int(text)) > LARGEST_INTEGER:
            self.fail(event, "an integer beyond 2**53, which JSON readers round; put it in quotes")
        return number

    def sequence(self, start: Any, depth: int) -> tuple[Sequence, int]:
        items: list[Node] = []
        total = 1
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            item, size = self.node(event, depth - 1)
            items.append(item)
            total += size
        return Sequence(self.place(start), tuple(items)), total

    def mapping(self, start: Any, depth: int) -> tuple[Mapping, int]:
        members: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        total = 1
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.key(event, keys)
            keys[key] = self.place(event)
            members[key], size = self.node(next(self.events), depth - 1)
            total += 1 + size
        return Mapping(self.place(start), members, keys), total

    def key(self, event: Any, seen: dict[str, Place]) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self.fail(event, "a key must be text; an alias, a list or a mapping cannot be one")
        scalar, _ = self.node(event, 1)
        assert isinstance(scalar, Scalar)
        if not isinstance(scalar.value, str):
            self.fail(event, f"the key {event.value or 'null'} is not text; put it in quotes")
        if scalar.value == "<<" and not event.style:
            self.fail(event, "merge keys ('<<') are not read; write the keys out")
        if scalar.value in seen:
            self.fail(
                event,
                f"the key {scalar.value!r} stands twice, first on line {seen[scalar.value].line}; "
                "keep one of them",
            )
        return scalar.value

    def place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1)

    def fail(self, event: Any, message: str) -> NoReturn:
        raise self.place(event).error(message)


def _int(text: str) -> int:
    return int(text, 0 if text[:2] in {"0o", "0x"} else 10)


def _lines(text: str) -> list[str]:
    return re.split("\r\n|\r|\n", text)


def _at(text: str, index: int, file: str) -> Place:
    lines = _lines(text[:index])
    return Place(file, len(lines), len(lines[-1]) + 1)

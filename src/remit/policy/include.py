"""`include:` -> the parts of a document that stand in other files.

An included file is written like a document and is read as a part of the one that
includes it: its rules stand before the document's own, its definitions and templates
above them. What holds for a document as a whole, the document says itself. A file that
is reached twice counts once; one that reaches itself is a mistake.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from remit.errors import PolicyError
from remit.policy.fields import Errors, Fields
from remit.policy.keys import Shape
from remit.policy.located import Node, Place, read

Reader: TypeAlias = Callable[[str, str], tuple[str, bytes]]
"""From the name of a file, and the file that names it, to what errors call it and its bytes."""

OWN = ("name", "default", "order", "mode", "valid", "environments", "tests")
"""What holds for a document as a whole, and so cannot be included."""

MOST = 100
"""Files a document may be made of."""


@dataclass(frozen=True, slots=True)
class Named:
    """A definition or a template: its name, where that stands, and what it is."""

    name: str
    place: Place
    node: Node


@dataclass(slots=True)
class Parts:
    """The files a document is made of: included ones first, each once."""

    fields: list[Fields] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    """SHA-256 of every file, by what errors call it."""

    def items(self, key: str) -> Iterator[Node]:
        """The items of the lists under *key*, of all files."""
        for fields in self.fields:
            yield from fields.nodes(key)

    def named(self, key: str, what: str, errors: Errors) -> Iterator[Named]:
        """The members of the mappings under *key*, of all files; each name stands once."""
        seen: dict[str, Place] = {}
        for fields in self.fields:
            inner = fields.open(key, what)
            for name, node in inner.members.items():
                place = inner.keys[name]
                if name in seen:
                    errors.add(place, f"{name!r} stands twice, first at {seen[name]}; rename one")
                    continue
                seen[name] = place
                yield Named(name, place, node)


class Includer:
    """Reads a document and whatever it includes."""

    def __init__(self, shape: Shape, reader: Reader | None, errors: Errors) -> None:
        self.shape = shape
        self.reader = reader
        self.errors = errors
        self.parts = Parts()
        self._open: list[str] = []

    def read(self, source: str | bytes, file: str) -> Fields:
        """The members of the document in *source*; what it includes has been put into `parts`."""
        return self.take(read(source, file, self.shape.what), source, file)

    def take(self, root: Node, source: str | bytes, file: str) -> Fields:
        """The same of a document whose tree has been read from *source*."""
        fields = Fields.of(root, self.shape, self.errors)
        self.parts.digests[file] = digest_of(source)
        self._open.append(file)
        for name, place in fields.texts("include"):
            if name:
                self._include(name, place, file)
        self._open.pop()
        self.parts.fields.append(fields)
        return fields

    def _include(self, name: str, place: Place, file: str) -> None:
        try:
            found, source = self._find(name, file)
        except PolicyError as error:
            self.errors.add(place, error.message)
            return
        if found in self.parts.digests:
            return
        try:
            fields = self.read(source, found)
        except PolicyError as error:
            self.errors.take(error)
            return
        for key in OWN:
            fields.refuse(key, f"{key!r} is for the document that includes this; move it there")

    def _find(self, name: str, file: str) -> tuple[str, bytes]:
        """What errors call the file *name*, and its bytes."""
        if self.reader is None:
            message = "nothing can be included in a text alone; load the file it stands in"
            raise PolicyError(message, file=file)
        if len(self.parts.digests) >= MOST:
            message = f"over {MOST} files are included; put some of them together"
            raise PolicyError(message, file=file)
        try:
            found, source = self.reader(name, file)
        except PolicyError as error:
            message = f"{name!r} cannot be included: {error.message}"
            raise PolicyError(message, file=file) from error
        if found in self._open:
            cycle = " -> ".join([*self._open[self._open.index(found) :], found])
            message = f"this includes itself: {cycle}; remove one of these"
            raise PolicyError(message, file=file)
        return found, source


def digest_of(source: str | bytes) -> str:
    """SHA-256 of a file, in hexadecimal."""
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    return hashlib.sha256(data).hexdigest()

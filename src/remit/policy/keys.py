"""How the keys of a document are described: once, for the loader and for editors.

Beside each reader stands the `Shape` of what it reads. By it the loader knows which
keys there are and which must be; of the same shapes `schema` makes what editors
complete and underline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from remit.policy import moment

Schema: TypeAlias = Mapping[str, Any]
"""A fragment of JSON Schema, in which a `Shape` stands for the mappings it describes."""


@dataclass(frozen=True, slots=True)
class Key:
    """What stands under one key."""

    value: Schema | Shape
    about: str
    cure: str = ""
    """What to write where the key is missing; empty where it may be left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """The keys of one kind of mapping; *what* names it in errors: `a rule`."""

    what: str
    keys: Mapping[str, Key]
    others: Schema | Shape | None = None
    """What stands under keys of the author's own; None where there are none."""

    @property
    def name(self) -> str:
        """What the schema calls it."""
        return self.what.split(" ", 1)[1].replace(" ", "-")


NAME_PATTERN = "[a-z0-9][a-z0-9._-]{0,99}"
DURATION_PATTERN = "(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?"

TEXT: Schema = {"type": "string", "pattern": r"\S"}
TEXTS: Schema = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]}
TEXTS_OR_NONE: Schema = {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}
NAME: Schema = {"type": "string", "pattern": rf"^\s*{NAME_PATTERN}\s*$"}
DURATION: Schema = {"type": "string", "pattern": rf"^\s*{DURATION_PATTERN}\s*$"}
PATTERN: Schema = {"type": "string", "pattern": r"^[^\[\]{}!\\]*\S[^\[\]{}!\\]*$"}
MOMENT: Schema = {"type": "string", "pattern": rf"^\s*{moment.PATTERN}\s*$"}
WHOLE: Schema = {"type": "integer"}
ANYTHING: Schema = {}
FACTS: Schema = {"type": "object"}
"""A mapping of any data."""


def one_of(kinds: type[StrEnum]) -> Schema:
    """The values of an enumeration."""
    return {"enum": [kind.value for kind in kinds]}


def list_of(items: Schema | Shape) -> Schema:
    """A list of such items."""
    return {"type": "array", "items": items}


def map_of(values: Schema | Shape) -> Schema:
    """A mapping from names of the author's own to such values."""
    return {"type": "object", "additionalProperties": values}

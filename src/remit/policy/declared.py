"""JSON Schema -> the types of conditions.

What a type cannot say is dyn: formats stay text, bounds and patterns are not
looked at, alternatives of different types are whatever they turn out to be. An
object that lists its properties has no others, unless it says so with
`additionalProperties` or its schema combines several.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from remit.expr.errors import suggest
from remit.expr.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    NULL,
    NUMBERS,
    STRING,
    ListType,
    MapType,
    RecordType,
    Type,
    join,
)

DEEPEST = 64
"""Keys that lead to the parts that are looked at; what lies deeper is dyn."""

Way: TypeAlias = tuple[str | int, ...]
"""The keys that lead from the root of a schema to a part of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Record(RecordType):
    """The arguments of a tool, or an object in them, and which members are sure to be there."""

    required: frozenset[str] = frozenset()
    nullable: frozenset[str] = frozenset()
    choices: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """All the values that a member can have, where they are listed."""
    elsewhere: frozenset[str] = frozenset()
    """Members that only other tools of the same rule have."""

    # Two of the same name are two.
    __eq__ = object.__eq__
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a schema, and where in it."""

    way: Way
    message: str


class Value(NamedTuple):
    """What a schema says about one value."""

    type: Type = DYN
    nullable: bool = False
    choices: tuple[Any, ...] = ()


ANYTHING = Value()

_TYPES = {"string": STRING, "integer": INT, "number": DOUBLE, "boolean": BOOL}
_TYPE_NAMES = (*_TYPES, "array", "object", "null")
_OF_PYTHON: dict[type, Type] = {str: STRING, int: INT, float: DOUBLE, bool: BOOL}
_COMBINING = (
    "allOf", "anyOf", "oneOf", "if", "then", "else", "dependentSchemas", "patternProperties",
    "propertyNames", "unevaluatedProperties",
)  # fmt: skip
KEYWORDS = (
    "type", "enum", "const", "properties", "required", "additionalProperties", "items", "nullable",
    "prefixItems", "$ref", "$defs", "definitions", "not", "minimum", "maximum", "pattern",
    "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "minItems",
    "maxItems", "uniqueItems", "contains", "minContains", "maxContains", "minProperties",
    "maxProperties", "dependentRequired", "format", "contentEncoding", "contentMediaType", "title",
    "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$schema", "$id",
    "$anchor", "$comment", "discriminator", *_COMBINING,
)  # fmt: skip


def arguments(schema: Any, tool: str) -> tuple[Record, tuple[Mistake, ...]]:
    """What *tool* takes, and what is wrong with the schema that says so."""
    reader = _Reader(schema)
    found = reader.read(schema, tool, ()).type
    if not isinstance(found, Record):
        if found != DYN and not isinstance(found, MapType):
            reader.wrong((), f"the arguments of a tool are an object, not {found}")
        found = Record(tool, {}, extensible=True)
    return found, tuple(reader.mistakes)


def unite(one: Record, other: Record) -> Record:
    """What is true of both: a tool that is declared twice is called either way."""
    fields = {name: _either(each) for name, each in _by_name(one, other).items()}
    return Record(
        one.name,
        fields,
        extensible=one.extensible or other.extensible,
        required=one.required & other.required,
        nullable=one.nullable | other.nullable,
        choices={
            name: (*choices, *other.choices[name])
            for name, choices in one.choices.items()
            if name in other.choices
        },
    )


def both(one: Record, other: Record) -> Record:
    """The members of both; what both declare is as either says."""
    shared = unite(one, other)
    alone = (one.fields.keys() ^ other.fields.keys()) & {*one.choices, *other.choices}
    choices = {**one.choices, **other.choices}
    return replace(
        shared,
        required=one.required | other.required,
        choices={**shared.choices, **{name: choices[name] for name in alone}},
    )


def _by_name(*records: Record) -> dict[str, list[Type]]:
    found: dict[str, list[Type]] = {}
    for record in records:
        for name, each in record.fields.items():
            found.setdefault(name, []).append(each)
    return found


def _either(types: Iterable[Type]) -> Type:
    """The type of a value that is of any of *types*."""
    first, *others = types
    for other in others:
        first = DOUBLE if {first, other} <= NUMBERS and first != other else join(first, other)
    return first


class _Reader:
    """Reads one schema, follows its references, and goes on after a mistake."""

    def __init__(self, root: Any) -> None:
        self.roots = [root]
        """The schema, and the parts around the place at hand that have definitions of their own."""
        self.referred: dict[int, Value] = {}
        self.mistakes: list[Mistake] = []

    def wrong(self, way: Way, message: str) -> None:
        self.mistakes.append(Mistake(way, message))

    def read(self, schema: Any, name: str, way: Way) -> Value:
        """What *schema* says; *name* is how errors speak of an object."""
        if isinstance(schema, bool) or len(way) > DEEPEST:
            return ANYTHING
        if not isinstance(schema, Mapping):
            self.wrong(way, "a schema is a mapping, like {type: string}")
            return ANYTHING
        for key in schema:
            if key not in KEYWORDS:
                self.wrong((*way, key), f"unknown key {key!r} in a schema{suggest(key, KEYWORDS)}")
        inner = bool(way) and ("$defs" in schema or "definitions" in schema)
        if inner:
            self.roots.append(schema)
        found = self.combined(schema, name, way)
        if inner:
            self.roots.pop()
        return found._replace(nullable=True) if schema.get("nullable") is True else found

    def combined(self, schema: Mapping[str, Any], name: str, way: Way) -> Value:
        if "$ref" in schema:
            return self.reference(schema["$ref"], name, way)
        if "type" in schema or "properties" in schema:
            return self.plain(schema, name, way)
        for key in ("anyOf", "oneOf"):
            if options := _listed(schema.get(key)):
                read = [self.read(o, name, (*way, key, n)) for n, o in enumerate(options)]
                return _alternatives(read)
        if parts := _listed(schema.get("allOf")):
            return _all([self.read(p, name, (*way, "allOf", n)) for n, p in enumerate(parts)])
        return self.plain(schema, name, way)

    def reference(self, pointer: Any, name: str, way: Way) -> Value:
        for root in reversed(self.roots):
            found = _follow(root, pointer)
            if found is None:
                continue
            key = id(found)
            if key not in self.referred:
                # What refers to itself is dyn from there on.
                self.referred[key] = ANYTHING
                self.referred[key] = self.read(found, name, (*way, "$ref"))
            return self.referred[key]
        if not isinstance(pointer, str) or pointer.startswith("#"):
            self.wrong((*way, "$ref"), f"{pointer!r} leads to nothing in this schema")
        return ANYTHING

    def plain(self, schema: Mapping[str, Any], name: str, way: Way) -> Value:
        """A schema that says itself which values there are."""
        values = [schema["const"]] if "const" in schema else _listed(schema.get("enum"))
        if values and all(type(v) in _OF_PYTHON or v is None for v in values):
            found = [_OF_PYTHON[type(v)] for v in values if v is not None]
            return Value(_either(found) if found else NULL, None in values, tuple(values))
        kinds = schema.get("type", "object" if "properties" in schema else None)
        named = kinds if isinstance(kinds, list | tuple) else [kinds]
        if kinds is None:
            return ANYTHING
        for each in named:
            if each not in _TYPE_NAMES:
                at = (*way, "type")
                self.wrong(at, f"{each!r} is no type of JSON{suggest(str(each), _TYPE_NAMES)}")
                return ANYTHING
        return _alternatives([Value(self.kind(each, schema, name, way)) for each in named])

    def kind(self, kind: str, schema: Mapping[str, Any], name: str, way: Way) -> Type:
        if kind == "object":
            return self.object(schema, name, way)
        if kind == "array":
            return ListType(self.items(schema, name, way))
        return _TYPES.get(kind, NULL)

    def items(self, schema: Mapping[str, Any], name: str, way: Way) -> Type:
        known = _listed(schema.get("prefixItems"))
        found = [self.read(each, name, (*way, "prefixItems", n)) for n, each in enumerate(known)]
        if "items" in schema and (schema["items"] is not False or not known):
            found.append(self.read(schema["items"], name, (*way, "items")))
        # An item that may be null is looked at when it is there.
        open_ended = known and "items" not in schema
        if not found or open_ended or any(each.nullable for each in found):
            return DYN
        return _either(each.type for each in found)

    def object(self, schema: Mapping[str, Any], name: str, way: Way) -> Type:
        properties = schema.get("properties")
        more = schema.get("additionalProperties")
        combined = any(key in schema for key in _COMBINING)
        if properties is None:
            return self.mapping(more, name, way, combined=combined)
        if not isinstance(properties, Mapping):
            self.wrong((*way, "properties"), "properties are a mapping from names to schemas")
            return MapType(STRING, DYN)
        values = {
            member: self.read(each, f"{member!r} of {name}", (*way, "properties", member))
            for member, each in properties.items()
        }
        required = _listed(schema.get("required"))
        for n, member in enumerate(required):
            if not (isinstance(member, str) and member in values) and not combined:
                hint = suggest(str(member), values)
                self.wrong((*way, "required", n), f"{member!r} is required and no property{hint}")
        return Record(
            name,
            {member: value.type for member, value in values.items()},
            extensible=combined or (more is not None and more is not False),
            required=frozenset(map(str, required)),
            nullable=frozenset(member for member, value in values.items() if value.nullable),
            choices={member: value.choices for member, value in values.items() if value.choices},
        )

    def mapping(self, more: Any, name: str, way: Way, *, combined: bool) -> Type:
        """An object that lists no properties."""
        if more is False and not combined:
            return Record(name, {})
        if not isinstance(more, Mapping) or combined:
            return MapType(STRING, DYN)
        value = self.read(more, name, (*way, "additionalProperties"))
        return MapType(STRING, DYN if value.nullable else value.type)


def _alternatives(values: list[Value]) -> Value:
    """A value that is as one of *values* says; null is no type of its own, but may be there."""
    there = [each for each in values if each.type != NULL]
    if not there:
        return Value(NULL, nullable=True)
    nullable = len(there) < len(values) or any(each.nullable for each in there)
    listed = all(each.choices for each in there)
    choices = tuple(choice for each in there for choice in each.choices) if listed else ()
    if choices and nullable:
        choices = (*choices, None)
    return Value(_either(each.type for each in there), nullable, choices)


def _all(values: list[Value]) -> Value:
    """A value that is as all of *values* say."""
    saying = [each for each in values if each.type != DYN]
    records = [each.type for each in saying if isinstance(each.type, Record)]
    if len(saying) == 1 and len(values) == 1:
        return values[0]
    if not records or len(records) < len(values):
        return ANYTHING
    return Value(
        Record(
            records[0].name,
            {name: types[-1] for name, types in _by_name(*records).items()},
            extensible=any(record.extensible for record in records),
            required=frozenset[str]().union(*(record.required for record in records)),
            nullable=frozenset[str]().union(*(record.nullable for record in records)),
        )
    )


def _follow(root: Any, pointer: Any) -> Any:
    """What a reference like `#/$defs/Address` leads to; None if to nothing."""
    if not isinstance(pointer, str) or not pointer.startswith("#"):
        return None
    found = root
    for part in pointer[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = found[key]
    return found


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []

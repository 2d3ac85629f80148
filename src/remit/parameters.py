"""What a governed function takes, as JSON Schema: for the model that calls it, and for policies.

Both come from the signature and its annotations. A model fills in JSON and may
leave out what has a default; policy sees every argument, in frozen form.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from inspect import Parameter
from typing import Any, TypeAlias, get_type_hints

import msgspec

from remit.binding import Binding

Schema: TypeAlias = dict[str, Any]

OPAQUE: Schema = {
    "type": "object",
    "properties": {"opaque": {"type": "string"}},
    "required": ["opaque"],
    "additionalProperties": False,
}
"""What policy sees of an argument that is no data."""

_NUMBERS_AS_TEXT = frozenset({"decimal", "duration"})
"""Formats of text in JSON whose values are frozen as numbers."""


class Parameters:
    """The parameters of a function and their types."""

    def __init__(self, binding: Binding, hints: Mapping[str, Any]) -> None:
        self.binding = binding
        self.all = {
            parameter.name: parameter.replace(annotation=hints.get(parameter.name, Any))
            for parameter in binding.parameters
        }
        self.named = {
            name: parameter
            for name, parameter in self.all.items()
            if parameter.kind not in {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}
            and name not in binding.opaque.names
        }
        """Those that JSON can fill in."""
        self.open = any(p.kind is Parameter.VAR_KEYWORD for p in self.all.values())
        """Whether it takes arguments of any other name."""

    @classmethod
    def of(cls, function: Any, binding: Binding) -> Parameters:
        """Those of *function*, whose annotations must all be found."""
        return cls(binding, _hints(function))

    def schema(self) -> Schema:
        """What a model is told: JSON Schema (2020-12).

        Raises:
            TypeError: there is no JSON for one of the types.
        """
        definitions: Schema = {}
        named = self.named
        properties = _schemas([p.annotation for p in named.values()], definitions, by_alias=True)
        described = dict(zip(named, properties, strict=True))
        for name, parameter in named.items():
            if parameter.default is not parameter.empty and _is_json(parameter.default):
                described[name] = {**described[name], "default": parameter.default}
        required = [name for name, p in named.items() if p.default is p.empty]
        return _object(described, required, definitions, more=self.open)

    def frozen(self) -> Schema:
        """What policy sees: every argument is there; what cannot be said may be anything."""
        described = {
            name: self._frozen(parameter)
            for name, parameter in self.all.items()
            if parameter.kind is not Parameter.VAR_KEYWORD
        }
        found = _object(described, list(described), {}, more=self.open)
        kinds = [parameter.annotation for parameter in self.all.values()]
        typed_dicts = any(
            isinstance(part, msgspec.inspect.TypedDictType)
            for each in kinds
            for part in _parts(each)
        )
        frozen: Schema = _as_frozen(found, whole=not typed_dicts)
        return frozen

    def _frozen(self, parameter: Parameter) -> Schema:
        if parameter.name in self.binding.opaque.names:
            return OPAQUE
        kind = parameter.annotation
        if isinstance(kind, type) and issubclass(kind, self.binding.opaque.types):
            return OPAQUE
        if parameter.name in self.binding.defaults or not _same_frozen(kind):
            return {}
        definitions: Schema = {}
        try:
            (schema,) = _schemas([kind], definitions, by_alias=False)
        except (TypeError, NotImplementedError, ValueError):
            return {}
        # Of its own, since two modules may have classes of one name.
        schema = {**schema, "$defs": definitions} if definitions else schema
        is_list = parameter.kind is Parameter.VAR_POSITIONAL
        return {"type": "array", "items": schema} if is_list else schema


def frozen_schema(function: Any, binding: Binding) -> Schema:
    """What policy sees of a call of *function*, as far as its annotations say it."""
    try:
        return Parameters.of(function, binding).frozen()
    except NameError:
        # What is imported for type checkers alone is not there: the names of arguments still are.
        return Parameters(binding, {}).frozen()


def _hints(function: Any) -> dict[str, Any]:
    code = function if inspect.isroutine(function) else getattr(function, "func", function)
    code = code if inspect.isroutine(code) else type(code).__call__
    return get_type_hints(code, include_extras=True)


def _object(
    properties: Schema, required: list[str], definitions: Schema, *, more: bool
) -> dict[str, Any]:
    found: Schema = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": more,
    }
    return {**found, "$defs": definitions} if definitions else found


def _schemas(kinds: list[Any], definitions: Schema, *, by_alias: bool) -> list[Schema]:
    """The schema of each type; what they share is added to *definitions*."""

    def of_pydantic(kind: Any) -> Schema:
        if not hasattr(kind, "model_json_schema"):
            raise NotImplementedError
        schema: Schema = kind.model_json_schema(by_alias=by_alias)
        definitions.update(schema.pop("$defs", {}))
        return schema

    schemas, shared = msgspec.json.schema_components(
        kinds, schema_hook=of_pydantic, ref_template="#/$defs/{name}"
    )
    definitions.update(shared)
    return list(schemas)


def _is_json(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _same_frozen(kind: Any) -> bool:
    """Whether the members of the type have the same names in JSON as they have for policy."""
    parts = _parts(kind)
    return bool(parts) and not any(
        isinstance(part, msgspec.inspect.NamedTupleType)
        or (isinstance(part, msgspec.inspect.StructType) and (part.array_like or part.tag_field))
        or (isinstance(part, msgspec.inspect.Field) and part.name != part.encode_name)
        for part in parts
    )


def _parts(kind: Any) -> list[Any]:
    """Descriptions of a type and of all that it is made of; none if it cannot be told."""
    try:
        return list(_walk(msgspec.inspect.type_info(kind), set()))
    except (TypeError, NotImplementedError, ValueError):
        return []


def _walk(info: Any, seen: set[int]) -> Iterator[Any]:
    if isinstance(info, tuple):
        for each in info:
            yield from _walk(each, seen)
    elif isinstance(info, msgspec.inspect.Type | msgspec.inspect.Field) and id(info) not in seen:
        seen.add(id(info))
        yield info
        for name in info.__struct_fields__:
            yield from _walk(getattr(info, name), seen)


def _as_frozen(schema: Any, *, whole: bool) -> Any:
    """*schema* as it is of frozen values: some texts are numbers; *whole* objects lack nothing."""
    if not isinstance(schema, Mapping):
        return schema
    if schema.get("type") == "string" and schema.get("format") in _NUMBERS_AS_TEXT:
        return {"type": "number"}
    frozen: Schema = {}
    for key, each in schema.items():
        if key in {"properties", "$defs"}:
            frozen[key] = {name: _as_frozen(part, whole=whole) for name, part in each.items()}
        elif key in {"items", "additionalProperties"}:
            frozen[key] = _as_frozen(each, whole=whole)
        elif key in {"anyOf", "oneOf", "allOf", "prefixItems"}:
            frozen[key] = [_as_frozen(part, whole=whole) for part in each]
        else:
            frozen[key] = each
    if whole and "properties" in frozen:
        frozen["required"] = list(frozen["properties"])
    return frozen

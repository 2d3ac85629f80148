"""JSON Schema 2020-12 of what the loader reads, for editors.

Made of the shapes by which the loader reads, so the keys stand in one place. What a
schema cannot say (an unknown name in a condition, an id that stands twice) only the
loader knows: what the schema refuses, the loader refuses; not the other way round.
"""

from __future__ import annotations

from typing import Any

from remit.policy.cases import SUITE
from remit.policy.keys import Shape
from remit.policy.load import DOCUMENT

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def policy_schema() -> dict[str, Any]:
    """The schema of policies."""
    return _schema(DOCUMENT, "A policy of Remit")


def test_schema() -> dict[str, Any]:
    """The schema of policy tests."""
    return _schema(SUITE, "A test of Remit policies")


def _schema(root: Shape, title: str) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    body = _object(root, definitions)
    return {
        "$schema": DIALECT,
        "title": title,
        **body,
        "$defs": dict(sorted(definitions.items())),
    }


def _object(shape: Shape, definitions: dict[str, Any]) -> dict[str, Any]:
    """What *shape* says of a mapping."""
    properties = {
        name: _described(_fragment(key.value, definitions), key.about)
        for name, key in shape.keys.items()
    }
    found: dict[str, Any] = {"type": "object", "properties": properties}
    if required := [name for name, key in shape.keys.items() if key.cure]:
        found["required"] = required
    others = False if shape.others is None else _fragment(shape.others, definitions)
    if others != {}:
        found["additionalProperties"] = others
    return found


def _described(fragment: Any, about: str) -> dict[str, Any]:
    return {"description": about, **fragment}


def _fragment(value: Any, definitions: dict[str, Any]) -> Any:
    """*value* with a reference in the place of every shape."""
    if isinstance(value, Shape):
        if value.name not in definitions:
            # It may lead to itself.
            definitions[value.name] = {}
            definitions[value.name] = _object(value, definitions)
        return {"$ref": f"#/$defs/{value.name}"}
    if isinstance(value, list):
        return [_fragment(item, definitions) for item in value]
    if not hasattr(value, "items"):
        return value
    return {key: _fragment(item, definitions) for key, item in value.items()}

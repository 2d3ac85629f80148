"""What stands under `tools:` -> declared tools, or every mistake in it with its place."""

from __future__ import annotations

from remit.policy.declared import KEYWORDS, Record, Way, arguments
from remit.policy.fields import Errors, Fields
from remit.policy.keys import Shape
from remit.policy.located import Mapping, Node, Place, Sequence, plain
from remit.policy.tools import Tools

TOOLS = Shape(
    "the tools", {}, {"type": ["object", "boolean"], "propertyNames": {"enum": list(KEYWORDS)}}
)


def read_tools(fields: Fields) -> Tools:
    """The tools that a document declares, whose members are *fields*."""
    declared = fields.shaped("tools", TOOLS).members
    return Tools({name: _arguments(name, node, fields.errors) for name, node in declared.items()})


def _arguments(name: str, node: Node, errors: Errors) -> Record:
    """What one tool takes; a schema that leaves out its type is that of an object."""
    schema = plain(node)
    if isinstance(node, Mapping) and "type" not in schema and "$ref" not in schema:
        schema = {"type": "object", **schema}
    found, wrong = arguments(schema, name)
    for mistake in wrong:
        errors.add(_place(node, mistake.way), f"in the tool {name!r}: {mistake.message}")
    return found


def _place(node: Node, way: Way) -> Place:
    """Where the part of a schema stands; for a key nobody knows, the key."""
    place = node.place
    for key in way:
        if isinstance(node, Mapping) and key in node.members:
            place, node = node.keys[str(key)], node.members[str(key)]
        elif isinstance(node, Sequence) and isinstance(key, int):
            node = node.items[key]
            place = node.place
        else:
            return place
    return place

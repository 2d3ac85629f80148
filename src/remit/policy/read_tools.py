"""What stands under `tools:` and `facts:` -> their types, or every mistake with its place."""

from __future__ import annotations

from remit.policy.declared import KEYWORDS, Record, Way, arguments
from remit.policy.facts import HOLDERS, OWN, Facts
from remit.policy.fields import Errors, Fields
from remit.policy.keys import Key, Schema, Shape
from remit.policy.located import Mapping, Node, Place, Sequence, plain
from remit.policy.tools import Tools

_OBJECT: Schema = {"type": ["object", "boolean"], "propertyNames": {"enum": list(KEYWORDS)}}
TOOLS = Shape("the tools", {}, _OBJECT)
FACTS = Shape(
    "the facts",
    {
        "subject": Key(_OBJECT, "Of who asks: subject.properties."),
        "resource": Key(_OBJECT, "Of what it is done to: resource.properties."),
        "session": Key(_OBJECT, "Of the session, besides what every session has."),
        "context": Key(_OBJECT, "Of the circumstances."),
        "run": Key(_OBJECT, "Of the run it is part of, besides what every run has."),
    },
)


def read_tools(fields: Fields) -> Tools:
    """The tools that a document declares, whose members are *fields*."""
    declared = fields.shaped("tools", TOOLS).members
    return Tools(
        {name: _schema(node, name, f"the tool {name!r}", fields.errors)
         for name, node in declared.items()}
    )  # fmt: skip


def read_facts(fields: Fields) -> Facts:
    """The facts that a document declares, whose members are *fields*."""
    declared, errors = fields.shaped("facts", FACTS).members, fields.errors
    records: dict[str, Record] = {}
    for holder, node in declared.items():
        if holder in HOLDERS:
            spoken = ".".join(HOLDERS[holder])
            records[holder] = _schema(node, spoken, f"the facts of {holder!r}", errors)
    for holder, record in records.items():
        for name in sorted(OWN.get(holder, frozenset()) & record.fields.keys()):
            place = _place(declared[holder], ("properties", name))
            errors.add(place, f"every {holder} has {name!r}, which is no fact; remove it here")
    return Facts(records, declared=True)


def _schema(node: Node, name: str, where: str, errors: Errors) -> Record:
    """What one tool takes, or one holder has; a schema without a type is that of an object."""
    schema = plain(node)
    if isinstance(node, Mapping) and "type" not in schema and "$ref" not in schema:
        schema = {"type": "object", **schema}
    found, wrong = arguments(schema, name)
    for mistake in wrong:
        errors.add(_place(node, mistake.way), f"in {where}: {mistake.message}")
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

"""Rules with parameters: `templates:` -> the rules that each `use:` of them stands for.

    templates:
      refunds:
        params: {tool: text, max: number}
        rules:
          - {id: small, action: {param: tool}, when: args.amount <= param.max, effect: allow}
    rules:
      - {id: shoes, use: refunds, with: {tool: refund_shoes, max: 100}}    # the rule shoes.small

A parameter is a value, never text that is pasted: in a condition `param.max` is a
constant, elsewhere `{param: tool}` takes the place of a whole value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Map
from dataclasses import dataclass, replace
from enum import StrEnum

from remit.expr.errors import suggest
from remit.policy.fields import Errors, Fields, kind
from remit.policy.inline import PARAM, Scope
from remit.policy.keys import NAME, Key, Schema, Shape, list_of, map_of, one_of
from remit.policy.located import Mapping, Node, Place, Scalar, Sequence
from remit.policy.read_rule import RULE


class Kind(StrEnum):
    """What a parameter is."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXTS = "texts"
    """A list of texts."""


PARAMETER = Shape(
    "a parameter", {PARAM: Key(NAME, "The parameter whose value stands here.", "name one")}
)


CLOSED = frozenset({"id", "when", "effect"})
"""Keys of a rule that say themselves what they say: who reads a template sees what it does."""


def _open(value: Schema | Shape) -> Schema:
    """*value*, or that of a parameter in its place, however deep in it."""
    return {"anyOf": [PARAMETER, _opened(value)]}


def _opened(value: Schema | Shape) -> Schema | Shape:
    if isinstance(value, Shape):
        keys = {n: Key(_open(key.value), key.about, key.cure) for n, key in value.keys.items()}
        return Shape(f"{value.what} of a template", keys, value.others)
    if "anyOf" in value:
        return {**value, "anyOf": [_opened(option) for option in value["anyOf"]]}
    return {**value, "items": _open(value["items"])} if "items" in value else value


TEMPLATE_RULE = Shape(
    "a rule of a template",
    {
        name: key if name in CLOSED else Key(_open(key.value), key.about, key.cure)
        for name, key in RULE.keys.items()
    },
)
TEMPLATE = Shape(
    "a template",
    {
        "params": Key(map_of(one_of(Kind)), "Its parameters, each with what it is."),
        "rules": Key(
            list_of(TEMPLATE_RULE),
            "The rules each use of it stands for.",
            "list the rules it stands for",
        ),
    },
)
_VALUE: Schema = {"anyOf": [
    {"type": ["string", "number", "boolean"]}, {"type": "array", "items": {"type": "string"}},
]}  # fmt: skip
USE = Shape(
    "a use of a template",
    {
        "id": Key(NAME, "What the ids of its rules begin with, before a dot.", "give it a name"),
        "use": Key(NAME, "The template.", "name the template"),
        "with": Key(map_of(_VALUE), "The value of each of its parameters."),
    },
)


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """Rules, and what has to be given for them to be any."""

    name: str
    place: Place
    kinds: Map[str, Kind]
    rules: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A rule as a file has it, and where it is to be understood."""

    node: Node
    scope: Scope
    errors: Errors
    prefix: str = ""
    """What its id begins with: the use it comes from."""
    used: Place | None = None

    @property
    def id(self) -> str:
        """What it is called in the whole document; empty where it has no name."""
        found = self.node.members.get("id") if isinstance(self.node, Mapping) else None
        return f"{self.prefix}{found.value}".strip() if isinstance(found, Scalar) else ""


def read_template(name: str, place: Place, node: Node, errors: Errors) -> Template:
    """The template under *name*."""
    fields = Fields.of(node, TEMPLATE, errors)
    kinds: dict[str, Kind] = {}
    params = fields.open("params", "the parameters")
    for param in params.members:
        kinds[param] = params.choice(param, Kind, Kind.TEXT, "kind of parameter")
        if not param.isidentifier():
            errors.add(params.keys[param], f"{param!r} cannot be named in a condition; use a-z_")
    return Template(name, place, kinds, fields.nodes("rules"))


class Templates:
    """The templates of a document, and which of them nothing has used."""

    def __init__(self, templates: Map[str, Template], scope: Scope) -> None:
        self.templates = templates
        self.scope = scope
        self.unused = dict(templates)

    def expand(self, nodes: Iterable[Node], errors: Errors) -> Iterator[Written]:
        """The rules that *nodes* are, or stand for."""
        for node in nodes:
            if isinstance(node, Mapping) and "use" in node.members:
                yield from self.use(Fields.of(node, USE, errors))
            else:
                yield Written(node, self.scope, errors)

    def use(self, fields: Fields) -> Iterator[Written]:
        """The rules that one use of a template stands for."""
        name, prefix = fields.name("use"), fields.name("id")
        template = self.templates.get(name)
        if template is None:
            hint = suggest(name, self.templates) or "; write it under 'templates'"
            if name:
                fields.fail("use", f"there is no template {name!r}{hint}")
            return
        self.unused.pop(name, None)
        values = _values(fields, template)
        if values is None:
            return
        for rule in template.rules:
            errors = _Used(fields.errors, template, fields.place, {n.place for n in _all(values)})
            scope = Scope(self.scope.lets, template=name, parameters=values)
            yield Written(
                _fill_rule(rule, scope, errors), scope, errors, f"{prefix}.", fields.place
            )

    def rest(self, errors: Errors) -> Iterator[Written]:
        """The rules of templates that nothing uses, to be checked as far as that can be."""
        for template in self.unused.values():
            for rule in template.rules:
                scope = replace(
                    self.scope,
                    template=template.name,
                    parameters=dict.fromkeys(template.kinds),
                )
                blind = _Blind(errors)
                yield Written(_fill_rule(rule, scope, blind), scope, blind)


class _Used(Errors):
    """Mistakes in a rule of a template that is used: they have two places."""

    def __init__(self, outer: Errors, template: Template, use: Place, given: set[Place]) -> None:
        super().__init__()
        self.outer, self.template, self.use, self.given = outer, template, use, given

    def add(self, place: Place, message: str) -> None:
        """Note a mistake, and name the other place."""
        if place in self.given:
            self.outer.add(place, f"{message} (in the template at {self.template.place})")
        else:
            self.outer.add(place, f"{message} (the template is used at {self.use})")


class _Blind(Errors):
    """Mistakes in a rule of a template that is not used, but for those of values not there yet."""

    def __init__(self, outer: Errors) -> None:
        super().__init__()
        self.outer = outer
        self.holes: set[Place] = set()

    def add(self, place: Place, message: str) -> None:
        """Note a mistake, unless a value is missing there."""
        if place not in self.holes:
            self.outer.add(place, message)


def _values(fields: Fields, template: Template) -> dict[str, Node] | None:
    """What is given for each parameter; None if that is not what the template asks for."""
    given = fields.open("with", f"'with' of the template {template.name!r}")
    fits = given.there
    for name, place in given.keys.items():
        if name not in template.kinds:
            fields.errors.add(place, _no_parameter(template.name, name, template.kinds))
            fits = False
    for name, wanted in template.kinds.items():
        if name not in given:
            message = f"the template {template.name!r} needs {name!r}; add it under 'with'"
            fields.errors.add(fields.place, message)
            fits = False
        elif not _IS[wanted](node := given.members[name]):
            if wanted is Kind.TEXTS and isinstance(node, Sequence):
                node = next(item for item in node.items if not _is_text(item))
            fields.errors.add(node.place, f"{name!r} is {_SPOKEN[wanted]}, not {kind(node)}")
            fits = False
    return dict(given.members) if fits else None


def _no_parameter(template: str, name: str, known: Map[str, object]) -> str:
    hint = suggest(name, known) or f"; it has {', '.join(known) or 'none'}"
    return f"the template {template!r} has no parameter {name!r}{hint}"


def _fill_rule(node: Node, scope: Scope, errors: Errors) -> Node:
    if not isinstance(node, Mapping):
        return node
    members = {
        key: member if key in CLOSED else _fill(member, scope, errors)
        for key, member in node.members.items()
    }
    return Mapping(node.place, members, node.keys)


def _fill(node: Node, scope: Scope, errors: Errors) -> Node:
    """*node* with the value of a parameter wherever `{param: name}` stands."""
    if isinstance(node, Scalar):
        return node
    if isinstance(node, Sequence):
        return Sequence(node.place, tuple(_fill(item, scope, errors) for item in node.items))
    if node.members.keys() != {PARAM}:
        members = {key: _fill(member, scope, errors) for key, member in node.members.items()}
        return Mapping(node.place, members, node.keys)
    name = node.members[PARAM]
    if not isinstance(name, Scalar) or name.value not in scope.parameters:
        shown = name.source if isinstance(name, Scalar) else kind(name)
        errors.add(name.place, _no_parameter(scope.template, shown, scope.parameters))
    else:
        value = scope.parameters[str(name.value)]
        if value is not None:
            return value
    if isinstance(errors, _Blind):
        errors.holes.add(node.place)
    return Scalar(node.place, "x", "x")


def _all(values: Map[str, Node]) -> Iterator[Node]:
    for value in values.values():
        yield value
        yield from value.items if isinstance(value, Sequence) else ()


def _is_text(node: Node) -> bool:
    return isinstance(node, Scalar) and isinstance(node.value, str)


_IS: Map[Kind, Callable[[Node], bool]] = {
    Kind.TEXT: _is_text,
    Kind.NUMBER: lambda n: isinstance(n, Scalar) and type(n.value) in {int, float},
    Kind.BOOLEAN: lambda n: isinstance(n, Scalar) and isinstance(n.value, bool),
    Kind.TEXTS: lambda n: isinstance(n, Sequence) and all(map(_is_text, n.items)),
}
_SPOKEN = {
    Kind.TEXT: "text",
    Kind.NUMBER: "a number",
    Kind.BOOLEAN: "true or false",
    Kind.TEXTS: "a list of texts",
}

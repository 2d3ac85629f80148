"""From a tree to a checked tree: every name found, every type that can be known, known.

What is declared is checked here; what is not is `DYN` and is looked at when
the data are there. `unchecked` skips the types and turns every complaint into
a part of the expression that fails when it is reached: the specification
defines both ways.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from msgspec.structs import replace

from remit.expr import tree
from remit.expr.environment import Environment
from remit.expr.errors import EvalError, ExprError, suggest
from remit.expr.function import Function, dispatch
from remit.expr.infer import (
    KEYS,
    PREDICATES,
    common,
    comparable,
    constant_type,
    index_type,
    loop_type,
    member_type,
    no_member,
    no_overload,
    overloads,
    range_types,
)
from remit.expr.parse import Expr
from remit.expr.tree import Node
from remit.expr.types import (
    BOOL,
    DYN,
    STRING,
    TYPE,
    ListType,
    MapType,
    ObjectType,
    OptionalType,
    Type,
    fits,
    join,
)
from remit.expr.values import KINDS, TypeValue

Scope: TypeAlias = dict[str, Type]


@dataclass(frozen=True, slots=True)
class Checked:
    """A text and its checked tree."""

    text: str
    tree: Node
    expect: Type | None = None
    """What the value must turn out to be, if the types leave it open."""

    @property
    def type(self) -> Type:
        """What the expression evaluates to."""
        return self.tree.type


def check(expr: Expr, environment: Environment, expect: Type | None = None) -> Checked:
    """Find every name of *expr* in *environment* and check every type.

    Raises:
        ExprError: a name is unknown, a type does not fit, or a call of literals always fails.
    """
    checker = _Checker(expr.text, environment)
    node = checker.guarded(expr.tree)
    if expect is not None and not fits(expect, node.type, {}):
        raise checker.error(f"this is of type {node.type}, and must be {expect}", node)
    return Checked(expr.text, node, expect)


def unchecked(expr: Expr, environment: Environment) -> Checked:
    """Find every name of *expr*; what cannot be found or used fails when it is evaluated."""
    checker = _Lenient(expr.text, environment)
    return Checked(expr.text, checker.guarded(expr.tree))


class _Checker:
    def __init__(self, text: str, environment: Environment) -> None:
        self.text = text
        self.variables = environment.variables
        self.table = environment.table
        self.scope: Scope = {}
        self.visits: Mapping[type[Node], Callable[[Any], Node]] = {
            tree.Constant: self.constant,
            tree.Name: self.name,
            tree.Select: self.select,
            tree.Index: self.index,
            tree.Has: self.has,
            tree.Call: self.call,
            tree.And: self.logical,
            tree.Or: self.logical,
            tree.Conditional: self.conditional,
            tree.List: self.listing,
            tree.Map: self.mapping,
            tree.Loop: self.loop,
            tree.Bind: self.bind,
            tree.Unpack: self.unpack,
        }

    def guarded(self, node: Node) -> Node:
        try:
            return self.visit(node)
        except RecursionError:
            raise ExprError("nested too deep for the stack left here", self.text, 0) from None

    def visit(self, node: Node) -> Node:
        return self.visits[type(node)](node)

    def error(self, message: str, node: Node) -> ExprError:
        return ExprError(message, self.text, node.at, node.end - node.at)

    def refuse(self, message: str, node: Node) -> Node:
        """What stands for a part that cannot be used; here, nothing can."""
        raise self.error(message, node)

    def need(self, wanted: Type, node: Node, what: str) -> Node:
        """*node*, when it fits *wanted*."""
        if fits(wanted, node.type, {}):
            return node
        return self.refuse(f"{what} must be {wanted}, not {node.type}", node)

    def constant(self, node: tree.Constant) -> Node:
        return replace(node, type=constant_type(node.value))

    def name(self, node: tree.Name) -> Node:
        if not node.absolute and node.name in self.scope:
            return tree.Local(node.name, at=node.at, end=node.end, type=self.scope[node.name])
        if found := self.declared(node.name, node):
            return found
        known = [*self.scope, *self.variables]
        message = f"unknown name '{node.name}'{suggest(node.name, known)}"
        if node.name in self.table:
            message = f"'{node.name}' is a function; call it"
        return self.refuse(message, node)

    def declared(self, name: str, node: Node) -> Node | None:
        """The variable or type of this name, dots included."""
        if variable := self.variables.get(name):
            span = {"at": node.at, "end": node.end}
            return tree.Variable(name, variable.path, variable.convert, type=variable.type, **span)
        if name in KINDS.values():
            return tree.Constant(TypeValue(name), at=node.at, end=node.end, type=TYPE)
        return None

    def qualified(self, node: Node) -> str:
        """The dotted name a chain of selections spells; empty if it starts at a local variable."""
        names: list[str] = []
        while type(node) is tree.Select and not node.optional:
            names.append(node.name)
            node = node.operand
        if type(node) is not tree.Name or (node.name in self.scope and not node.absolute):
            return ""
        return ".".join([node.name, *reversed(names)])

    def select(self, node: tree.Select) -> Node:
        qualified = self.qualified(node)
        if qualified and (found := self.declared(qualified, node)):
            return found
        return self.member(self.visit(node.operand), node)

    def member(self, operand: Node, node: tree.Select) -> Node:
        """The selection of a name from *operand*, which has been visited."""
        if type(operand) is tree.Failure:
            return operand
        owner = operand.type
        if isinstance(owner, ObjectType):
            return self.attribute(operand, owner, node)
        found = member_type(owner, node.name)
        if found is None:
            return self.refuse(no_member(owner, node.name), node)
        if node.optional and not isinstance(owner, OptionalType):
            found = OptionalType(found)
        return replace(node, operand=operand, type=found)

    def attribute(self, operand: Node, owner: ObjectType, node: tree.Select) -> Node:
        field = owner.fields.get(node.name)
        if field is None:
            return self.member(self.others(operand, owner, node), node)
        span = {"at": node.at, "end": node.end}
        return tree.Attribute(operand, node.name, field.path, type=field.type, **span)

    def others(self, operand: Node, owner: ObjectType, node: tree.Select | tree.Has) -> Node:
        """The mapping that holds what is no field of an object."""
        found: Type = owner.others or MapType(STRING, DYN)
        if owner.rest is None or member_type(found, node.name) is None:
            return self.refuse(no_member(owner, node.name), node)
        span = {"at": node.at, "end": node.end}
        return tree.Attribute(operand, "", owner.rest, type=found, **span)

    def has(self, node: tree.Has) -> Node:
        operand = self.visit(node.operand)
        owner = operand.type
        if isinstance(owner, ObjectType):
            if node.name in owner.fields:
                return tree.Constant(value=True, type=BOOL, at=node.at, end=node.end)
            operand = self.others(operand, owner, node)
        if type(operand) is tree.Failure:
            return operand
        if member_type(operand.type, node.name) is None:
            return self.refuse(no_member(owner, node.name), node)
        return replace(node, operand=operand, type=BOOL)

    def index(self, node: tree.Index) -> Node:
        operand, key = self.visit(node.operand), self.visit(node.key)
        if type(key) is tree.Constant and key.type == STRING:
            name = tree.Select(operand, key.value, node.optional, at=node.at, end=node.end)
            return self.member(operand, name)
        found = index_type(operand.type, key.type)
        if found is None:
            return self.refuse(f"{operand.type} cannot be indexed with {key.type}", node)
        if node.optional and not isinstance(operand.type, OptionalType):
            found = OptionalType(found)
        return replace(node, operand=operand, key=key, type=found)

    def logical(self, node: tree.And | tree.Or) -> Node:
        sign = "&&" if type(node) is tree.And else "||"
        operands = tuple(
            self.need(BOOL, self.visit(operand), f"what '{sign}' joins")
            for operand in node.operands
        )
        return replace(node, operands=operands, type=BOOL)

    def conditional(self, node: tree.Conditional) -> Node:
        test = self.need(BOOL, self.visit(node.test), "what stands before '?'")
        then, otherwise = self.visit(node.then), self.visit(node.otherwise)
        if not fits(then.type, otherwise.type, {}) and not fits(otherwise.type, then.type, {}):
            message = f"one outcome is {then.type} and the other {otherwise.type}"
            return self.refuse(message, node)
        found = join(then.type, otherwise.type)
        return replace(node, test=test, then=then, otherwise=otherwise, type=found)

    def listing(self, node: tree.List) -> Node:
        items = tuple(replace(item, value=self.visit(item.value)) for item in node.items)
        found = common(
            self.unwrapped(item.value) if item.optional else item.value.type for item in items
        )
        return replace(node, items=items, type=ListType(found))

    def unwrapped(self, node: Node) -> Type:
        """The type inside an optional that stands after `?`."""
        if isinstance(node.type, OptionalType):
            return node.type.value
        self.need(OptionalType(DYN), node, "what stands after '?'")
        return DYN

    def mapping(self, node: tree.Map) -> Node:
        entries = tuple(
            replace(entry, key=self.visit(entry.key), value=self.visit(entry.value))
            for entry in node.entries
        )
        for entry in entries:
            if entry.key.type not in KEYS:
                return self.refuse(f"{entry.key.type} is not a type of keys", entry.key)
        key = common(entry.key.type for entry in entries)
        value = common(
            self.unwrapped(entry.value) if entry.optional else entry.value.type for entry in entries
        )
        return replace(node, entries=entries, type=MapType(key, value))

    def loop(self, node: tree.Loop) -> Node:
        subject = self.visit(node.range)
        if type(subject) is tree.Failure:
            return subject
        types = range_types(subject.type, len(node.variables))
        if types is None:
            message = f"{node.over}() runs over lists and maps, not {subject.type}"
            return self.refuse(message, subject)
        names = dict(zip(node.variables, types, strict=True))
        condition = node.condition
        if condition is not None:
            condition = self.need(BOOL, self.within(names, condition), "the condition")
        body = self.within(names, node.body)
        if node.over in PREDICATES:
            body = self.need(BOOL, body, "the condition")
        found = loop_type(node.over, types[0], body.type)
        return replace(node, range=subject, condition=condition, body=body, type=found)

    def bind(self, node: tree.Bind) -> Node:
        value = self.visit(node.value)
        body = self.within({node.variable: value.type}, node.body)
        return replace(node, value=value, body=body, type=body.type)

    def unpack(self, node: tree.Unpack) -> Node:
        optional = self.need(OptionalType(DYN), self.visit(node.optional), "the target")
        inside = optional.type.value if isinstance(optional.type, OptionalType) else DYN
        body = self.within({node.variable: inside}, node.body)
        found = body.type
        if node.flat:
            body = self.need(OptionalType(DYN), body, "what optFlatMap() makes")
        else:
            found = OptionalType(found)
        return replace(node, optional=optional, body=body, type=found)

    def within(self, names: Scope, body: Node) -> Node:
        """*body*, visited where *names* are local variables."""
        outer = self.scope
        self.scope = outer | names
        visited = self.visit(body)
        self.scope = outer
        return visited

    def call(self, node: tree.Call) -> Node:
        target, name = node.target, node.name
        if target is not None:
            prefix = self.qualified(target)
            if prefix and f"{prefix}.{name}" in self.table and prefix not in self.variables:
                target, name = None, f"{prefix}.{name}"
        if name not in self.table:
            return self.refuse(self.no_function(target, name), node)
        target = None if target is None else self.visit(target)
        args = tuple(map(self.visit, node.args))
        call = replace(node, name=name, target=target, args=args)
        functions = tuple(each for each in self.named(call) if each.takes(len(call.operands)))
        return self.apply(replace(call, functions=functions))

    def named(self, call: tree.Call) -> list[Function]:
        """The functions of this name that are called this way: on a value, or not."""
        method = call.target is not None
        return [each for each in self.table[call.name] if each.method == method]

    def no_function(self, target: Node | None, name: str) -> str:
        prefix = self.qualified(target) if target is not None else ""
        is_value = prefix.partition(".")[0] in self.variables
        spelled = f"{prefix}.{name}" if prefix and not is_value else name
        return f"unknown function '{spelled}'{suggest(spelled, self.table)}"

    def apply(self, call: tree.Call) -> Node:
        """Check the arguments of a call against the signatures it may mean."""
        given = tuple(operand.type for operand in call.operands)
        if call.name in ("==", "!="):
            if not comparable(*given):
                return self.refuse(f"{given[0]} is never {given[1]}: nothing to compare", call)
            return self.fold(replace(call, type=BOOL))
        fitting, found = overloads(call.functions, given)
        if not fitting:
            return self.refuse(no_overload(call, given, self.named(call)), call)
        if all(each.implementation is None for each in fitting):
            message = f"{call.name}() needs {fitting[0].provider}, which is not there"
            return self.refuse(message, call)
        self.try_literals(call, fitting)
        return self.fold(replace(call, type=found))

    def try_literals(self, call: tree.Call, fitting: Sequence[Function]) -> None:
        """Refuse a literal that no function it might be meant for can use."""
        for position, operand in enumerate(call.operands):
            if type(operand) is tree.Constant:
                failures = [each.refuses(position, operand.value) for each in fitting]
                if all(failures):
                    raise self.error(failures[0], operand)

    def fold(self, call: tree.Call) -> Node:
        """A call of literals alone becomes its value."""
        values = [arg.value for arg in call.operands if type(arg) is tree.Constant]
        if len(values) < len(call.operands) or not all(each.pure for each in call.functions):
            return call
        if any(each.reads_activation for each in call.functions):
            return call
        try:
            value = dispatch(call.name, call.functions)(*values)
        except EvalError as error:
            # An operator may well stand where it is never reached; a bad date is a mistake.
            if call.name[0].isalpha() and call.name != "in":
                raise self.error(f"this always fails: {error}", call) from None
            return call
        return tree.Constant(value, at=call.at, end=call.end, type=call.type)


class _Lenient(_Checker):
    """Takes everything for dyn, and what is wrong for something that fails later."""

    def visit(self, node: Node) -> Node:
        found = super().visit(node)
        # How the attributes of an object are reached is known from its type alone.
        return found if isinstance(found.type, ObjectType) else replace(found, type=DYN)

    def refuse(self, message: str, node: Node) -> Node:
        return tree.Failure(message, at=node.at, end=node.end)

    def apply(self, call: tree.Call) -> Node:
        if not call.functions:
            return self.refuse(f"no such overload: {call.name}", call)
        return call

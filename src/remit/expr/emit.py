"""From a checked tree to Python syntax: the exact form.

Identifiers of the generated code come from `Names` alone; text from a policy
appears in it as constants and in no other way.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from remit.expr import access, runtime, tree, values
from remit.expr.function import Function, dispatch
from remit.expr.tree import Node, Over
from remit.expr.types import BOOL, DYN, Parameter, Type

ACTIVATION = "request"
"""What compiled code calls the object that variables are read from."""

_LITERALS = frozenset({bool, int, float, str, bytes, type(None)})

_LOOPS: Mapping[Over, Callable[..., Any]] = {
    Over.ALL: runtime.all_of,
    Over.EXISTS: runtime.any_of,
    Over.EXISTS_ONE: runtime.one_of,
    Over.FILTER: runtime.filtered,
    Over.MAP: runtime.mapped,
    Over.TRANSFORM_LIST: runtime.mapped,
    Over.TRANSFORM_MAP: runtime.remapped,
}


class Names:
    """The names generated code may use, and what they stand for.

    Several programs may share one, to be joined into one piece of code.
    """

    def __init__(self) -> None:
        self.globals: dict[str, Any] = {"__builtins__": {}}
        self._known: dict[Any, str] = {}
        self._numbers = count(1)

    def fresh(self, hint: str = "v") -> str:
        """A name nobody uses."""
        return f"{hint}{next(self._numbers)}"

    def of(self, value: Any, key: Any = None) -> ast.Name:
        """The name that stands for *value*; the same for the same *key*."""
        known = id(value) if key is None else key
        if known not in self._known:
            hint = getattr(value, "__name__", "c")
            name = self.fresh(f"{hint}_" if hint.isidentifier() else "c_")
            self._known[known] = name
            self.globals[name] = value
        return ast.Name(self._known[known], ast.Load())


def constant(value: Any) -> ast.expr:
    """A constant of the code."""
    return ast.Constant(value)


def load(name: str) -> ast.Name:
    """A local variable of the code."""
    return ast.Name(name, ast.Load())


def function(parameters: list[str], body: ast.expr) -> ast.Lambda:
    """`lambda parameters: body`."""
    args = ast.arguments(
        posonlyargs=[],
        args=[ast.arg(name) for name in parameters],
        kwonlyargs=[],
        kw_defaults=[],
        defaults=[],
    )
    return ast.Lambda(args, body)


class Exact:
    """Emits code that follows the language to the letter, errors absorbed and all."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.scope: dict[str, str] = {}
        self.kinds: dict[int, str] = {}
        self.looping = False
        self.budget = ""
        self.emits: Mapping[type[Node], Callable[[Any], ast.expr]] = {
            tree.Constant: self._constant,
            tree.Variable: self._variable,
            tree.Local: self._local,
            tree.Attribute: self._attribute,
            tree.Select: self._select,
            tree.Index: self._index,
            tree.Has: self._has,
            tree.Call: self._call,
            tree.And: self._conjunction,
            tree.Or: self._disjunction,
            tree.Conditional: self._conditional,
            tree.List: self._list,
            tree.Map: self._map,
            tree.Loop: self._loop,
            tree.Bind: self._bind,
            tree.Unpack: self._unpack,
            tree.Failure: self._failure,
        }

    def root(self, node: Node, expected: Type | None = None) -> ast.expr:
        """The whole expression, which looks at its value if data might make it another type.

        If it has loops inside loops, they are given a budget of steps.
        """
        body = self.emit(node)
        if expected is not None and expected != DYN and self.kind(node) != expected.name:
            body = self._use(_check_for(expected), body)
        if not self.budget:
            return body
        steps = ast.List([constant(runtime.MOST_STEPS)], ast.Load())
        return ast.Call(function([self.budget], body), [steps], [])

    def emit(self, node: Node) -> ast.expr:
        """The code for one node."""
        return self.emits[type(node)](node)

    def _use(self, function: Any, *args: ast.expr) -> ast.Call:
        """A call of one of our own functions."""
        return ast.Call(self.names.of(function), list(args), [])

    def _constant(self, node: tree.Constant) -> ast.expr:
        if type(node.value) in _LITERALS:
            return constant(node.value)
        return self.names.of(node.value)

    def _variable(self, node: tree.Variable) -> ast.expr:
        return self._converted(node, self._reach(load(ACTIVATION), node.path))

    def _converted(self, node: tree.Variable, found: ast.expr) -> ast.expr:
        return found if node.convert is None else self._use(node.convert, found)

    def _reach(self, owner: ast.expr, path: str) -> ast.expr:
        return self._use(runtime.attribute, owner, *map(constant, path.split(".")))

    def _local(self, node: tree.Local) -> ast.expr:
        return load(self.scope[node.name])

    def _attribute(self, node: tree.Attribute) -> ast.expr:
        return self._reach(self.emit(node.operand), node.path)

    def _select(self, node: tree.Select) -> ast.expr:
        find = access.optional_member if node.optional else access.member
        return self._use(find, self.emit(node.operand), constant(node.name))

    def _index(self, node: tree.Index) -> ast.expr:
        find = access.optional_index if node.optional else access.index
        return self._use(find, self.emit(node.operand), self.emit(node.key))

    def _has(self, node: tree.Has) -> ast.expr:
        return self._use(access.has_member, self.emit(node.operand), constant(node.name))

    def _call(self, node: tree.Call) -> ast.expr:
        args = list(map(self.emit, node.operands))
        if node.name == "in":
            args[1] = self._searched(args[1])
        if any(each.reads_activation for each in node.functions):
            args.insert(0, load(ACTIVATION))
            return ast.Call(self._dispatch(node), args, [])
        return ast.Call(self._callee(node), args, [])

    def _callee(self, node: tree.Call) -> ast.expr:
        """The one implementation that can be meant, or one that chooses by the values."""
        possible = self._possible(node)
        sure = all(self.kind(operand) for operand in node.operands)
        if sure and len(possible) == 1 and possible[0].implementation is not None:
            return self.names.of(possible[0].implementation)
        return self._dispatch(node)

    def _dispatch(self, node: tree.Call) -> ast.expr:
        key = (node.name, *map(id, node.functions))
        return self.names.of(dispatch(node.name, node.functions), key)

    def _conjunction(self, node: tree.And) -> ast.expr:
        return self._use(runtime.conjoin, *map(self._later, node.operands))

    def _disjunction(self, node: tree.Or) -> ast.expr:
        return self._use(runtime.disjoin, *map(self._later, node.operands))

    def _later(self, node: Node) -> ast.expr:
        return function([], self.emit(node))

    def _truth(self, node: Node) -> ast.expr:
        """*node*, which must turn out a boolean."""
        found = self.emit(node)
        return found if self.kind(node) == "bool" else self._use(values.boolean, found)

    def _conditional(self, node: tree.Conditional) -> ast.expr:
        test = self._truth(node.test)
        return ast.IfExp(test, self.emit(node.then), self.emit(node.otherwise))

    def _list(self, node: tree.List) -> ast.expr:
        return ast.Tuple([self._item(item) for item in node.items], ast.Load())

    def _item(self, item: tree.Item) -> ast.expr:
        value = self.emit(item.value)
        if not item.optional:
            return value
        return ast.Starred(self._use(access.present, value), ast.Load())

    def _map(self, node: tree.Map) -> ast.expr:
        return self._use(access.make_map, *map(self._entry, node.entries))

    def _entry(self, entry: tree.Entry) -> ast.expr:
        key, value = self.emit(entry.key), self.emit(entry.value)
        if not entry.optional:
            return ast.Tuple([key, value], ast.Load())
        return ast.Starred(self._use(access.present_entry, key, value), ast.Load())

    def _rows(self, node: tree.Loop) -> ast.expr:
        """What a loop runs over, paid for if it is inside another loop."""
        find = access.entries if len(node.variables) == 1 else access.pairs
        rows = self._use(find, self.emit(node.range))
        if not self.looping:
            return rows
        self.budget = self.budget or self.names.fresh("budget")
        return self._use(runtime.spend, load(self.budget), rows)

    def _searched(self, container: ast.expr) -> ast.expr:
        """What `in` looks into, paid for if that happens in a loop."""
        if not self.looping:
            return container
        self.budget = self.budget or self.names.fresh("budget")
        return self._use(runtime.searched, load(self.budget), container)

    def _loop(self, node: tree.Loop) -> ast.expr:
        rows = self._rows(node)
        if len(node.variables) == 1:
            rows = self._use(zip, rows)
        parts = [self._body(node, node.body)]
        if node.condition is not None:
            parts.append(self._body(node, node.condition))
        return self._use(_LOOPS[node.over], rows, *parts)

    def _body(self, node: tree.Loop, part: Node) -> ast.expr:
        outside, self.looping = self.looping, True
        found = self._within(node.variables, part)
        self.looping = outside
        return found

    def _within(self, variables: tuple[str, ...], body: Node) -> ast.expr:
        """*body* as a function of *variables*."""
        names = [self.names.fresh() for _ in variables]
        outer = self.scope
        self.scope = outer | dict(zip(variables, names, strict=True))
        emitted = self.emit(body)
        self.scope = outer
        return function(names, emitted)

    def _bind(self, node: tree.Bind) -> ast.expr:
        value = self.emit(node.value)
        return ast.Call(self._within((node.variable,), node.body), [value], [])

    def _unpack(self, node: tree.Unpack) -> ast.expr:
        unpack = runtime.unpacked_flat if node.flat else runtime.unpacked
        optional = self.emit(node.optional)
        return self._use(unpack, optional, self._within((node.variable,), node.body))

    def _failure(self, node: tree.Failure) -> ast.expr:
        return self._use(runtime.fail, constant(node.message))

    def kind(self, node: Node) -> str:
        """The CEL type that the value of *node* surely has; empty if data decide."""
        known = self.kinds.get(id(node))
        if known is None:
            known = self.kinds[id(node)] = self._find_kind(node)
        return known

    def _find_kind(self, node: Node) -> str:
        if isinstance(node, tree.Constant):
            return values.kind(node.value)
        if isinstance(node, tree.And | tree.Or | tree.Has):
            return "bool"
        if isinstance(node, tree.Loop):
            return _LOOP_KINDS[node.over]
        if isinstance(node, tree.Conditional):
            return self._agreed(self.kind(node.then), self.kind(node.otherwise))
        if isinstance(node, tree.Call):
            return self._agreed(*(_outer(each) for each in self._possible(node)))
        if isinstance(node, tree.Bind):
            return self.kind(node.body)
        return _NODE_KINDS.get(type(node), "")

    @staticmethod
    def _agreed(*kinds: str) -> str:
        """The one kind that all are."""
        return kinds[0] if len(set(kinds)) == 1 else ""

    def _possible(self, node: tree.Call) -> list[Function]:
        """The functions a call may mean, by the kinds that are sure."""
        kinds = [self.kind(operand) for operand in node.operands]
        return [
            each
            for each in node.functions
            if all(_may_be(each, position, kind) for position, kind in enumerate(kinds))
        ]


_NODE_KINDS: Mapping[type[Node], str] = {
    tree.List: "list",
    tree.Map: "map",
    tree.Unpack: "optional_type",
}
_LOOP_KINDS: Mapping[Over, str] = {
    Over.ALL: "bool",
    Over.EXISTS: "bool",
    Over.EXISTS_ONE: "bool",
    Over.FILTER: "list",
    Over.MAP: "list",
    Over.TRANSFORM_LIST: "list",
    Over.TRANSFORM_MAP: "map",
}


def _check_for(expected: Type) -> Callable[[Any], Any]:
    classes = (cls for cls, kind in values.KINDS.items() if kind == expected.name)
    return values.boolean if expected == BOOL else values.only(*classes)


def _may_be(function: Function, position: int, kind: str) -> bool:
    wanted = function.parameter(position)
    return not kind or isinstance(wanted, Parameter) or wanted == DYN or wanted.name == kind


def _outer(function: Function) -> str:
    """The kind of what a function returns; empty if its arguments decide."""
    result = function.result
    return "" if isinstance(result, Parameter) or result == DYN else result.name

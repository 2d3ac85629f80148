"""From a checked tree to Python syntax: the fast form.

Each method emits Python's own operators where they give what the language
asks for, or raise. Values from the activation are looked at (`type(v) is
str`) before anything is done to them that other types would allow too. What
has been looked at once is kept in a variable and not looked at again where
the first look is sure to have happened.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from remit.canonical import Frozen
from remit.expr import access, compare, tree, values
from remit.expr.emit import ACTIVATION, Exact, Names, constant, load
from remit.expr.errors import EvalError
from remit.expr.functions import STANDARD
from remit.expr.functions.patterns import compiled
from remit.expr.tree import Node, Over
from remit.expr.types import Type
from remit.expr.values import EXACT, NUMBERS, Duration, Timestamp

Place: TypeAlias = tuple[str, ...]
"""Where a value is found: a variable of the code, and the members that lead on from it."""

_ORDER: Mapping[str, type[ast.cmpop]] = {"<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE}
_AFFIXES = {"startsWith": "startswith", "endsWith": "endswith"}
_OF_TEXT = frozenset({"contains", "matches", *_AFFIXES})
_STANDARD = frozenset(id(each) for functions in STANDARD.values() for each in functions)

_WANTED: Mapping[str, tuple[type, ...]] = {
    "number": (int, float),
    "string": (str,),
    "bytes": (bytes,),
    "container": (tuple, Frozen),
    "google.protobuf.Timestamp": (Timestamp,),
    "google.protobuf.Duration": (Duration,),
}
"""What is looked for in line; the checks below let the rarer types of the kind pass as well."""

_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "number": values.only(*NUMBERS),
    "string": values.only(str),
    "bytes": values.only(bytes),
    "container": values.only(tuple, list, *values.MAPPINGS),
    "google.protobuf.Timestamp": values.only(Timestamp),
    "google.protobuf.Duration": values.only(Duration),
}
_KINDS_OF = {"number": {"int", "uint", "double"}, "container": {"list", "map"}}


class Fast(Exact):
    """Emits code that is right whenever it returns."""

    def __init__(self, names: Names) -> None:
        super().__init__(names)
        self.bound: dict[Place, str] = {}
        self.looked: set[tuple[Place, str]] = set()
        self.uses: Counter[Place] = Counter()
        self.binding = True

    def root(self, node: Node, expected: Type | None = None) -> ast.expr:
        """The whole expression."""
        self.uses.update(filter(None, (self._place(part) for part, _ in tree.walk(node))))
        return super().root(node, expected)

    def _place(self, node: Node) -> Place | None:
        if isinstance(node, tree.Variable):
            return (node.name,)
        if isinstance(node, tree.Local):
            return ("", self.scope.get(node.name, node.name))
        if isinstance(node, tree.Attribute) or (
            isinstance(node, tree.Select) and not node.optional
        ):
            owner = self._place(node.operand)
            return (*owner, node.name) if owner else None
        return None

    @contextmanager
    def _perhaps(self) -> Iterator[None]:
        """What is learned in code that may not run is forgotten after it."""
        bound, looked = self.bound.copy(), self.looked.copy()
        yield
        self.bound, self.looked = bound, looked

    def emit(self, node: Node) -> ast.expr:
        """The code for one node, or the name it has been kept under."""
        place = self._place(node)
        if place in self.bound:
            return load(self.bound[place])
        found = super().emit(node)
        if place is None or isinstance(node, tree.Local) or self.uses[place] < 2:
            return found
        return self._keep(place, found)

    def _keep(self, place: Place | None, found: ast.expr) -> ast.expr:
        """`(v := found)`, where Python allows that."""
        if not self.binding:
            return found
        name = self.names.fresh()
        if place is not None:
            self.bound[place] = name
        return ast.NamedExpr(ast.Name(name, ast.Store()), found)

    def _named(self, node: Node) -> tuple[ast.expr, str]:
        """*node* for its first use, and the name for those after it; no name if there is none."""
        found = self.emit(node)
        if isinstance(found, ast.Name):
            return found, found.id
        if not isinstance(found, ast.NamedExpr):
            found = self._keep(self._place(node), found)
        return found, found.target.id if isinstance(found, ast.NamedExpr) else ""

    def _look(self, node: Node, wanted: str) -> ast.expr:
        """*node*, which raises unless its value is of the kind *wanted*."""
        if self.kind(node) in _KINDS_OF.get(wanted, {wanted}):
            return self.emit(node)
        place = self._place(node)
        found, name = self._named(node)
        if place is not None and (place, wanted) in self.looked:
            return found
        if not name:
            return self._use(_CHECKS[wanted], found)
        if place is not None:
            self.looked.add((place, wanted))
        first, *others = _WANTED[wanted]
        tests: list[ast.expr] = [self._is_a(found, first)]
        tests += [self._is_a(load(name), other) for other in others]
        test = tests[0] if len(tests) == 1 else ast.BoolOp(ast.Or(), tests)
        return ast.IfExp(test, load(name), self._use(_CHECKS[wanted], load(name)))

    def _is_a(self, value: ast.expr, cls: type) -> ast.expr:
        """`type(value) is cls`."""
        return ast.Compare(self._use(type, value), [ast.Is()], [self.names.of(cls)])

    def _variable(self, node: tree.Variable) -> ast.expr:
        return self._converted(node, self._reach(load(ACTIVATION), node.path))

    def _reach(self, owner: ast.expr, path: str) -> ast.expr:
        for name in path.split("."):
            owner = ast.Attribute(owner, name, ast.Load())
        return owner

    def _select(self, node: tree.Select) -> ast.expr:
        # Of a literal that has no members Python's compiler would warn.
        if node.optional or self.kind(node.operand) not in ("", "map"):
            return super()._select(node)
        return ast.Subscript(self.emit(node.operand), constant(node.name), ast.Load())

    def _conjunction(self, node: tree.And) -> ast.expr:
        return ast.BoolOp(ast.And(), self._in_turn(node.operands))

    def _disjunction(self, node: tree.Or) -> ast.expr:
        return ast.BoolOp(ast.Or(), self._in_turn(node.operands))

    def _in_turn(self, operands: tuple[Node, ...]) -> list[ast.expr]:
        """The operands; each is reached only after those before it, and only the first surely."""
        first = self._truth(operands[0])
        with self._perhaps():
            return [first, *map(self._truth, operands[1:])]

    def _conditional(self, node: tree.Conditional) -> ast.expr:
        test = self._truth(node.test)
        with self._perhaps():
            then = self.emit(node.then)
        with self._perhaps():
            otherwise = self.emit(node.otherwise)
        return ast.IfExp(test, then, otherwise)

    def _map(self, node: tree.Map) -> ast.expr:
        keys = [entry.key for entry in node.entries if not entry.optional]
        names = [key.value for key in keys if isinstance(key, tree.Constant)]
        if len(names) < len(node.entries) or not _distinct_text(names):
            return super()._map(node)
        items = [self.emit(entry.value) for entry in node.entries]
        return ast.Dict(list(map(constant, names)), items)

    def _loop(self, node: tree.Loop) -> ast.expr:
        outer, self.binding = self.binding, False
        rows = self._rows(node)
        self.binding = outer
        names = [self.names.fresh() for _ in node.variables]
        outside, self.looping = self.looping, True
        scope = self.scope
        self.scope = scope | dict(zip(node.variables, names, strict=True))
        with self._perhaps():
            found = self._comprehension(node, rows, names)
        self.scope, self.looping = scope, outside
        return found

    def _comprehension(self, node: tree.Loop, rows: ast.expr, names: list[str]) -> ast.expr:
        """The loop as Python writes it."""
        conditions = [] if node.condition is None else [self._truth(node.condition)]
        target = _target(names)
        if node.over is Over.EXISTS_ONE:
            return self._one(self._truth(node.body), target, rows)
        if node.over is Over.FILTER:
            conditions = [self._truth(node.body)]
            body: ast.expr = load(names[0])
        elif node.over in (Over.ALL, Over.EXISTS):
            body = self._truth(node.body)
        else:
            with self._perhaps():
                body = self.emit(node.body)
        if node.over is Over.TRANSFORM_MAP:
            pair = ast.Tuple([load(names[0]), body], ast.Load())
            made = ast.GeneratorExp(pair, [ast.comprehension(target, rows, conditions, 0)])
            return ast.Call(self.names.of(access.make_map), [ast.Starred(made, ast.Load())], [])
        made = ast.GeneratorExp(body, [ast.comprehension(target, rows, conditions, 0)])
        return self._use(_COLLECT.get(node.over, tuple), made)

    def _one(self, body: ast.expr, target: ast.expr, rows: ast.expr) -> ast.expr:
        """`sum(1 for v in rows if body) == 1`."""
        found = ast.GeneratorExp(constant(1), [ast.comprehension(target, rows, [body], 0)])
        return ast.Compare(self._use(sum, found), [ast.Eq()], [constant(1)])

    def _within(self, variables: tuple[str, ...], body: Node) -> ast.expr:
        with self._perhaps():
            return super()._within(variables, body)

    def _call(self, node: tree.Call) -> ast.expr:
        return self._operator(node) or super()._call(node)

    def _operator(self, node: tree.Call) -> ast.expr | None:
        """The call as an operator of Python's, if there is one for it."""
        name, operands = node.name, node.operands
        if name in ("==", "!="):
            return self._equality(*operands, equal=name == "==")
        if name in _ORDER:
            return self._order(_ORDER[name](), *operands)
        if name == "in":
            return self._membership(*operands)
        if name == "!" and self.kind(operands[0]) == "bool":
            return ast.UnaryOp(ast.Not(), self.emit(operands[0]))
        if any(id(each) not in _STANDARD for each in node.functions):
            return None
        if name == "size":
            return self._use(len, self.emit(operands[0]))
        if name in _OF_TEXT and self.kind(operands[0]) in ("", "string"):
            return self._of_text(name, *operands)
        return None

    def _of_text(self, name: str, text: Node, part: Node) -> ast.expr | None:
        """`contains`, `startsWith`, `endsWith`, and `matches` with a pattern that is known."""
        if name == "contains":
            return self._use(_within, self._look(text, "string"), self._look(part, "string"))
        if name in _AFFIXES:
            method = ast.Attribute(self._look(text, "string"), _AFFIXES[name], ast.Load())
            return ast.Call(method, [self._look(part, "string")], [])
        if not isinstance(part, tree.Constant) or type(part.value) is not str:
            return None
        try:
            found = compiled(part.value).found
        except EvalError:
            return None
        return self._use(found, self._look(text, "string"))

    def _equality(self, one: Node, other: Node, *, equal: bool) -> ast.expr | None:
        if isinstance(one, tree.Constant):
            one, other = other, one
        if not isinstance(other, tree.Constant):
            return None
        value = other.value
        if value is None or type(value) is bool:
            if self.kind(one) not in ("", self.kind(other)):
                return None
            sign: ast.cmpop = ast.Is() if equal else ast.IsNot()
            return ast.Compare(self.emit(one), [sign], [constant(value)])
        if not _plain(value):
            return None
        sign = ast.Eq() if equal else ast.NotEq()
        if value not in (0, 1) or self.kind(one) in _KINDS_OF["number"]:
            return ast.Compare(self.emit(one), [sign], [self._constant(other)])
        return self._zero_or_one(one, other, sign)

    def _zero_or_one(self, one: Node, other: tree.Constant, sign: ast.cmpop) -> ast.expr | None:
        """`v == 1 and v is not True`: to Python, these two are the same."""
        found, name = self._named(one)
        if not name:
            return self._use(compare.equal, found, self._constant(other))
        first = ast.Compare(found, [sign], [self._constant(other)])
        equal = isinstance(sign, ast.Eq)
        same: ast.cmpop = ast.IsNot() if equal else ast.Is()
        second = ast.Compare(load(name), [same], [constant(bool(other.value))])
        return ast.BoolOp(ast.And() if equal else ast.Or(), [first, second])

    def _order(self, sign: ast.cmpop, one: Node, other: Node) -> ast.expr | None:
        wanted = self._comparable(one, other)
        if not wanted:
            return None
        left = self._look(one, wanted)
        return ast.Compare(left, [sign], [self._look(other, wanted)])

    def _comparable(self, one: Node, other: Node) -> str:
        """What both must be for Python to compare them as the language does."""
        for node in (one, other):
            kind = self.kind(node)
            if kind in _CHECKS:
                return kind
            if isinstance(node, tree.Constant) and type(node.value) in NUMBERS:
                return "number" if _plain(node.value) else ""
        return ""

    def _membership(self, item: Node, container: Node) -> ast.expr | None:
        if isinstance(container, tree.List):
            return self._choice(item, container)
        # In a loop it is paid for, which the other form sees to.
        if self.looping or not isinstance(item, tree.Constant) or not _unmistakable(item.value):
            return None
        left = self.emit(item)
        return ast.Compare(left, [ast.In()], [self._look(container, "container")])

    def _choice(self, item: Node, container: tree.List) -> ast.expr | None:
        """`v in {"a", "b"}`, when all the items are literals that Python takes for nothing else."""
        literals = [part.value for part in container.items if not part.optional]
        found = [part.value for part in literals if isinstance(part, tree.Constant)]
        if len(found) < len(container.items) or not all(map(_unmistakable, found)):
            return None
        return ast.Compare(self.emit(item), [ast.In()], [self.names.of(frozenset(found))])


_COLLECT: Mapping[Over, Callable[..., Any]] = {Over.ALL: all, Over.EXISTS: any}


def _within(text: str, part: str) -> bool:
    return part in text


def _target(names: list[str]) -> ast.expr:
    targets: list[ast.expr] = [ast.Name(name, ast.Store()) for name in names]
    return targets[0] if len(targets) == 1 else ast.Tuple(targets, ast.Store())


def _distinct_text(names: list[Any]) -> bool:
    return all(type(name) is str for name in names) and len(set(names)) == len(names)


def _plain(value: Any) -> bool:
    """Whether Python compares *value* with others as the language does, 0 and 1 aside."""
    if type(value) in NUMBERS:
        return bool(-EXACT < value < EXACT)
    return type(value) in (str, bytes, Timestamp, Duration)


def _unmistakable(value: Any) -> bool:
    return _plain(value) and value not in (0, 1)

"""Where regorus would not decide as OPA does, a policy does not load. Works on its syntax tree.

`not f(input.x)`, where `input.x` is missing: OPA has no value for it, and the rule does not
apply; regorus takes it for true. An `allow` would then be granted by what is missing. Written
as a rule for `f(input.x)` and a `not` of that rule, it means the same to both. What is there
in every input may be negated as one likes.

A function that regorus lacks is one it complains of only when it gets there, and `http.send` has
no value without a complaint, so a denial that asks it would never apply.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

from remit.errors import PolicyError

Tree: TypeAlias = dict[str, Any]

_NOT_HERE = frozenset({"http.send", "opa.runtime"})
_UNLISTED = frozenset({"print", "internal.member_2", "internal.member_3"})
_CLOSED = frozenset({"ArrayCompr", "SetCompr", "ObjectCompr"})
"""These always have a value, whatever is missing inside."""


class _Module(NamedTuple):
    """What a module is called, and what it calls by name."""

    file: str
    package: str
    rules: tuple[tuple[str, ...], ...]
    names: frozenset[str]
    """Names that may have no value: of rules, imports and documents."""
    tree: Tree


def check(
    modules: Iterable[Tree], rule: str, builtins: Iterable[str], present: frozenset[str]
) -> None:
    """Refuse *modules*, as regorus prints them, if they do not mean here what they mean to OPA.

    Args:
        modules: the trees.
        rule: what will be asked for.
        builtins: the functions that regorus has.
        present: what is there in every input.

    Raises:
        PolicyError: they do not, or there is no *rule*.
    """
    read = [_read(module) for module in modules]
    shared = {one.package: frozenset[str]() for one in read}
    for one in read:
        shared[one.package] |= one.names
    if not any(_knows(one, rule) for one in read):
        raise PolicyError(f"there is no rule {rule} here; check its name", file=_named(read))
    functions = (_UNLISTED | frozenset(builtins)) - _NOT_HERE
    for one in read:
        _check_module(one._replace(names=shared[one.package]), functions, present)


def _knows(module: _Module, rule: str) -> bool:
    """Whether *rule* is the module's package, or one of its rules or above one."""
    names = [".".join((module.package, *found)) for found in (*module.rules, ())]
    return any(f"{name}.".startswith(f"{rule}.") for name in names)


def _named(modules: Iterable[_Module]) -> str:
    return ", ".join(module.file for module in modules) or "no module"


def _read(module: Tree) -> _Module:
    tree = module["ast"]
    rules = tuple(_path(_head(rule)) for rule in tree["rules"])
    text = module["source"]["contents"].encode()
    imports = {_imported_as(each, text) for each in tree["imports"]}
    names = {rule[0] for rule in rules} | imports | {"input", "data"}
    package = ".".join(("data", *_path(tree["package"]["refr"])))
    return _Module(module["source"]["file"], package, rules, frozenset(names), tree)


def _imported_as(imported: Tree, text: bytes) -> str:
    if name := imported.get("as"):
        return text[name["start"] : name["end"]].decode()
    return _path(imported["refr"])[-1]


def _head(rule: Tree) -> Tree:
    (kind, body), *_ = rule.items()
    head: Tree = body if kind == "Default" else next(iter(body["head"].values()))
    name: Tree = head["refr"]
    return name


def _path(reference: Tree) -> tuple[str, ...]:
    """`a.b["c"]` as its parts, up to the first that is no name."""
    (kind, body), *_ = reference.items()
    if kind == "Var":
        return (body["value"],)
    if kind == "RefDot":
        return (*_path(body["refr"]), body["field"][-1])
    if kind == "RefBrack":
        return _path(body["refr"])
    return ("",)


def _check_module(module: _Module, functions: frozenset[str], present: frozenset[str]) -> None:
    unsure = _Unsure(module.names, present)
    for kind, body in _nodes(module.tree):
        if kind == "Call":
            path = _path(body["fcn"])
            if ".".join(path) not in functions and path[0] not in module.names:
                raise _error(module, body, f"there is no function {'.'.join(path)} in process")
        if kind == "NotExpr" and unsure.negated(body["expr"]):
            raise _error(
                module,
                body,
                "`not` of something that may be missing is true here and has no value in OPA; "
                "write a rule for what is negated, and negate that rule",
            )


class _Unsure(NamedTuple):
    """What may be without a value: rules, and references to what is not in every input."""

    names: frozenset[str]
    present: frozenset[str]

    def negated(self, expression: Tree) -> bool:
        """Whether it is a part of the negated *expression* that may have none.

        The expression itself may: a rule or a document that is not there is what `not` is for.
        """
        (kind, body), *_ = expression.items()
        if kind == "Expr":
            return self.negated(body["expr"])
        if kind == "RefDot":
            return self.negated(body["refr"])
        if kind == "RefBrack":
            return self.negated(body["refr"]) or self.part(body["index"])
        if kind == "Var":
            return False
        return any(self.part(part) for key, part in body.items() if key != "fcn")

    def part(self, tree: Any) -> bool:
        """Whether there is something in *tree* that may have no value."""
        if isinstance(tree, list):
            return any(map(self.part, tree))
        if not isinstance(tree, dict):
            return False
        return any(self.node(key, value) for key, value in tree.items() if key not in _CLOSED)

    def node(self, kind: str, body: Any) -> bool:
        """The same, of one node and what is in it."""
        if kind == "RefDot":
            return ".".join(_path({kind: body})) not in self.present
        if kind == "RefBrack":
            return True
        if kind == "Var":
            return body["value"] in self.names - self.present
        return kind != "fcn" and self.part(body)


def _nodes(tree: Any) -> Iterator[tuple[str, Tree]]:
    """Every node in *tree*, with its kind."""
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += reversed(part)
        if not isinstance(part, dict):
            continue
        for key, value in part.items():
            if key[:1].isupper() and isinstance(value, dict):
                yield key, value
            if key != "fcn":
                waiting.append(value)


def _error(module: _Module, node: Tree, message: str) -> PolicyError:
    span = node["span"]
    return PolicyError(message, file=module.file, line=span["line"], column=span["col"])

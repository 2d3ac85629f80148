"""The candidates of one action as one Python function, which does what `consult` does.

    def consult(request, lifted):
        bits = 0
        errors = ()
        args = request.action.properties
        if subject_find(str(request.subject)) & 5:
            try:
                if <the fast form of a condition>:
                    bits |= 2
            except Exception:
                bits, errors = failed(request, bits, errors)
        ...
        return bits, errors

The frame is text made of numbers and names of our own; conditions are put into
it as syntax trees. Text from a policy is a constant in them and nothing else.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from remit.expr.errors import EvalError
from remit.model import Request
from remit.policy.candidates import Candidate, Consult, Errors, Shape, mask
from remit.policy.consult import Vocabularies, is_denial

_HEAD = """
def consult(request, lifted):
    bits = 0
    errors = ()
"""


def fuse(shape: Shape, words: Vocabularies) -> Consult:
    """A function that does for *shape* what `consult` does."""
    fusion = _Fusion(shape, words)
    module = ast.parse("\n".join([_HEAD, *_indent(fusion.body()), "    return bits, errors"]))
    module = _Insert(fusion.conditions).visit(module)
    code = compile(ast.fix_missing_locations(module), "<policy>", "exec")
    exec(code, fusion.globals)  # noqa: S102 - made of our own frame and of compiled conditions
    made: Consult = fusion.globals["consult"]
    return made


class _Fusion:
    """Writes the frame, and collects what its names stand for."""

    def __init__(self, shape: Shape, words: Vocabularies) -> None:
        self.shape = shape
        self.globals: dict[str, Any] = {
            "__builtins__": {},
            "Exception": Exception,
            "str": str,
            "find_subject": words.subject.find,
            "find_resource": words.resource.find,
        }
        self.conditions: dict[str, ast.expr] = {}
        self.reads: dict[str, str] = {}

    def body(self) -> Iterator[str]:
        shape = self.shape
        enforced = list(self.enforced())
        monitors = list(self.all(shape.monitors))
        for field in ("subject", "resource"):
            if any(getattr(candidate, field) for candidate in shape.candidates):
                yield f"{field} = find_{field}(str(request.{field}))"
        yield from (f"{name} = {path}" for path, name in self.reads.items())
        yield from enforced
        yield from monitors

    def enforced(self) -> Iterator[str]:
        layers = self.shape.layers
        for layer in layers:
            yield from self.first(layer.denials) if layer.first_match else self.all(layer.denials)
        rest = [
            line for layer in layers for line in _unless(mask(layer.denials), self.all(layer.asks))
        ] + [
            line
            for layer in layers
            for line in _unless(mask(layer.denials) | mask(layer.asks), self.all(layer.allows))
        ]
        if self.shape.outright and rest:
            yield f"if not bits & {self.shape.outright}:"
            rest = list(_indent(rest))
        yield from rest

    def all(self, bits: Iterable[int]) -> Iterator[str]:
        for bit in bits:
            yield from self.candidate(bit)

    def first(self, bits: range) -> Iterator[str]:
        """A loop that runs once, to be left at the first match that stands."""
        if not bits:
            return
        yield "for _ in (0,):"
        for bit in bits:
            yield from _indent(self.candidate(bit))
            lifted = " & ~lifted" if is_denial(self.shape.candidates[bit]) else ""
            yield f"    if bits{lifted} & {1 << bit}: break"

    def candidate(self, bit: int) -> Iterator[str]:
        candidate = self.shape.candidates[bit]
        tests = [
            f"{field} & {wanted}"
            for field, wanted in (("subject", candidate.subject), ("resource", candidate.resource))
            if wanted
        ]
        lines = self.condition(bit, candidate)
        if tests:
            yield f"if {' and '.join(tests)}:"
            lines = _indent(lines)
        yield from lines

    def condition(self, bit: int, candidate: Candidate) -> Iterator[str]:
        if candidate.rule.when is None:
            yield f"bits |= {1 << bit}"
            return
        program = candidate.rule.when.program
        rename = _Rename(f"_{bit}", program.names.globals, self.reads)
        self.conditions[f"condition_{bit}"] = rename.visit(program.expression)
        self.globals |= rename.globals
        self.globals[f"failed_{bit}"] = _failed(bit, candidate)
        yield "try:"
        yield f"    if condition_{bit}: bits |= {1 << bit}"
        yield "except Exception:"
        yield f"    bits, errors = failed_{bit}(request, bits, errors)"


def _unless(standing: int, lines: Iterable[str]) -> Iterator[str]:
    """*lines*, to run unless a candidate of *standing* applies and has not been lifted."""
    lines = list(lines)
    if standing and lines:
        yield f"if not bits & ~lifted & {standing}:"
        lines = list(_indent(lines))
    yield from lines


def _indent(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


def _failed(bit: int, candidate: Candidate) -> Callable[[Request, int, Errors], tuple[int, Errors]]:
    """What happens when the fast form of a condition raises: the exact form answers."""
    assert candidate.rule.when is not None
    exact, strict = candidate.rule.when.program.exact, candidate.strict

    def failed(request: Request, bits: int, errors: Errors) -> tuple[int, Errors]:
        try:
            applies = exact(request) is True
        except EvalError as error:
            errors = (*errors, (bit, str(error)))
            applies = strict
        return bits | applies << bit, errors

    return failed


class _Rename(ast.NodeTransformer):
    """A copy of a condition whose names are its own; what it reads of the request is shared."""

    def __init__(self, suffix: str, names: dict[str, Any], reads: dict[str, str]) -> None:
        self.suffix = suffix
        self.names = names
        self.reads = reads
        self.globals: dict[str, Any] = {}

    def visit(self, node: ast.AST) -> Any:
        method = getattr(self, f"visit_{type(node).__name__}", None)
        if method is not None:
            return method(node)
        if not node._fields:
            return node
        fields = {name: self._again(value) for name, value in ast.iter_fields(node)}
        return type(node)(**fields)

    def _again(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._again(item) for item in value]
        return self.visit(value) if isinstance(value, ast.AST) else value

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id == "request":
            return node
        name = node.id + self.suffix
        if node.id in self.names:
            self.globals[name] = self.names[node.id]
        return ast.Name(name, node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(node.arg + self.suffix)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        path = _path(node)
        if not path.startswith("request."):
            return ast.Attribute(self.visit(node.value), node.attr, node.ctx)
        name = self.reads.setdefault(path, path.replace(".", "_"))
        return ast.Name(name, ast.Load())


def _path(node: ast.expr) -> str:
    """`request.action.properties`; empty where something else comes first."""
    if isinstance(node, ast.Attribute):
        owner = _path(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return node.id if isinstance(node, ast.Name) else ""


class _Insert(ast.NodeTransformer):
    """Puts the conditions in the places that were left for them."""

    def __init__(self, conditions: dict[str, ast.expr]) -> None:
        self.conditions = conditions

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.conditions.get(node.id, node)

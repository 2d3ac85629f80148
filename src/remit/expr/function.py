"""Functions that conditions can call.

A function is declared by a signature and implemented in Python:

    @function("string.charAt(int) -> string")
    def char_at(text: str, index: int) -> str: ...

What stands before the dot is a type (then the function is a method of it) or
a namespace (`path.within(string, string) -> bool`). A parameter followed by
`...` may be repeated. One name may have many signatures; the values decide,
and an implementation is only called with values that fit its signature.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from remit.expr import types
from remit.expr.errors import EvalError
from remit.expr.types import ListType, MapType, OptionalType, Parameter, Type
from remit.expr.values import KINDS, no_overload

Implementation = Callable[..., Any]


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """One signature of one function."""

    signature: str
    implementation: Implementation | None = None
    """None for a function that is known, and provided by something that is not here."""
    doc: str = ""
    provider: str = ""
    """What provides the implementation: named when a condition calls it in vain."""
    reads_activation: bool = False
    """The implementation is given the activation before its arguments."""
    pure: bool = True
    """The same arguments give the same answer: constants are worked out at load."""
    literals: Mapping[int, Implementation] = field(default_factory=dict)
    """For the argument at a position, what raises `EvalError` if a literal there is no good."""
    name: str = field(init=False)
    method: bool = field(init=False)
    parameters: tuple[Type, ...] = field(init=False)
    """Of a method, the first is what it is called on."""
    repeats: bool = field(init=False)
    """Whether the last parameter may be given any number of times."""
    result: Type = field(init=False)

    def __post_init__(self) -> None:
        for name, value in _Signature(self.signature).read().items():
            object.__setattr__(self, name, value)

    def takes(self, count: int) -> bool:
        """Whether it can be called with *count* arguments, the target included."""
        return count == len(self.parameters) or (self.repeats and count >= len(self.parameters))

    def parameter(self, position: int) -> Type:
        """The type of the argument at *position*."""
        return self.parameters[min(position, len(self.parameters) - 1)]

    def accepts(self, classes: tuple[type, ...]) -> bool:
        """Whether values of these Python types fit, as far as types without parameters tell."""
        return self.takes(len(classes)) and all(
            _admits(self.parameter(position), cls) for position, cls in enumerate(classes)
        )

    def refuses(self, position: int, literal: Any) -> str:
        """Why the *literal* is no good as the argument at *position*; empty if it may be."""
        test = self.literals.get(position)
        if test is None:
            return ""
        try:
            test(literal)
        except EvalError as error:
            return str(error)
        return ""


def function(
    *signatures: str, literals: Mapping[int, Implementation] | None = None
) -> Callable[[Implementation], tuple[Function, ...]]:
    """Declare the decorated function under each of the *signatures*."""

    def declare(implementation: Implementation) -> tuple[Function, ...]:
        doc = (implementation.__doc__ or "").strip()
        return tuple(
            Function(each, implementation, doc, literals=literals or {}) for each in signatures
        )

    return declare


def safely(given: Function) -> Function:
    """*given*, whose failures of whatever kind become `EvalError`."""
    implementation = given.implementation
    if implementation is None:
        return given

    def call(*args: Any) -> Any:
        try:
            return implementation(*args)
        except EvalError:
            raise
        except Exception as error:
            raise EvalError(f"{given.name}() failed: {error}") from error

    return replace(given, implementation=call)


def dispatch(name: str, functions: Iterable[Function]) -> Implementation:
    """One callable that picks, among *functions*, the one for the values it is given.

    If any of them reads the activation, the callable is given that first.
    """
    candidates = tuple(functions)
    chosen: dict[tuple[type, ...], Implementation] = {}

    def call(*args: Any) -> Any:
        classes = tuple(map(type, args))
        implementation = chosen.get(classes)
        if implementation is None:
            choice = _choose(name, candidates, classes, args)
            implementation = chosen[classes] = cast("Implementation", choice.implementation)
        return implementation(*args)

    def call_reading(activation: Any, *args: Any) -> Any:
        choice = _choose(name, candidates, tuple(map(type, args)), args)
        implementation = cast("Implementation", choice.implementation)
        return implementation(activation, *args) if choice.reads_activation else call(*args)

    return call_reading if any(each.reads_activation for each in candidates) else call


def _choose(
    name: str, candidates: tuple[Function, ...], classes: tuple[type, ...], args: tuple[Any, ...]
) -> Function:
    for candidate in candidates:
        if candidate.implementation is not None and candidate.accepts(classes):
            return candidate
    raise no_overload(name, *args)


def _admits(wanted: Type, cls: type) -> bool:
    if isinstance(wanted, Parameter) or wanted is types.DYN:
        return True
    return KINDS.get(cls) == wanted.name


_TYPES: dict[str, Type] = {
    "bool": types.BOOL,
    "int": types.INT,
    "uint": types.UINT,
    "double": types.DOUBLE,
    "string": types.STRING,
    "bytes": types.BYTES,
    "null": types.NULL,
    "timestamp": types.TIMESTAMP,
    "duration": types.DURATION,
    "type": types.TYPE,
    "dyn": types.DYN,
}
_GENERIC: Mapping[str, Callable[..., Type]] = {
    "list": ListType,
    "map": MapType,
    "optional": OptionalType,
}
_PIECE = re.compile(r"\s*(->|\.\.\.|[A-Za-z_][A-Za-z0-9_]*|[<>=!]=|[-+*/%<>!().,\[\]])")


def abstract(name: str, cls: type) -> Type:
    """A type of one's own, whose values are instances of *cls*."""
    KINDS[cls] = name
    return _TYPES.setdefault(name, Type(name))


class _Signature:
    """Reads `list(T).join(string) -> string`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pieces = _PIECE.findall(text)
        self.position = 0

    def read(self) -> dict[str, Any]:
        target = self.receiver()
        name = self.advance()
        while self.accept("."):
            name += "." + self.advance()
        self.expect("(")
        parameters = [] if target is None else [target]
        repeats = False
        while not self.accept(")"):
            parameters.append(self.type())
            repeats = self.accept("...")
            self.accept(",")
        self.expect("->")
        return {
            "name": name,
            "method": target is not None,
            "parameters": tuple(parameters),
            "repeats": repeats,
            "result": self.type(),
        }

    def receiver(self) -> Type | None:
        """The type before the dot, if it is a type."""
        start = self.position
        first = self.pieces[0]
        generic = first in _GENERIC and self.pieces[1] == "("
        if generic or first in _TYPES or (len(first) == 1 and first.isupper()):
            target = self.type()
            if self.accept("."):
                return target
        self.position = start
        return None

    def type(self) -> Type:
        name = self.advance()
        if name in _GENERIC and self.accept("("):
            arguments = [self.type()]
            while self.accept(","):
                arguments.append(self.type())
            self.expect(")")
            return _GENERIC[name](*arguments)
        if len(name) == 1 and name.isupper():
            return Parameter(name)
        if name in _TYPES:
            return _TYPES[name]
        raise ValueError(f"{self.text!r}: there is no type {name!r}")

    def advance(self) -> str:
        piece = self.pieces[self.position]
        self.position += 1
        return str(piece)

    def accept(self, piece: str) -> bool:
        if self.position < len(self.pieces) and self.pieces[self.position] == piece:
            self.position += 1
            return True
        return False

    def expect(self, piece: str) -> None:
        if not self.accept(piece):
            raise ValueError(f"{self.text!r} is no signature: {piece!r} is missing")

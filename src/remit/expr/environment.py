"""What a condition can name: the variables of its activation, and functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from remit.expr.function import Function, safely
from remit.expr.functions import STANDARD
from remit.expr.types import Path, Type

if TYPE_CHECKING:
    from remit.expr.compile import Program


_RESERVED = frozenset({"in", "has", "true", "false", "null"})


@dataclass(frozen=True, slots=True)
class Variable:
    """A name, its type, and the attributes that lead to it from the activation."""

    type: Type
    path: Path
    convert: Callable[[Any], Any] | None = None
    """Makes the value of what is found there: `Timestamp`, for a moment kept as nanoseconds."""

    def __post_init__(self) -> None:
        for name in self.path.split("."):
            if not name.isidentifier() or iskeyword(name) or name.startswith("__"):
                raise ValueError(f"{self.path!r} is not a chain of attributes")


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables and functions; those of the standard library are always there."""

    variables: Mapping[str, Variable] = field(default_factory=dict)
    functions: tuple[Function, ...] = ()
    """The host's own. One with the parameters of a standard function takes its place."""
    table: Mapping[str, tuple[Function, ...]] = field(init=False, repr=False, compare=False)
    """All functions by name."""

    def __post_init__(self) -> None:
        table = dict(STANDARD)
        for given in map(safely, self.functions):
            if not given.name.replace(".", "").isidentifier() or given.name in _RESERVED:
                raise ValueError(f"{given.name!r} cannot be the name of a function")
            others = table.get(given.name, ())
            kept = [other for other in others if other.parameters != given.parameters]
            table[given.name] = (*kept, given)
        object.__setattr__(self, "table", table)

    def compile(self, text: str, expect: Type | None = None) -> Program:
        """Parse, check and compile *text*, which must be of type *expect* if one is given.

        Raises:
            ExprError: it cannot be used; the error says where and why.
        """
        from remit.expr.check import check
        from remit.expr.compile import compile  # noqa: A004 - it compiles
        from remit.expr.parse import parse

        return compile(check(parse(text), self, expect))

"""What compiled expressions call: the operations that look at more than values.

Operands come as functions without arguments where the language says that one
operand's error may not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from remit.expr.access import make_map
from remit.expr.errors import EvalError
from remit.expr.values import LISTS, NONE, Optional, boolean, kind

MOST_STEPS = 100_000
"""Steps of loops inside loops in one evaluation; data decide how many there are."""
LOOKED_AT = 10
"""Items of a list that `in` looks at for one step."""

Later = Callable[[], Any]
Body = Callable[..., Any]
Rows = Iterable[tuple[Any, ...]]


def conjoin(*operands: Later) -> bool:
    """`&&`: false if any operand is; the first error only if none is."""
    return not _any_is(operands, wanted=False)


def disjoin(*operands: Later) -> bool:
    """`||`: true if any operand is; the first error only if none is."""
    return _any_is(operands, wanted=True)


def _any_is(operands: Iterable[Later], *, wanted: bool) -> bool:
    failure: EvalError | None = None
    for operand in operands:
        try:
            if boolean(operand()) is wanted:
                return True
        except EvalError as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return False


def all_of(rows: Rows, body: Body) -> bool:
    """`all`: false if the body is false for any row, whatever errors other rows have."""
    return not _any_is((_later(body, row) for row in rows), wanted=False)


def any_of(rows: Rows, body: Body) -> bool:
    """`exists`: true if the body is true for any row, whatever errors other rows have."""
    return _any_is((_later(body, row) for row in rows), wanted=True)


def _later(body: Body, row: tuple[Any, ...]) -> Later:
    return lambda: body(*row)


def one_of(rows: Rows, body: Body) -> bool:
    """`exists_one`: whether the body is true for exactly one row."""
    return sum(boolean(body(*row)) for row in rows) == 1


def filtered(rows: Rows, body: Body) -> tuple[Any, ...]:
    """`filter`."""
    return tuple(row[0] for row in rows if boolean(body(*row)))


def mapped(rows: Rows, body: Body, condition: Body | None = None) -> tuple[Any, ...]:
    """`map` and `transformList`."""
    return tuple(body(*row) for row in rows if condition is None or boolean(condition(*row)))


def remapped(rows: Rows, body: Body, condition: Body | None = None) -> dict[Any, Any]:
    """`transformMap`."""
    chosen = (row for row in rows if condition is None or boolean(condition(*row)))
    return make_map(*((row[0], body(*row)) for row in chosen))


def unpacked(optional: Any, body: Body) -> Optional:
    """`optMap`."""
    return unpacked_flat(optional, lambda value: Optional(body(value)))


def unpacked_flat(optional: Any, body: Body) -> Optional:
    """`optFlatMap`."""
    if type(optional) is not Optional:
        raise EvalError(f"{kind(optional)} is not an optional")
    if not optional.present:
        return NONE
    found = body(optional.value)
    if type(found) is not Optional:
        raise EvalError(f"{kind(found)} is not an optional")
    return found


def spend(budget: list[int], rows: Any) -> Any:
    """*rows*, when what is left of the *budget* of steps pays for them."""
    budget[0] -= len(rows)
    if budget[0] < 0:
        raise EvalError(f"loops inside loops take more than {MOST_STEPS} steps")
    return rows


def searched(budget: list[int], container: Any) -> Any:
    """*container*, in which a loop looks for something, when the *budget* pays for that."""
    if type(container) in LISTS:
        spend(budget, range(len(container) // LOOKED_AT))
    return container


def attribute(owner: Any, *names: str) -> Any:
    """The attribute that a chain of *names* leads to."""
    for name in names:
        if not hasattr(owner, name):
            raise EvalError(f"{kind(owner)} has no attribute '{name}'")
        owner = getattr(owner, name)
    return owner


def fail(message: str) -> NoReturn:
    """Evaluate what an unchecked expression could not make sense of."""
    raise EvalError(message)

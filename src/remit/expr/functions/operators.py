"""The operators, as functions of the same name.

Integers have 64 bits and overflow is an error; division and remainder round
towards zero; doubles follow IEEE 754. Comparisons take numbers of any two
types, arithmetic only those of one.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from remit.expr.compare import contains, equal
from remit.expr.errors import EvalError
from remit.expr.function import Function
from remit.expr.values import (
    INT_MAX,
    INT_MIN,
    LARGEST_TEXT,
    UINT_MAX,
    Duration,
    Timestamp,
    Uint,
)

FIRST_MOMENT = -62_135_596_800 * 10**9
LAST_MOMENT = 253_402_300_800 * 10**9 - 1


def int64(value: int) -> int:
    """*value*, when it fits."""
    if INT_MIN <= value <= INT_MAX:
        return value
    raise EvalError("integer overflow")


def uint64(value: int) -> Uint:
    """*value*, when it fits."""
    if 0 <= value <= UINT_MAX:
        return Uint(value)
    raise EvalError("unsigned integer overflow")


def timestamp(nanos: int) -> Timestamp:
    """The moment, when it lies in the years 1 to 9999."""
    if FIRST_MOMENT <= nanos <= LAST_MOMENT:
        return Timestamp(nanos)
    raise EvalError("timestamp out of range: the years are 1 to 9999")


def duration(nanos: int) -> Duration:
    """The span, when its nanoseconds fit an int."""
    if INT_MIN <= nanos <= INT_MAX:
        return Duration(nanos)
    raise EvalError("duration out of range: the longest is about 292 years")


def _quotient(one: int, other: int) -> int:
    if other == 0:
        raise EvalError("division by zero")
    quotient = abs(one) // abs(other)
    return quotient if (one < 0) == (other < 0) else -quotient


def _remainder(one: int, other: int) -> int:
    if other == 0:
        raise EvalError("modulus by zero")
    if one == INT_MIN and other == -1:
        # The quotient does not fit, and the remainder is defined by the quotient.
        raise EvalError("integer overflow")
    return one - other * _quotient(one, other)


def _divide(one: float, other: float) -> float:
    if other != 0:
        return one / other
    if one == 0 or math.isnan(one):
        return math.nan
    return math.copysign(math.inf, one) * math.copysign(1, other)


def _concatenate(one: Any, other: Any) -> Any:
    if len(one) + len(other) > LARGEST_TEXT:
        raise EvalError(f"the result has more than {LARGEST_TEXT} items or characters")
    return one + other if type(one) is type(other) else (*one, *other)


def _integers(sign: str, compute: Callable[[int, int], int]) -> list[Function]:
    return [
        Function(f"{sign}(int, int) -> int", lambda a, b: int64(compute(a, b))),
        Function(f"{sign}(uint, uint) -> uint", lambda a, b: uint64(compute(int(a), int(b)))),
    ]


def _doubles(sign: str, compute: Callable[[float, float], float]) -> Function:
    return Function(f"{sign}(double, double) -> double", compute)


def _order(sign: str, compare: Callable[[Any, Any], bool]) -> list[Function]:
    def as_doubles(one: Any, other: Any) -> bool:
        return compare(float(one), float(other))

    alike = ["bool", "string", "bytes", "timestamp", "duration", "double", "int", "uint"]
    found = [Function(f"{sign}({each}, {each}) -> bool", compare) for each in alike]
    found += [
        Function(f"{sign}(int, uint) -> bool", compare),
        Function(f"{sign}(uint, int) -> bool", compare),
    ]
    mixed = [("int", "double"), ("double", "int"), ("uint", "double"), ("double", "uint")]
    found += [Function(f"{sign}({one}, {other}) -> bool", as_doubles) for one, other in mixed]
    return found


_NUMERIC_LISTS = [
    f"in({item}, {container}) -> bool"
    for item in ("int", "uint", "double")
    for other in ("int", "uint", "double")
    if item != other
    for container in (f"list({other})", f"map({other}, V)")
]

FUNCTIONS: tuple[Function, ...] = (
    *_integers("+", operator.add),
    *_integers("-", operator.sub),
    *_integers("*", operator.mul),
    *_integers("/", _quotient),
    *_integers("%", _remainder),
    _doubles("+", operator.add),
    _doubles("-", operator.sub),
    _doubles("*", operator.mul),
    _doubles("/", _divide),
    Function("-(int) -> int", lambda value: int64(-value)),
    Function("-(double) -> double", operator.neg),
    Function("+(string, string) -> string", _concatenate),
    Function("+(bytes, bytes) -> bytes", _concatenate),
    Function("+(list(T), list(T)) -> list(T)", _concatenate),
    Function("+(timestamp, duration) -> timestamp", lambda t, d: timestamp(t.nanos + d.nanos)),
    Function("+(duration, timestamp) -> timestamp", lambda d, t: timestamp(t.nanos + d.nanos)),
    Function("+(duration, duration) -> duration", lambda a, b: duration(a.nanos + b.nanos)),
    Function("-(timestamp, duration) -> timestamp", lambda t, d: timestamp(t.nanos - d.nanos)),
    Function("-(timestamp, timestamp) -> duration", lambda a, b: duration(a.nanos - b.nanos)),
    Function("-(duration, duration) -> duration", lambda a, b: duration(a.nanos - b.nanos)),
    *_order("<", operator.lt),
    *_order("<=", operator.le),
    *_order(">", operator.gt),
    *_order(">=", operator.ge),
    Function("==(dyn, dyn) -> bool", equal),
    Function("!=(dyn, dyn) -> bool", lambda one, other: not equal(one, other)),
    Function("!(bool) -> bool", operator.not_),
    Function("in(T, list(T)) -> bool", contains),
    Function("in(K, map(K, V)) -> bool", contains),
    *(Function(signature, contains) for signature in _NUMERIC_LISTS),
)

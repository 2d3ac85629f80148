"""`math.*`: the largest and the least, rounding, signs, bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from remit.expr.errors import EvalError
from remit.expr.function import Function, function
from remit.expr.functions.operators import int64
from remit.expr.values import NUMBERS, UINT_MAX, Uint, no_overload

_WORD = 64


def _extreme(name: str, better: Callable[[Any, Any], bool]) -> tuple[Function, ...]:
    def choose(*values: Any) -> Any:
        best = values[0]
        for value in values:
            if type(value) not in NUMBERS:
                raise no_overload(f"math.{name}", *values)
            if better(value, best):
                best = value
        return best

    def of_list(values: tuple[Any, ...]) -> Any:
        if not values:
            raise EvalError(f"math.{name}() of an empty list")
        return choose(*values)

    doc = f"The {name} of numbers of any types, given one by one or as a list."
    number = ("int", "uint", "double")
    return (
        *(Function(f"math.{name}({each}...) -> {each}", choose, doc) for each in number),
        Function(f"math.{name}(list(T)) -> T", of_list, doc),
        Function(f"math.{name}(dyn...) -> dyn", choose, doc),
    )


def _round_half_away(value: float) -> float:
    # A double of this size has no fraction; adding a half would round it.
    if abs(value) >= 2.0**52:
        return value
    whole = math.floor(abs(value))
    return math.copysign(whole + (abs(value) - whole >= 0.5), value)


def _rounding(name: str, compute: Callable[[float], float]) -> Function:
    def apply(value: float) -> float:
        # Python's rounding makes an int, which has no negative zero.
        return math.copysign(compute(value), value) if math.isfinite(value) else value

    return Function(f"math.{name}(double) -> double", apply, f"{name} of a double.")


@function("math.abs(int) -> int", "math.abs(double) -> double", "math.abs(uint) -> uint")
def absolute(value: Any) -> Any:
    """The number without its sign."""
    if type(value) is float:
        return abs(value)
    return value if type(value) is Uint else int64(abs(value))


@function("math.sign(int) -> int", "math.sign(double) -> double", "math.sign(uint) -> uint")
def sign(value: Any) -> Any:
    """-1, 0 or 1, in the type of the number; NaN of NaN."""
    if type(value) is float and math.isnan(value):
        return value
    return type(value)((value > 0) - (value < 0))


@function("math.isNaN(double) -> bool")
def is_nan(value: float) -> bool:
    """Whether it is not a number."""
    return math.isnan(value)


@function("math.isInf(double) -> bool")
def is_inf(value: float) -> bool:
    """Whether it is an infinity."""
    return math.isinf(value)


@function("math.isFinite(double) -> bool")
def is_finite(value: float) -> bool:
    """Whether it is neither NaN nor an infinity."""
    return math.isfinite(value)


@function("math.sqrt(double) -> double", "math.sqrt(int) -> double", "math.sqrt(uint) -> double")
def square_root(value: float) -> float:
    """The square root; NaN of what is negative."""
    return math.sqrt(value) if value >= 0 else math.nan


def _bits(name: str, compute: Callable[[int, int], int]) -> list[Function]:
    def unsigned(one: int, other: int) -> Uint:
        return Uint(compute(int(one), int(other)))

    doc = f"{name} of two integers of one type, bit by bit."
    return [
        Function(f"math.{name}(int, int) -> int", compute, doc),
        Function(f"math.{name}(uint, uint) -> uint", unsigned, doc),
    ]


@function("math.bitNot(int) -> int", "math.bitNot(uint) -> uint")
def bit_not(value: int) -> int:
    """Every bit the other way."""
    return Uint(int(value) ^ UINT_MAX) if type(value) is Uint else ~value


@function("math.bitShiftLeft(int, int) -> int", "math.bitShiftLeft(uint, int) -> uint")
def shift_left(value: int, places: int) -> int:
    """The bits moved towards the high end; what leaves the 64 is lost."""
    return _shifted(value, (int(value) << _places(places)) & UINT_MAX)


@function("math.bitShiftRight(int, int) -> int", "math.bitShiftRight(uint, int) -> uint")
def shift_right(value: int, places: int) -> int:
    """The bits moved towards the low end, zeros taking their place even in a negative int."""
    return _shifted(value, (int(value) & UINT_MAX) >> _places(places))


def _places(places: int) -> int:
    if places < 0:
        raise EvalError(f"cannot shift by {places}")
    return min(places, _WORD)


def _shifted(value: int, bits: int) -> int:
    if type(value) is Uint:
        return Uint(bits)
    return bits - 2**_WORD if bits >> (_WORD - 1) else bits


FUNCTIONS = (
    *_extreme("greatest", lambda value, best: value > best),
    *_extreme("least", lambda value, best: value < best),
    _rounding("ceil", math.ceil),
    _rounding("floor", math.floor),
    _rounding("trunc", math.trunc),
    _rounding("round", _round_half_away),
    *absolute,
    *sign,
    *is_nan,
    *is_inf,
    *is_finite,
    *square_root,
    *_bits("bitAnd", lambda one, other: one & other),
    *_bits("bitOr", lambda one, other: one | other),
    *_bits("bitXor", lambda one, other: one ^ other),
    *bit_not,
    *shift_left,
    *shift_right,
)

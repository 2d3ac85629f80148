"""From one type to another, and `type` itself."""

from __future__ import annotations

from typing import Any

from remit.expr.errors import EvalError
from remit.expr.function import function
from remit.expr.functions.operators import int64, uint64
from remit.expr.functions.text import spell
from remit.expr.values import INT_MAX, UINT_MAX, Timestamp, TypeValue, Uint, kind, show

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_LONGEST_NUMBER = 400
_SECOND = 10**9


@function("bool(bool) -> bool", "bool(string) -> bool")
def to_bool(value: Any) -> bool:
    """A boolean from the words true and false, t and f, 1 and 0."""
    if isinstance(value, bool):
        return value
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise EvalError(f"{show(value)} is not a bool")


@function("int(int) -> int", "int(uint) -> int")
def int_of_integer(value: int) -> int:
    """The integer as an int."""
    return int64(int(value))


@function("int(double) -> int")
def int_of_double(value: float) -> int:
    """The double without its fraction."""
    # 2**63 is a double and 2**63 - 1 is not: the specification leaves out both ends.
    if not -float(INT_MAX) < value < float(INT_MAX):
        raise EvalError("integer overflow")
    return int(value)


@function("int(string) -> int")
def int_of_string(text: str) -> int:
    """The integer that decimal digits spell."""
    return int64(_digits(text, "int"))


@function("int(timestamp) -> int")
def int_of_timestamp(moment: Timestamp) -> int:
    """Whole seconds since 1970."""
    return moment.nanos // _SECOND


@function("uint(int) -> uint", "uint(uint) -> uint")
def uint_of_integer(value: int) -> Uint:
    """The integer as a uint."""
    return uint64(int(value))


@function("uint(double) -> uint")
def uint_of_double(value: float) -> Uint:
    """The double without its fraction."""
    if not 0 <= value < float(UINT_MAX):
        raise EvalError("unsigned integer overflow")
    return Uint(value)


@function("uint(string) -> uint")
def uint_of_string(text: str) -> Uint:
    """The unsigned integer that decimal digits spell."""
    return uint64(_digits(text, "uint"))


def _digits(text: str, wanted: str) -> int:
    digits = text.removeprefix("-") if wanted == "int" else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_NUMBER):
        raise EvalError(f"{show(text)} is not {wanted}")
    return int(text)


@function("double(double) -> double", "double(int) -> double", "double(uint) -> double")
def double_of_number(value: float) -> float:
    """The nearest double."""
    return float(value)


@function("double(string) -> double")
def double_of_string(text: str) -> float:
    """The double that a text spells, infinities and NaN included."""
    if not text.isascii() or "_" in text or text != text.strip() or len(text) > _LONGEST_NUMBER:
        raise EvalError(f"{show(text)} is not a double")
    try:
        return float(text)
    except ValueError:
        raise EvalError(f"{show(text)} is not a double") from None


@function(
    "string(string) -> string",
    "string(bool) -> string",
    "string(int) -> string",
    "string(uint) -> string",
    "string(double) -> string",
    "string(timestamp) -> string",
    "string(duration) -> string",
)
def to_string(value: Any) -> str:
    """The text that spells a value."""
    return spell(value)


@function("string(bytes) -> string")
def string_of_bytes(data: bytes) -> str:
    """The text that the bytes are the UTF-8 of."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise EvalError("these bytes are no UTF-8") from None


@function("bytes(string) -> bytes", "bytes(bytes) -> bytes")
def to_bytes(value: str | bytes) -> bytes:
    """The UTF-8 of a text."""
    return value.encode() if isinstance(value, str) else value


@function("type(dyn) -> type")
def type_of(value: Any) -> TypeValue:
    """The type of a value, which is a value itself."""
    return TypeValue(kind(value))


@function("dyn(dyn) -> dyn")
def to_dyn(value: Any) -> Any:
    """The value itself, of which the checker now knows nothing."""
    return value


FUNCTIONS = (
    *to_bool,
    *int_of_integer,
    *int_of_double,
    *int_of_string,
    *int_of_timestamp,
    *uint_of_integer,
    *uint_of_double,
    *uint_of_string,
    *double_of_number,
    *double_of_string,
    *to_string,
    *string_of_bytes,
    *to_bytes,
    *type_of,
    *to_dyn,
)

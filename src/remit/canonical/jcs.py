"""The JSON Canonicalization Scheme, RFC 8785: one sequence of bytes for one value."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import Any, cast

import msgspec

from remit.canonical.frozen import Frozen
from remit.errors import NotData

LARGEST_INTEGER = 2**53 - 1
"""Beyond it a double, which is what JSON numbers are to most readers, drops digits (RFC 7493)."""


_sorted = msgspec.json.Encoder(order="sorted").encode

_differs = re.compile(rb"[0-9](?:[.eE]|[0-9]{15})").search
"""Finds numbers that others write in another way, and what looks like one: fractions, and integers
that a double may not hold."""


def canonical(value: Any) -> bytes:
    """The bytes of a frozen *value* after RFC 8785: sorted members, no spaces, UTF-8."""
    if type(value) is Frozen:
        data = _sorted(value)
        # Members are sorted by code points, which in ASCII is by UTF-16 code units as well.
        if data.isascii() and _differs(data) is None:
            return data
    parts: list[str] = []
    _write(value, parts.append)
    return "".join(parts).encode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def whole(value: int) -> int:
    """*value*, unless a double would not hold it."""
    if -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        return value
    raise NotData("", "is an integer beyond 2**53, which JSON readers round; pass it as text")


def finite(value: float) -> float:
    """*value*, unless it is NaN or an infinity."""
    if isfinite(value):
        return value
    raise NotData("", f"is {value}, which is not a number policy can compare")


def _write(value: Any, emit: Callable[[str], None]) -> None:
    if isinstance(value, str):
        emit(_quote(value))
    elif value is None or isinstance(value, bool):
        emit({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int):
        emit(str(whole(value)))
    elif isinstance(value, float):
        emit(_number(value))
    elif isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        separator = "{"
        # RFC 8785 section 3.2.3: by UTF-16 code units, which differ from code points above U+FFFF.
        for key in sorted(members, key=lambda key: key.encode("utf-16-be")):
            emit(f"{separator}{_quote(key)}:")
            _write(members[key], emit)
            separator = ","
        emit("}" if members else "{}")
    elif isinstance(value, list | tuple):
        separator = "["
        for item in cast("Iterable[Any]", value):
            emit(separator)
            _write(item, emit)
            separator = ","
        emit("]" if value else "[]")
    else:
        raise NotData("", f"is a {type(value).__qualname__}, which has no canonical bytes")


def _quote(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _number(value: float) -> str:
    """ECMAScript's Number::toString, which RFC 8785 section 3.2.2.3 asks for."""
    if finite(value) == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).rstrip("0") if fraction.strip("0") or whole else whole
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = point - 1
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if power > 0 else '-'}{abs(power)}"

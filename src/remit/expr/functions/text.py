"""How values are spelled, and `format`.

`string(x)` spells one value; `%s` spells anything, lists and maps included.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from remit.expr.errors import EvalError
from remit.expr.function import function
from remit.expr.functions.moments import spell_duration, spell_timestamp
from remit.expr.values import (
    LARGEST_TEXT,
    LISTS,
    MAPPINGS,
    Duration,
    Timestamp,
    TypeValue,
    Uint,
    kind,
    shown_key,
)

_MOST_DIGITS = 100
_CLAUSE = re.compile(r"%(?:(%)|(?:\.([0-9]{1,9}))?([A-Za-z]))")


def spell(value: Any) -> str:
    """The text that spells a value without parts."""
    found = _SPELL.get(type(value))
    if found is None:
        raise EvalError(f"a {kind(value)} has no spelling")
    return found(value)


def _spell_double(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value.is_integer() and abs(value) < 1e21:
        return "-0" if math.copysign(1, value) < 0 and value == 0 else str(int(value))
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa}e{int(exponent):+03d}" if exponent else mantissa


_SPELL: Mapping[type, Callable[[Any], str]] = {
    str: str,
    bool: lambda value: "true" if value else "false",
    int: str,
    Uint: lambda value: str(int(value)),
    float: _spell_double,
    type(None): lambda _: "null",
    bytes: lambda value: value.decode(errors="replace"),
    Timestamp: lambda value: spell_timestamp(value.nanos),
    Duration: lambda value: spell_duration(value.nanos),
    TypeValue: lambda value: value.name,
}


def _spell_parts(value: Any) -> Iterator[str]:
    if type(value) in LISTS:
        yield "["
        for position, item in enumerate(value):
            yield ", " if position else ""
            yield from _spell_parts(item)
        yield "]"
    elif type(value) in MAPPINGS:
        yield "{"
        spelled = [(spell(shown_key(key)), item) for key, item in value.items()]
        for position, (key, item) in enumerate(sorted(spelled, key=itemgetter(0))):
            yield f"{', ' if position else ''}{key}: "
            yield from _spell_parts(item)
        yield "}"
    else:
        yield spell(value)


def _bounded(parts: Iterator[str]) -> str:
    """The parts together, unless they grow too long: shared ones may be spelled very often."""
    length = 0
    kept: list[str] = []
    for part in parts:
        length += len(part) + 1
        if length > LARGEST_TEXT:
            raise EvalError(f"the result has more than {LARGEST_TEXT} characters")
        kept.append(part)
    return "".join(kept)


@function("string.format(list(dyn)) -> string")
def format_text(template: str, values: tuple[Any, ...]) -> str:
    """*template* with each `%` clause replaced by the next of *values*.

    `%s` anything, `%d` integers, `%f` and `%e` numbers (`%.2f`), `%b` binary,
    `%o` octal, `%x` and `%X` hexadecimal of integers, text and bytes, `%%` a percent sign.
    """
    return _bounded(_formatted(template, values))


def _formatted(template: str, values: tuple[Any, ...]) -> Iterator[str]:
    at, used = 0, 0
    while (start := template.find("%", at)) >= 0:
        clause = _CLAUSE.match(template, start)
        if clause is None:
            raise EvalError(f"a '%' at {start} that starts no clause; write '%%' for the sign")
        yield template[at:start]
        at = clause.end()
        if clause[1]:
            yield "%"
            continue
        if used >= len(values):
            raise EvalError(f"no value for clause {used + 1}, {clause[0]!r}")
        yield _format_clause(clause, values[used])
        used += 1
    yield template[at:]


def _format_clause(clause: re.Match[str], value: Any) -> str:
    _, precision, letter = clause.groups()
    spell_clause = _CLAUSES.get(letter)
    if spell_clause is None:
        raise EvalError(f"{clause[0]!r} is no clause of format()")
    digits = int(precision) if precision else 6
    if digits > _MOST_DIGITS:
        raise EvalError(f"{clause[0]!r} asks for more than {_MOST_DIGITS} digits")
    spelled = spell_clause(value, digits)
    if spelled is None:
        raise EvalError(f"{clause[0]!r} does not take a {kind(value)}")
    return spelled


def _clause_text(value: Any, _: int) -> str:
    return _bounded(_spell_parts(value))


def _clause_decimal(value: Any, _: int) -> str | None:
    if type(value) is float and not math.isfinite(value):
        return _spell_double(value)
    return str(int(value)) if type(value) in (int, Uint) else None


def _number_clause(letter: str) -> Callable[[Any, int], str | None]:
    def spell_number(value: Any, digits: int) -> str | None:
        if type(value) not in (int, Uint, float):
            return None
        number = float(value)
        return f"{number:.{digits}{letter}}" if math.isfinite(number) else _spell_double(number)

    return spell_number


def _clause_binary(value: Any, _: int) -> str | None:
    return f"{value:b}" if type(value) in (int, Uint, bool) else None


def _clause_octal(value: Any, _: int) -> str | None:
    return f"{int(value):o}" if type(value) in (int, Uint) else None


def _clause_hexadecimal(value: Any, _: int) -> str | None:
    if type(value) in (int, Uint):
        return f"{int(value):x}"
    data = value.encode() if type(value) is str else value
    return data.hex() if type(data) is bytes else None


def _clause_upper(value: Any, digits: int) -> str | None:
    spelled = _clause_hexadecimal(value, digits)
    return None if spelled is None else spelled.upper()


_CLAUSES: Mapping[str, Callable[[Any, int], str | None]] = {
    "s": _clause_text,
    "d": _clause_decimal,
    "f": _number_clause("f"),
    "e": _number_clause("e"),
    "b": _clause_binary,
    "o": _clause_octal,
    "x": _clause_hexadecimal,
    "X": _clause_upper,
}

FUNCTIONS = format_text

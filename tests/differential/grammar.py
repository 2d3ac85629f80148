"""Expressions made from a seed: most fit the types, some do not, many err on the data at hand.

Left out is what the specification leaves open: in which order a map is run over, how
a double is spelled as text, how many zeros end the fraction of a second, and what an
empty text is split into. So is `format()`: the official runtime spells a double that `%s`
stands for in six digits, and takes one for `%d`; what the other verbs make is the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

DATA = {
    "args": {"n": 3, "d": 2.5, "s": "Straße", "t": True, "z": None, "l": [1, 2, 3], "m": {"k": 7}},
    "i": 7,
    "j": -3,
    "d": 0.5,
    "s": "héllo wörld",
    "b": True,
    "l": [3, 1, 2, 2],
    "m": {"a": 1, "b": -2},
}
"""What the expressions are about; `TYPES` says what is declared of it."""
TYPES = {
    "args": "dyn map", "i": "int", "j": "int", "d": "double", "s": "string", "b": "bool",
    "l": "int list", "m": "int map",
}  # fmt: skip

KINDS = ("bool", "int", "uint", "double", "string", "bytes", "list", "map", "duration", "timestamp")
LITERALS = {
    "bool": ("true", "false"),
    "int": ("0", "1", "-1", "2", "7", "-8", "9223372036854775807", "-9223372036854775808", "0x1F"),
    "uint": ("0u", "1u", "5u", "18446744073709551615u"),
    "double": ("0.0", "-0.0", "1.0", "2.5", "-1.5", "1e300", "1e-300", "9007199254740993.0"),
    "string": (
        "''",
        "'a'",
        "'ab'",
        "'Ünïcode 😀'",
        "'3'",
        "'-7'",
        "'1.5'",
        "'true'",
        r"'\n\t\x41'",
    ),
    "bytes": ("b''", "b'abc'", r"b'\xff\x00'", "b'é'"),
    "list": ("[]", "[1, 2, 3]", "[1, 2.0, 3u]", "['a', 'b']", "[[1], [2]]", "[null, true]"),
    "map": ("{}", "{'a': 1}", "{1: 'x', 2: 'y'}", "{true: 1, 'k': [1]}", "{'a': {'b': 2}}"),
    "duration": ("duration('1s')", "duration('-90m')", "duration('1.5h')", "duration('3ms')"),
    "timestamp": (
        "timestamp('2026-03-29T01:30:00Z')",
        "timestamp('1969-12-31T23:59:59.5Z')",
        "timestamp('2024-02-29T12:00:00+05:30')",
    ),
}
NAMES = {
    "bool": ("b", "args.t"),
    "int": ("i", "j", "args.n", "m.a", "l[0]", "args.l[1]"),
    "double": ("d", "args.d"),
    "string": ("s", "args.s"),
    "list": ("l", "args.l"),
    "map": ("m", "args.m", "args"),
}
# What each kind can be made of; words in braces are expressions of that kind.
SHAPES = {
    "bool": (
        "{bool} && {bool}", "{bool} || {bool}", "!{bool}", "{any} == {any}", "{any} != {any}",
        "{int} < {int}", "dyn({double}) >= {int}", "{uint} <= dyn({int})", "{string} < {string}",
        "{bytes} > {bytes}", "{timestamp} < {timestamp}", "{duration} <= {duration}",
        "{any} in {list}", "{string} in {map}", "{int} in {map}", "{string}.startsWith({string})",
        "{string}.endsWith({string})", "{string}.contains({string})", "{string}.matches('[a-z]+$')",
        "has(args.n)", "has(args.nothing)", "has({map}.a)", "{list}.all(x, {bool})",
        "{list}.exists(x, x == {any})", "{list}.exists_one(x, x == {int})", "{map}.all(k, {bool})",
        "{list}.all(x, x > {int})", "{map}.exists(k, k == {string})", "bool({string})",
        "{bool} ? {bool} : {bool}", "type({any}) == {type}", "type({any}) == type({any})",
        "dyn({any}) == {any}", "dyn({any}) < {any}", "{list}.exists(x, 1 / x > 0)",
    ),
    "int": (
        "{int} + {int}", "{int} - {int}", "{int} * {int}", "{int} / {int}", "{int} % {int}",
        "-{int}", "size({string})", "size({map}.map(k, k))",
        "size({list})", "{map}.size()", "size({bytes})",
        "int({double})", "int({string})", "int({uint})", "int({timestamp})", "{list}[{int}]",
        "{map}[{string}]", "{map}[{int}]", "{string}.indexOf({string})",
        "{string}.lastIndexOf({string})", "{bool} ? {int} : {int}", "{timestamp}.getFullYear()",
        "{timestamp}.getHours('Europe/Berlin')", "{timestamp}.getDayOfWeek()",
        "{timestamp}.getDayOfYear('-03:00')", "{duration}.getSeconds()", "{duration}.getHours()",
        "{duration}.getMilliseconds()", "math.greatest({int}, {int})", "math.abs({int})",
        "math.sign({int})", "math.bitAnd({int}, {int})", "math.bitShiftLeft({int}, {int})",
        "math.bitShiftRight({int}, {int})", "math.least({list})", "{timestamp}.getMonth()",
    ),
    "uint": (
        "{uint} + {uint}", "{uint} - {uint}", "{uint} * {uint}", "{uint} / {uint}",
        "{uint} % {uint}", "uint({int})", "uint({double})", "uint({string})",
        "math.bitOr({uint}, {uint})",
    ),
    "double": (
        "{double} + {double}", "{double} - {double}", "{double} * {double}", "{double} / {double}",
        "-{double}", "double({int})", "double({string})", "double({uint})", "math.ceil({double})",
        "math.floor({double})", "math.round({double})", "math.trunc({double})",
        "math.greatest({double}, {double})", "math.least({double}, {int})",
    ),
    "string": (
        "{string} + {string}", "string({int})", "string({uint})",
        "string({bool})", "string({bytes})",
        "{string}.charAt({int})", "{string}.substring({int})", "{string}.substring({int}, {int})",
        "{string}.lowerAscii()", "{string}.upperAscii()", "{string}.trim()",
        "{string}.replace({string}, {string})", "{list}.join({string})", "{string}.reverse()",
        "{string}.replace({string}, {string}, {int})", "{list}[{int}]", "{map}.a",
        "strings.quote({string})", "'%s|%d|%.2f'.format([{string}, size({string}), {double}])",
    ),
    "bytes": ("{bytes} + {bytes}", "bytes({string})"),
    "list": (
        "{list} + {list}", "[{any}, {any}]", "{list}.map(x, {any})", "{list}.map(x, x + {int})",
        "{list}.filter(x, {bool})", "{string}.split('b')",
        "{list}.filter(x, x != {any})", "{string}.split('l', {int})",
        "{list}.map(x, {bool}, x)",
    ),
    "map": ("{{{string}: {any}}}", "{{{int}: {any}, {string}: {any}}}", "{map}.m"),
    "duration": (
        "{duration} + {duration}", "{duration} - {duration}", "{timestamp} - {timestamp}",
        "duration({string})",
    ),
    "timestamp": (
        "{timestamp} + {duration}", "{timestamp} - {duration}", "timestamp({string})",
        "timestamp({int})",
    ),
    "type": ("int", "string", "list", "map", "bool", "double", "uint", "bytes", "null_type"),
}  # fmt: skip


def expression(random: Random, depth: int = 3) -> str:
    """One expression of any kind."""
    return made(random, random.choice(KINDS), depth)


def made(random: Random, kind: str, depth: int) -> str:
    if kind == "any" or random.random() < 0.02:
        kind = random.choice(KINDS)
    if kind == "type":
        return random.choice(SHAPES["type"])
    if depth == 0 or random.random() < 0.2:
        return random.choice((*LITERALS[kind], *NAMES.get(kind, ()) * 2))
    shape = random.choice(SHAPES[kind])
    return _filled(shape, lambda each: made(random, each, depth - 1))


def _filled(shape: str, part: Callable[[str], str]) -> str:
    """*shape* with its words in braces replaced, in brackets where operators could run together."""
    words = {kind: _Parts(kind, part) for kind in (*KINDS, "any", "type")}
    return shape.format_map(words)


class _Parts:
    """Every time it is formatted, another expression of its kind."""

    def __init__(self, kind: str, part: Callable[[str], str]) -> None:
        self.kind = kind
        self.part = part

    def __format__(self, _: str) -> str:
        text = self.part(self.kind)
        return text if text.isalnum() else f"({text})"


def case(random: Random) -> str:
    """One line for the other runtime."""
    return json.dumps({"expr": expression(random)})

"""From text to tokens.

The lexical grammar is that of the CEL specification: whitespace and `//`
comments separate tokens; literals carry their value, numbers without a sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from remit.expr.errors import ExprError
from remit.expr.values import INT_MAX, UINT_MAX, Uint

LONGEST = 100_000
"""Characters of the longest expression that is read."""


class Token(NamedTuple):
    """`kind` is `name`, `quoted` (in backticks), `literal`, `end`, or the operator itself."""

    kind: str
    value: Any
    at: int
    end: int


_SPACE = re.compile(r"(?:[ \t\n\f\r]+|//[^\n]*)*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = re.compile(r"`([A-Za-z0-9_.\-/ ]+)`")
_DOUBLE = re.compile(r"[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+")
_INTEGER = re.compile(r"(?:0[xX]([0-9a-fA-F]+)|([0-9]+))([uU]?)")
_OPERATOR = re.compile(r"&&|\|\||[<>=!]=|[-+*/%<>!?:.,()\[\]{}]")
_OPENING = re.compile(r"""([bB]?)([rR]?)(\"""|'''|"|')""")
_TOKEN = re.compile(
    # What opens a text may begin like a name, and a double like an integer.
    rf"(?P<opening>{_OPENING.pattern})|(?P<name>{_NAME.pattern})|(?P<double>{_DOUBLE.pattern})"
    rf"|(?P<integer>{_INTEGER.pattern})|(?P<operator>{_OPERATOR.pattern})"
    rf"|(?P<quoted>{_QUOTED.pattern})"
)

_BODY = {
    ("", '"'): re.compile(r'((?:[^\\"\n\r]|\\[^\n\r])*)"'),
    ("", "'"): re.compile(r"((?:[^\\'\n\r]|\\[^\n\r])*)'"),
    ("", '"""'): re.compile(r'((?:[^\\"]|\\.|"(?!""))*)"""', re.DOTALL),
    ("", "'''"): re.compile(r"((?:[^\\']|\\.|'(?!''))*)'''", re.DOTALL),
    ("r", '"'): re.compile(r'([^"\n\r]*)"'),
    ("r", "'"): re.compile(r"([^'\n\r]*)'"),
    ("r", '"""'): re.compile(r'((?:[^"]|"(?!""))*)"""'),
    ("r", "'''"): re.compile(r"((?:[^']|'(?!''))*)'''"),
}

_PART = re.compile(
    r"""([^\\]+)|\\(?:([abfnrtv\\?"'`])|[xX]([0-9a-fA-F]{2})|([0-3][0-7]{2})"""
    r"""|(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|)"""
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED = dict(zip("abfnrtv\\?\"'`", "\a\b\f\n\r\t\v\\?\"'`", strict=True))

_HINTS = {
    "=": "'=' does not compare; write '=='",
    "&": "a single '&' has no meaning; write '&&'",
    "|": "a single '|' has no meaning; write '||'",
    "`": "a name in backticks holds letters, digits and _ . - / or space",
}


def tokens(text: str) -> list[Token]:
    """The tokens of *text*; the last is of kind `end`.

    Raises:
        ExprError: some part of *text* is no token.
    """
    if len(text) > LONGEST:
        raise ExprError(f"longer than {LONGEST} characters", text, LONGEST)
    found: list[Token] = []
    at = 0
    while True:
        at = _skip(text, at)
        if at == len(text):
            found.append(Token("end", None, at, at))
            return found
        token = _token(text, at)
        found.append(token)
        at = token.end


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _token(text: str, at: int) -> Token:
    found = _TOKEN.match(text, at)
    if found is None:
        raise ExprError(_HINTS.get(text[at], f"{text[at]!r} has no meaning here"), text, at)
    kind = found.lastgroup
    if kind == "name":
        return Token("name", found[0], at, found.end())
    if kind == "operator":
        return Token(found[0], None, at, found.end())
    if kind == "double":
        return Token("literal", float(found[0]), at, found.end())
    if opening := _OPENING.match(text, at):
        return _text(text, at, opening)
    if integer := _INTEGER.match(text, at):
        return _integer(text, at, integer)
    return Token("quoted", found[0][1:-1], at, found.end())


def _integer(text: str, at: int, match: re.Match[str]) -> Token:
    hexadecimal, decimal, unsigned = match.groups()
    digits, base = (hexadecimal, 16) if hexadecimal else (decimal, 10)
    # Python refuses to read thousands of digits; no integer in range has more than twenty.
    number = int(digits, base) if len(digits.lstrip("0")) <= 20 else UINT_MAX + 1
    # One more than the largest: the parser accepts it behind a minus.
    if number > (UINT_MAX if unsigned else INT_MAX + 1):
        kind = "uint" if unsigned else "int"
        raise ExprError(
            f"{match[0]} does not fit {kind}, which has 64 bits", text, at, len(match[0])
        )
    return Token("literal", Uint(number) if unsigned else number, at, match.end())


def _text(text: str, at: int, opening: re.Match[str]) -> Token:
    binary, raw, quote = opening.groups()
    body = _BODY[raw.lower(), quote].match(text, opening.end())
    if body is None:
        raise ExprError(f"no closing {quote}", text, at, len(opening[0]))
    if surrogate := _SURROGATE.search(text, at, body.end()):
        raise ExprError(
            "a lone surrogate, which no UTF-8 text can hold", text, surrogate.start(), 1
        )
    if raw:
        value = body[1].encode() if binary else body[1]
    elif binary:
        value = b"".join(_byte_parts(text, *body.span(1)))
    else:
        value = "".join(_text_parts(text, *body.span(1)))
    return Token("literal", value, at, body.end())


def _text_parts(text: str, at: int, end: int) -> Iterator[str]:
    for part in _PART.finditer(text, at, end):
        plain, simple, hexadecimal, octal, unicode = part.groups()
        if plain:
            yield plain
        elif simple:
            yield _ESCAPED[simple]
        elif octal:
            yield chr(int(octal, 8))
        else:
            yield _scalar(text, part, hexadecimal or (unicode and unicode[1:]))


def _byte_parts(text: str, at: int, end: int) -> Iterator[bytes]:
    for part in _PART.finditer(text, at, end):
        plain, simple, hexadecimal, octal, _ = part.groups()
        if plain:
            yield plain.encode()
        elif simple:
            yield _ESCAPED[simple].encode()
        elif octal:
            yield bytes([int(octal, 8)])
        elif hexadecimal:
            yield bytes.fromhex(hexadecimal)
        else:
            raise _bad_escape(text, part)


def _scalar(text: str, part: re.Match[str], digits: str | None) -> str:
    code = int(digits, 16) if digits else -1
    if 0 <= code < 0xD800 or 0xDFFF < code <= 0x10FFFF:
        return chr(code)
    raise _bad_escape(text, part)


def _bad_escape(text: str, part: re.Match[str]) -> ExprError:
    length = max(2, len(part[0]))
    spelled = text[part.start() : part.start() + length]
    return ExprError(
        f"{spelled!r} is no escape here; write a backslash as '\\\\'", text, part.start(), length
    )

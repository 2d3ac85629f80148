"""Text: searching, cutting, changing. Positions count code points."""

from __future__ import annotations

from typing import Any

from remit.expr.errors import EvalError
from remit.expr.function import function
from remit.expr.values import LARGEST_TEXT, kind

# Unicode's White_Space; Python's own idea of it includes four separators more.
_SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_UPPER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_LOWER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_QUOTED = {
    ord(char): f"\\{name}" for char, name in zip('\a\b\f\n\r\t\v\\"', 'abfnrtv\\"', strict=True)
}


def sized(length: int) -> None:
    """Refuse to build a text of this *length*, if it is too long."""
    if length > LARGEST_TEXT:
        raise EvalError(f"the result has more than {LARGEST_TEXT} characters")


@function(
    "size(string) -> int",
    "string.size() -> int",
    "size(bytes) -> int",
    "bytes.size() -> int",
    "size(list(T)) -> int",
    "list(T).size() -> int",
    "size(map(K, V)) -> int",
    "map(K, V).size() -> int",
)
def size(value: Any) -> int:
    """How many code points, bytes, items or entries there are."""
    return len(value)


@function("string.contains(string) -> bool")
def contains(text: str, part: str) -> bool:
    """Whether *part* occurs in *text*."""
    return part in text


@function("string.startsWith(string) -> bool")
def starts_with(text: str, prefix: str) -> bool:
    """Whether *text* begins with *prefix*."""
    return text.startswith(prefix)


@function("string.endsWith(string) -> bool")
def ends_with(text: str, suffix: str) -> bool:
    """Whether *text* ends with *suffix*."""
    return text.endswith(suffix)


@function("string.charAt(int) -> string")
def char_at(text: str, position: int) -> str:
    """The character at *position*; nothing at the very end."""
    return text[_within(position, text) :][:1]


@function("string.indexOf(string) -> int", "string.indexOf(string, int) -> int")
def index_of(text: str, part: str, start: int = 0) -> int:
    """Where *part* first occurs, from *start* on; -1 if it does not."""
    return text.find(part, _within(start, text))


@function("string.lastIndexOf(string) -> int", "string.lastIndexOf(string, int) -> int")
def last_index_of(text: str, part: str, start: int | None = None) -> int:
    """Where *part* last begins, at *start* or before; -1 if it does not."""
    if start is None:
        return text.rfind(part)
    return text.rfind(part, 0, _within(start, text) + len(part))


@function("string.substring(int) -> string", "string.substring(int, int) -> string")
def substring(text: str, start: int, end: int | None = None) -> str:
    """The characters from *start* up to *end*, which is not among them."""
    stop = len(text) if end is None else end
    if _within(start, text) > _within(stop, text):
        raise EvalError(f"invalid substring range: {start} to {stop}")
    return text[start:stop]


def _within(position: int, text: str) -> int:
    if 0 <= position <= len(text):
        return position
    raise EvalError(f"index out of range: {position}")


@function("string.lowerAscii() -> string")
def lower_ascii(text: str) -> str:
    """*text* with A to Z in lower case; other letters stay."""
    return text.translate(_UPPER)


@function("string.upperAscii() -> string")
def upper_ascii(text: str) -> str:
    """*text* with a to z in upper case; other letters stay."""
    return text.translate(_LOWER)


@function(
    "string.replace(string, string) -> string", "string.replace(string, string, int) -> string"
)
def replace(text: str, old: str, new: str, limit: int = -1) -> str:
    """*text* with *new* for *old*, at most *limit* times; a negative limit is none."""
    found = text.count(old)
    times = found if limit < 0 else min(found, limit)
    sized(len(text) + times * (len(new) - len(old)))
    return text.replace(old, new, times)


@function("string.split(string) -> list(string)", "string.split(string, int) -> list(string)")
def split(text: str, separator: str, limit: int = -1) -> tuple[str, ...]:
    """The parts between separators, at most *limit* of them; a negative limit is none."""
    if limit == 0:
        return ()
    if not separator:
        parts = tuple(text)
        return (
            parts
            if limit < 0
            else (*parts[: limit - 1], *filter(None, ["".join(parts[limit - 1 :])]))
        )
    return tuple(text.split(separator, -1 if limit < 0 else limit - 1))


@function("list(string).join() -> string", "list(string).join(string) -> string")
def join(parts: tuple[Any, ...], separator: str = "") -> str:
    """All texts of a list, with *separator* between them."""
    for part in parts:
        if type(part) is not str:
            raise EvalError(f"join() needs texts; one item is {kind(part)}")
    sized(sum(map(len, parts)) + len(separator) * max(0, len(parts) - 1))
    return separator.join(parts)


@function("string.trim() -> string")
def trim(text: str) -> str:
    """*text* without white space at either end."""
    return text.strip(_SPACES)


@function("string.reverse() -> string")
def reverse(text: str) -> str:
    """*text* backwards, code point by code point."""
    return text[::-1]


@function("strings.quote(string) -> string")
def quote(text: str) -> str:
    """*text* as a literal that prints safely."""
    sized(2 * len(text) + 2)
    return f'"{text.translate(_QUOTED)}"'


FUNCTIONS = (
    *size,
    *contains,
    *starts_with,
    *ends_with,
    *char_at,
    *index_of,
    *last_index_of,
    *substring,
    *lower_ascii,
    *upper_ascii,
    *replace,
    *split,
    *join,
    *trim,
    *reverse,
    *quote,
)

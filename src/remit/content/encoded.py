r"""Text within text: what escapes and encodings hide, made readable for detectors.

Escapes (`%40`, `&#64;`, `\u0040`) are undone in place. Runs of Base64 and of
hexadecimal digits are texts of their own, if what they decode to can be read.
"""

from __future__ import annotations

import base64
import binascii
import html
from collections.abc import Iterator

from remit.content.folded import Folded, fold
from remit.content.pattern import compiled

ESCAPED = r"%[0-9A-Fa-f]{2}|&#[0-9xX]|&[a-z]{2,6};|\\[ux][0-9A-Fa-f]{2}"
BASE64 = r"(?:\A|[^A-Za-z0-9+/])((?:[CDI-Za-f][A-Za-z0-9+/_-]{3}){4})"
"""What encodes ASCII text: of every four characters the first is one of a few."""
_BYTE = r"(?:[2-7][0-9A-Fa-f]|0[9AaDd])"
HEX = rf"({_BYTE}(?:{_BYTE}{{7}}|(?:[ :-]{_BYTE}){{7}}))"
"""What encodes ASCII text, with or without separators."""

_ESCAPE = (
    r"(?:%[0-9A-Fa-f]{2})+|&#[0-9]{1,7};|&#[xX][0-9A-Fa-f]{1,6};"
    r"|&(?:amp|lt|gt|quot|apos|commat|period|colon|sol|nbsp|lowbar|hyphen|num);"
    r"|(?:\\u[0-9A-Fa-f]{4})+|(?:\\x[0-9A-Fa-f]{2})+"
)
_SHORTEST = 8
_READABLE = 0.9


def unescape(view: Folded) -> Folded | None:
    """*view* with its escapes undone; None if it has none."""
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    end = 0
    for found in compiled(_ESCAPE).finditer(view.raw):
        start, after = view.character(found.start()), view.character(found.end())
        meaning = _meaning(found.group().decode())
        pieces += [view.text[end:start], meaning]
        starts += [*range(end, start), *[start] * len(meaning)]
        ends += [*range(end + 1, start + 1), *[after] * len(meaning)]
        end = after
    if not pieces:
        return None
    starts += range(end, len(view.text))
    ends += range(end + 1, len(view.text) + 1)
    plain = fold("".join((*pieces, view.text[end:])), controlled=True)
    return plain.onto(starts, ends).onto(view.starts, view.ends)


def _meaning(escape: str) -> str:
    if escape[0] == "%":
        return bytes.fromhex(escape.replace("%", "")).decode("utf-8", "replace")
    if escape[0] == "&":
        return html.unescape(escape)
    width = 6 if escape[1] == "u" else 4
    codes = [int(escape[at + 2 : at + width], 16) for at in range(0, len(escape), width)]
    # A character beyond the first 65,536 is written as two halves.
    text = "".join(map(chr, codes)).encode("utf-16", "surrogatepass")
    return text.decode("utf-16", "replace")


def decoded(raw: bytes, regex: str) -> Iterator[tuple[int, int, str]]:
    """The runs in *raw* that `BASE64` or `HEX` begins, with the text each holds."""
    at = 0
    while (found := compiled(regex).search(raw, at)) is not None:
        start, end = found.span(1)
        apart = raw[start + 2 : start + 3] if regex == HEX else b""
        more = compiled(_MORE[regex] % (apart.decode() if apart in {b" ", b":", b"-"} else ""))
        at = more.match(raw, end).end()
        text = _DECODE[regex](raw[start:at])
        if text is not None:
            yield start, at, text


def _base64(run: bytes) -> str | None:
    bare = run.rstrip(b"=")
    mixed = bare.upper() != bare and bare.lower() != bare
    if not mixed or len(bare) % 4 == 1:
        return None
    try:
        found = base64.b64decode(bare + b"=" * (-len(bare) % 4), b"-_", validate=True)
    except binascii.Error:
        return None
    return _readable(found)


def _hex(run: bytes) -> str | None:
    digits = run.translate(None, b" :-")
    return _readable(bytes.fromhex(digits[: len(digits) // 2 * 2].decode()))


def _readable(found: bytes) -> str | None:
    """The text in *found*, if it looks like one."""
    try:
        text = found.decode()
    except UnicodeDecodeError:
        return None
    shown = sum(map(str.isprintable, text.translate(_SPACES)))
    return text if len(text) >= _SHORTEST and shown >= _READABLE * len(text) else None


_SPACES = str.maketrans("\t\n\r", "   ")
_MORE = {BASE64: r"[A-Za-z0-9+/_-]*={0,2}%s", HEX: r"(?:%s[0-9A-Fa-f]{2})*"}
_DECODE = {BASE64: _base64, HEX: _hex}

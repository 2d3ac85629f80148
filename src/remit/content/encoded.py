"""Text within text: what escapes and encodings hide, made readable for detectors.

Escapes (`%40`, `&#64;`, `\\u0040`) are undone in place. Runs of Base64 and of
hexadecimal digits are texts of their own, if what they decode to can be read.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Iterator

from remit.content.folded import Folded, fold
from remit.content.pattern import compiled

ESCAPED = r"%[0-9A-Fa-f]{2}|&#[0-9xX]|&[a-z]{2,6};|\\[ux][0-9A-Fa-f]{2}"
BASE64 = r"[A-Za-z0-9+/_-]{16}"
HEX = r"[0-9A-Fa-f]{2}(?:(?:[0-9A-Fa-f]{2}){7}|(?:[ :-][0-9A-Fa-f]{2}){7})"

_ESCAPE = re.compile(
    r"(?:%[0-9A-Fa-f]{2})+|&#[0-9]{1,7};|&#[xX][0-9A-Fa-f]{1,6};"
    r"|&(?:amp|lt|gt|quot|apos|commat|period|colon|sol|nbsp|lowbar|hyphen|num);"
    r"|(?:\\u[0-9A-Fa-f]{4})+|(?:\\x[0-9A-Fa-f]{2})+"
)
_SHORTEST = 8
_READABLE = 0.9


def unescape(view: Folded) -> Folded | None:
    """*view* with its escapes undone; None if it has none."""
    pieces: list[str] = []
    origins: list[tuple[int, int]] = []
    end = 0
    for found in _ESCAPE.finditer(view.text):
        pieces.append(view.text[end : found.start()])
        origins += [(at, at + 1) for at in range(end, found.start())]
        meaning = _meaning(found[0])
        pieces.append(meaning)
        origins += [found.span()] * len(meaning)
        end = found.end()
    if not pieces:
        return None
    pieces.append(view.text[end:])
    origins += [(at, at + 1) for at in range(end, len(view.text))]
    refolded = fold("".join(pieces))
    before = view.starts or range(len(view.text))
    after = view.ends or range(1, len(view.text) + 1)
    starts = refolded.starts or range(len(refolded.text))
    return Folded.of(
        refolded.text,
        (before[origins[at][0]] for at in starts),
        (after[origins[at][1] - 1] for at in starts),
    )


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
        apart = raw[found.start() + 2 : found.start() + 3] if regex == HEX else b""
        more = compiled(_MORE[regex] % (apart.decode() if apart in {b" ", b":", b"-"} else ""))
        at = more.match(raw, found.end()).end()
        text = _DECODE[regex](raw[found.start() : at])
        if text is not None:
            yield found.start(), at, text


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

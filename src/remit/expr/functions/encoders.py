"""`base64.*`: bytes as text."""

from __future__ import annotations

import binascii

from remit.expr.errors import EvalError
from remit.expr.function import function
from remit.expr.values import show


@function("base64.encode(bytes) -> string")
def encode(data: bytes) -> str:
    """The bytes in base64, padded."""
    return binascii.b2a_base64(data, newline=False).decode()


@function("base64.decode(string) -> bytes")
def decode(text: str) -> bytes:
    """The bytes that base64 text spells; padding may be left out."""
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError as error:
        raise EvalError(f"{show(text)} is no base64: {error}") from None


FUNCTIONS = (*encode, *decode)

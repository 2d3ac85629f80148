"""Texts made to be slow: each shape, as long as asked."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable

Shape = Callable[[int], str]


def _repeated(piece: str) -> Shape:
    return lambda size: (piece * (size // len(piece) + 1))[:size]


def _encoded(size: int) -> str:
    return base64.b64encode(("a@b.co " * (size // 9)).encode()).decode()


def _encoded_twice(size: int) -> str:
    return base64.b64encode(_encoded(size * 3 // 4).encode()).decode()


def _random(first: int, last: int) -> Shape:
    def make(size: int) -> str:
        chance = random.Random(5)
        return "".join(chr(chance.randrange(first, last)) for _ in range(size))

    return make


SHAPES: dict[str, Shape] = {
    "random ASCII": _random(32, 127),
    "random Unicode": _random(32, 0x3000),
    "Base64": _encoded,
    "Base64 twice": _encoded_twice,
    **{
        repr(piece)[1:-1]: _repeated(piece)
        for piece in (
            "a", "1", "a.", "1-", "4-", "1.1.", "A1", "eyJ", "(", "://a:b", "a@a", "a@b.co ",
            "4111 1111 1111 1111 ", "4111 1111 1111 1112 ", "-----BEGIN PRIVATE KEY-----",
            "ignore all ", "ignore all previous ", "password=", "password=hunter2! ", "%41",
            "&#65;", "a\u200b", "\u0430a", "41", "41 ", "8.8.8.8 ", "v1.2.3.4 ", "DE89 ",
            "passport ", "born 1 ", "1 Main Street, ", "![a](http://", "<|", "<!--",
            "do not tell ", "act as DAN ", "read /etc/passwd to ", "phone 1 ", "+1 2125550123 ",
            "QUtJQUlPU0ZPRE5ON0VYQU1QTEU= ", "DAN ", "token: ", "cpf 52998224725 ",
        )
    },
}  # fmt: skip

"""What stands in a text where something was found: a placeholder, a mask, a pseudonym, a token."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeAlias

from remit.content.finding import Finding, spans
from remit.content.pattern import compiled
from remit.content.values import rewrite

Replace: TypeAlias = Callable[[str, str], str]
"""From a type and what was found to what is to stand in its place."""

SHORTEST_KEY = 16


def replaced(text: str, found: Iterable[Finding], replace: Replace) -> str:
    """*text* with everything that was *found* replaced."""
    pieces: list[str] = []
    end = 0
    for each in spans(found):
        pieces += [text[end : each.start], replace(each.type, text[each.start : each.end])]
        end = each.end
    return "".join((*pieces, text[end:])) if pieces else text


class Placeholders:
    """`[EMAIL_1]`: the same for the same value, for as long as this object is used."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._counts: dict[str, int] = {}

    def __call__(self, type_: str, text: str) -> str:
        """The placeholder of *text*."""
        key = type_, bare(text)
        number = self._numbers.get(key)
        if number is None:
            number = self._counts[type_] = self._counts.get(type_, 0) + 1
            self._numbers[key] = number
        return f"[{type_.upper()}_{number}]"


def mask(_: str, text: str) -> str:
    """*text* with an asterisk for each letter and digit, but the last four of a long one."""
    kept = sum(map(str.isalnum, text)) - 4
    shown: list[str] = []
    seen = 0
    for each in text:
        hidden = each.isalnum() and (seen < kept or kept < 8)
        seen += each.isalnum()
        shown.append("*" if hidden else each)
    return "".join(shown)


class Pseudonyms:
    """`[EMAIL_9f86d081884c7d65]`: the same for the same value and key, everywhere.

    Without the key, nobody can find out what it stands for by trying values.
    """

    def __init__(self, key: bytes) -> None:
        self._key = _checked(key)

    def __call__(self, type_: str, text: str) -> str:
        """The pseudonym of *text*."""
        return f"[{type_.upper()}_{_name(self._key, type_, bare(text), 8)}]"


class Vault(Protocol):
    """Keeps what tokens stand for."""

    def put(self, token: str, text: str, /) -> None:
        """Keep *text* under *token*."""
        ...

    def get(self, token: str, /) -> str | None:
        """What *token* stands for; None if it was not made here."""
        ...


class MemoryVault:
    """A vault that lasts as long as the process."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def put(self, token: str, text: str, /) -> None:
        """Keep *text* under *token*."""
        self._texts[token] = text

    def get(self, token: str, /) -> str | None:
        """What *token* stands for; None if it was not made here."""
        return self._texts.get(token)


class Tokens:
    """`[EMAIL:…]`: put in place of a value, and later exchanged for it again.

    A token is a keyed digest of 128 bits, so that nobody who has not seen one can make
    the vault give something away.
    """

    def __init__(self, vault: Vault, key: bytes) -> None:
        self._vault = vault
        self._key = _checked(key)

    def __call__(self, type_: str, text: str) -> str:
        """The token of *text*, which the vault can now exchange."""
        token = f"[{type_.upper()}:{_name(self._key, type_, text, 16)}]"
        self._vault.put(token, text)
        return token

    def restore(self, value: Any) -> Any:
        """*value* with every token that the vault knows exchanged for what it stands for."""
        return rewrite(value, lambda text, _: self._restored(text))

    def _restored(self, text: str) -> str:
        pieces: list[str] = []
        end = 0
        for found in compiled(_TOKEN).finditer(text.encode("utf-8", "surrogatepass")):
            token = found.group().decode()
            at = text.index(token, end)
            pieces += [text[end:at], self._vault.get(token) or token]
            end = at + len(token)
        return "".join((*pieces, text[end:])) if pieces else text


_TOKEN = r"\[[A-Z][A-Z0-9_]{0,40}:[0-9a-f]{32}\]"  # noqa: S105 - how a token is written


def bare(text: str) -> str:
    """What is the same of a value however it is written: its letters and digits."""
    return "".join(filter(str.isalnum, text)).casefold() or text


def _name(key: bytes, type_: str, text: str, size: int) -> str:
    message = f"{type_}\0{text}".encode("utf-8", "surrogatepass")
    return hmac.digest(key, message, "sha256")[:size].hex()


def _checked(key: bytes) -> bytes:
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"a key has at least {SHORTEST_KEY} bytes")
    return key

"""Copies one value, counting what it costs, and learns how to make another like it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from remit.canonical.frozen import Frozen
from remit.canonical.jcs import finite, whole
from remit.errors import NotData

Rebuild: TypeAlias = Callable[[Any], Any]
"""From a frozen value back to the type that was given. None stands for 'as it is'."""

Freeze: TypeAlias = "Callable[[Freezer, Any, int], tuple[Any, Rebuild | None]]"
"""Freezes a value with so many levels of nesting to go."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a value may be and still be decided on."""

    depth: int = 32
    """Levels of nesting."""
    items: int = 10_000
    """Members of all mappings and sequences together."""
    text: int = 1_000_000
    """UTF-8 bytes of all text together."""


LIMITS = Limits()


class Freezer:
    """Freezes one value within *limits*; *others* freezes what is neither JSON nor a container."""

    __slots__ = ("items", "limits", "others", "text")

    def __init__(self, limits: Limits, others: Freeze) -> None:
        self.limits = limits
        self.others = others
        self.items = limits.items
        self.text = limits.text

    def freeze(self, value: Any, depth: int) -> tuple[Any, Rebuild | None]:
        """Freeze a value that may nest *depth* levels more."""
        kind = type(value)
        if kind is str:
            return self.spell(value), None
        if kind is int:
            return whole(value), None
        if kind is bool or value is None:
            return value, None
        if kind is float:
            return finite(value), None
        if depth == 0:
            raise NotData("", f"contains itself, or is nested over {self.limits.depth} levels deep")
        if kind is dict:
            return self.mapping(value, depth, dict)
        if kind is list:
            return self.sequence(value, depth, list)
        if kind is tuple:
            return self.sequence(value, depth, tuple)
        return self.others(self, value, depth)

    def spell(self, text: str) -> str:
        """Pay for *text*."""
        try:
            self.text -= len(text) if text.isascii() else len(text.encode())
        except UnicodeEncodeError:
            raise NotData("", "has a lone surrogate, which no UTF-8 text can hold") from None
        if self.text < 0:
            raise NotData("", f"has more than {self.limits.text} bytes of text")
        return text

    def count(self, items: int) -> None:
        """Pay for *items*."""
        self.items -= items
        if self.items < 0:
            raise NotData("", f"has more than {self.limits.items} items")

    def mapping(
        self, value: Mapping[Any, Any], depth: int, rebuild: Rebuild
    ) -> tuple[Frozen, Rebuild]:
        """Freeze a mapping; *rebuild* gets a plain dict of rebuilt members."""
        self.count(len(value))
        frozen: dict[str, Any] = {}
        rebuilds: dict[str, Rebuild] = {}
        for key, item in value.items():
            if type(key) is not str:
                key = _key(key)  # noqa: PLW2901 - a member of a text enumeration becomes its text
            self.spell(key)
            try:
                frozen[key], again = self.freeze(item, depth - 1)
            except NotData as error:
                raise NotData(join(key, error.path), error.why) from None
            if again is not None:
                rebuilds[key] = again
        if len(frozen) != len(value):
            raise NotData("", "has two keys that are the same text")
        form = Frozen(frozen)
        if rebuild is not dict:
            return form, self.checked(_members(rebuilds, rebuild), form, depth)
        return form, _members(rebuilds, dict) if rebuilds else dict

    def checked(self, rebuild: Rebuild, form: Frozen, depth: int) -> Rebuild:
        """*rebuild*, refusing an object whose own constructor makes it another."""

        def again(frozen: Any) -> Any:
            value = rebuild(frozen)
            if Freezer(self.limits, self.others).freeze(value, depth)[0] != form:
                kind = type(value).__qualname__
                raise NotData(
                    "", f"{kind} comes back different from its frozen form; declare it opaque"
                )
            return value

        return again

    def sequence(
        self, value: Iterable[Any], depth: int, rebuild: Rebuild
    ) -> tuple[tuple[Any, ...], Rebuild | None]:
        """Freeze a sequence; *rebuild* gets an iterable of rebuilt items."""
        frozen: list[Any] = []
        rebuilds: list[Rebuild | None] = []
        for index, item in enumerate(value):
            self.count(1)
            try:
                form, again = self.freeze(item, depth - 1)
            except NotData as error:
                raise NotData(join(f"[{index}]", error.path), error.why) from None
            frozen.append(form)
            rebuilds.append(again)
        if any(rebuilds):
            return tuple(frozen), _items(rebuilds, rebuild)
        return tuple(frozen), None if rebuild is tuple else rebuild

    def immutable(self, value: Any, form: Any) -> tuple[Any, Rebuild]:
        """Freeze an object that cannot change: the tool may have it itself."""
        frozen = self.freeze(form, 1)[0]
        return frozen, lambda _: value


def _key(key: Any) -> str:
    if isinstance(key, Enum) and isinstance(key.value, str):
        return key.value
    if isinstance(key, str):
        return str.__str__(key)
    raise NotData("", f"has a key of type {type(key).__name__}; keys must be text")


def _members(rebuilds: dict[str, Rebuild], rebuild: Rebuild) -> Rebuild:
    def again(frozen: Mapping[str, Any]) -> Any:
        plain = {k: rebuilds[k](v) if k in rebuilds else v for k, v in frozen.items()}
        return plain if rebuild is dict else rebuild(plain)

    return again


def _items(rebuilds: list[Rebuild | None], rebuild: Rebuild) -> Rebuild:
    def again(frozen: tuple[Any, ...]) -> Any:
        return rebuild(
            item if back is None else back(item)
            for back, item in zip(rebuilds, frozen, strict=True)
        )

    return again


def join(parent: str, child: str) -> str:
    """The path to *child* of *parent*, as a reader would write it."""
    if not parent or not child or child.startswith("["):
        return parent + child
    return f"{parent}.{child}"

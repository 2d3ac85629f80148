"""Nested values: every text inside one, and the same value with its texts changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeAlias

import msgspec

from remit.content.finding import Path
from remit.errors import NotData

DEPTH = 64
"""How deep a value may be nested."""
Change: TypeAlias = Callable[[str, Path], str]
"""The text to put in place of another, which is at this path."""


def texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text in *value*, numbers and the keys of mappings among them.

    A key has the path of its mapping.

    Raises:
        NotData: it is nested too deep, or holds something that is no data.
    """
    seen: list[tuple[Path, str]] = []

    def note(text: str, at: Path) -> str:
        if text not in _WORDS:
            seen.append((at, text))
        return text

    rewrite(value, note, path)
    return iter(seen)


def rewrite(value: Any, change: Change, path: Path = ()) -> Any:
    """*value* with every text changed; itself, and every part of it, where nothing was.

    What is no text is changed as it is written: a number becomes text if its digits change.

    Raises:
        NotData: it is nested too deep, or holds something that is no data.
    """
    if isinstance(value, str):
        # A member of an enumeration is known by its value, and a subclass of text by its text.
        changed = change(str.__str__(value), path)
        return value if changed == value else changed
    if value is None or (isinstance(value, int | float) and not isinstance(value, Enum)):
        return _scalar(value, repr(value), change, path)
    if len(path) >= DEPTH:
        raise NotData(_shown(path), f"is nested more than {DEPTH} levels deep")
    if isinstance(value, bytes | bytearray):
        return _bytes(value, change, path)
    return _collection(value, change, path)


def _bytes(value: bytes | bytearray, change: Change, path: Path) -> Any:
    # Latin-1 has a character for every byte, so that all bytes but the changed stay the same.
    text = value.decode("latin-1")
    changed = change(text, path)
    return value if changed == text else type(value)(changed.encode("latin-1", "replace"))


def _collection(value: Any, change: Change, path: Path) -> Any:
    if isinstance(value, Mapping):
        return _mapping(value, change, path)
    if isinstance(value, list | tuple | set | frozenset):
        return _items(value, change, path)
    if isinstance(value, msgspec.Struct):
        names = value.__struct_fields__
        return _members(value, names, change, path, msgspec.structs.replace)
    if is_dataclass(value) and not isinstance(value, type):
        return _members(value, [f.name for f in fields(value) if f.init], change, path, replace)
    model = getattr(type(value), "model_fields", None)
    if isinstance(model, dict):
        return _members(value, list(model), change, path, _copy_model)
    if isinstance(value, Enum):
        return _scalar(value, value.value, change, path)
    if type(value).__module__ in _WRITTEN:
        return _scalar(value, str(value), change, path)
    raise NotData(_shown(path), f"is a {type(value).__qualname__}, not data")


_WRITTEN = frozenset({"datetime", "decimal", "fractions", "ipaddress", "pathlib", "uuid"})
"""Modules whose values are scanned as they are written."""


_WORDS = frozenset({"None", "True", "False"})
"""What is written where there is no text."""


def _scalar(value: Any, written: Any, change: Change, path: Path) -> Any:
    """*value*, unless what it is written as is changed."""
    changed = rewrite(written, change, path)
    return value if changed is written else changed


def _mapping(value: Mapping[Any, Any], change: Change, path: Path) -> Any:
    changed: dict[Any, Any] = {}
    same = True
    for key, item in value.items():
        at = (*path, key if isinstance(key, int) else str(key))
        new_key, new_item = rewrite(key, change, path), rewrite(item, change, at)
        same = same and new_key is key and new_item is item
        changed[new_key] = new_item
    if same:
        return value
    return changed if type(value) is dict else _like(value, changed)


def _like(value: Mapping[Any, Any], changed: dict[Any, Any]) -> Any:
    try:
        return type(value)(changed)  # type: ignore[call-arg] # most mappings copy another
    except TypeError:
        return changed


def _items(value: Any, change: Change, path: Path) -> Any:
    items = [rewrite(item, change, (*path, at)) for at, item in enumerate(value)]
    if all(new is old for new, old in zip(items, value, strict=True)):
        return value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*items)
    return type(value)(items)


def _members(value: Any, names: Any, change: Change, path: Path, copy: Callable[..., Any]) -> Any:
    changed: dict[str, Any] = {}
    for name in names:
        old = getattr(value, name)
        new = rewrite(old, change, (*path, name))
        if new is not old:
            changed[name] = new
    return copy(value, **changed) if changed else value


def _copy_model(value: Any, **changed: Any) -> Any:
    return value.model_copy(update=changed)


def _shown(path: Path) -> str:
    """*path* as a reader would write it."""
    parts = (f"[{each}]" if isinstance(each, int) else f".{each}" for each in path)
    return "".join(parts).removeprefix(".")

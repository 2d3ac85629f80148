"""How each family of types freezes, and how its members are made again."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

import msgspec

from remit.canonical.freezer import Freeze, Freezer, Rebuild
from remit.canonical.jcs import canonical, whole
from remit.errors import NotData


def _decimal(freezer: Freezer, value: Decimal, _: int) -> tuple[Any, Rebuild]:
    if not value.is_finite():
        raise NotData("", f"is {value}, which is not a number policy can compare")
    if value == value.to_integral_value():
        return freezer.immutable(value, whole(int(value)))
    number = float(value)
    if Decimal(repr(number)) != value:
        raise NotData("", "is a Decimal with more digits than a double holds; pass it as text")
    return freezer.immutable(value, number)


def _set(freezer: Freezer, value: Iterable[Any], depth: int) -> tuple[Any, Rebuild | None]:
    ordered = sorted(value, key=lambda item: canonical(freezer.freeze(item, depth - 1)[0]))
    return freezer.sequence(ordered, depth, type(value))


def _enum(freezer: Freezer, value: Enum, depth: int) -> tuple[Any, Rebuild]:
    return freezer.freeze(value.value, depth)[0], lambda _: value


def _dataclass(freezer: Freezer, value: Any, depth: int) -> tuple[Any, Rebuild | None]:
    given = [field.name for field in fields(value) if field.init]
    derived = [field.name for field in fields(value) if not field.init]

    def rebuild(members: dict[str, Any]) -> Any:
        again = type(value)(**{name: members[name] for name in given})
        for name in derived:
            object.__setattr__(again, name, members[name])
        return again

    return freezer.mapping({n: getattr(value, n) for n in given + derived}, depth, rebuild)


def _struct(freezer: Freezer, value: msgspec.Struct, depth: int) -> tuple[Any, Rebuild | None]:
    kind = type(value)
    return freezer.mapping(msgspec.structs.asdict(value), depth, lambda members: kind(**members))


def _pydantic(freezer: Freezer, value: Any, depth: int) -> tuple[Any, Rebuild | None]:
    kind, names = type(value), set(value.model_fields_set)
    if value.__pydantic_private__:
        raise NotData("", f"is a {kind.__name__} with private attributes; declare it opaque")
    members = {name: getattr(value, name) for name in kind.model_fields}
    members.update(value.model_extra or {})
    # Validators have run on the value given; running them again could change what was decided.
    return freezer.mapping(
        members, depth, lambda again: kind.model_construct(_fields_set=names, **again)
    )


def _plain(base: Callable[[Any], Any]) -> Freeze:
    """Freeze an instance of a subclass of text or number as what it is underneath."""
    return lambda freezer, value, depth: freezer.freeze(base(value), depth)


def _tuple(freezer: Freezer, value: Any, depth: int) -> tuple[Any, Rebuild | None]:
    if hasattr(value, "_asdict"):
        kind = type(value)
        return freezer.mapping(value._asdict(), depth, lambda members: kind(**members))
    return freezer.sequence(value, depth, tuple)


def freeze_family(freezer: Freezer, value: Any, depth: int) -> tuple[Any, Rebuild | None]:
    """Freeze a value that is neither a scalar of JSON nor a plain dict, list or tuple."""
    if exact := _EXACTLY.get(type(value)):
        return exact(freezer, value, depth)
    for base, freeze_member in _DERIVED:
        if isinstance(value, base):
            return freeze_member(freezer, value, depth)
    if is_dataclass(value) and not isinstance(value, type):
        return _dataclass(freezer, value, depth)
    if hasattr(type(value), "__pydantic_fields__"):
        return _pydantic(freezer, value, depth)
    raise NotData("", f"is a {type(value).__qualname__}, which is not data; declare it opaque")


_EXACTLY: dict[type, Freeze] = {
    Decimal: _decimal,
    dt.datetime: lambda freezer, value, _: freezer.immutable(value, value.isoformat()),
    dt.date: lambda freezer, value, _: freezer.immutable(value, value.isoformat()),
    dt.time: lambda freezer, value, _: freezer.immutable(value, value.isoformat()),
    dt.timedelta: lambda freezer, value, _: freezer.immutable(value, value.total_seconds()),
    UUID: lambda freezer, value, _: freezer.immutable(value, str(value)),
    bytes: lambda freezer, value, _: freezer.immutable(value, base64.b64encode(value).decode()),
    bytearray: lambda freezer, value, _: (
        freezer.spell(base64.b64encode(value).decode()),
        lambda text: bytearray(base64.b64decode(text)),
    ),
    set: _set,
    frozenset: _set,
}

_DERIVED: list[tuple[type, Freeze]] = [
    (Enum, _enum),
    (str, _plain(str.__str__)),
    (int, _plain(int.__int__)),
    (float, _plain(float.__float__)),
    (tuple, _tuple),
    (list, lambda freezer, value, depth: freezer.sequence(value, depth, list)),
    (Mapping, lambda freezer, value, depth: freezer.mapping(value, depth, dict)),
    (msgspec.Struct, _struct),
    (PurePath, lambda freezer, value, _: freezer.immutable(value, str(value))),
]

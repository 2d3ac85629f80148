"""What is inside lists, maps and optionals: finding it, running over it, putting it there."""

from __future__ import annotations

from typing import Any

from remit.expr.compare import contains
from remit.expr.errors import EvalError
from remit.expr.values import (
    KEYS,
    LISTS,
    MAPPINGS,
    NONE,
    Map,
    Optional,
    Uint,
    key_of,
    kind,
    no_overload,
    show,
    shown_key,
)

_OWN_KEYS = frozenset({bool, int, Uint, str})


def member(operand: Any, name: str) -> Any:
    """`operand.name`."""
    cls = type(operand)
    if cls in MAPPINGS:
        if name in operand:
            return operand[name]
        raise EvalError(f"no such key: '{name}'")
    if cls is Optional:
        return optional_member(operand, name)
    raise EvalError(f"{kind(operand)} has no member '{name}'")


def index(operand: Any, key: Any) -> Any:
    """`operand[key]`."""
    cls = type(operand)
    if cls in MAPPINGS:
        if type(key) in KEYS and (stored := key_of(key)) in operand:
            return operand[stored]
        raise EvalError(f"no such key: {show(key)}")
    if cls in LISTS:
        position = _position(key)
        if 0 <= position < len(operand):
            return operand[position]
        raise EvalError(f"index out of bounds: {position}")
    if cls is Optional:
        return optional_index(operand, key)
    raise no_overload("[]", operand, key)


def _position(key: Any) -> int:
    if type(key) is int or type(key) is Uint or (type(key) is float and key.is_integer()):
        return int(key)
    raise EvalError(f"{show(key)} is no index of a list")


def has_member(operand: Any, name: str) -> bool:
    """`has(operand.name)`."""
    cls = type(operand)
    if cls in MAPPINGS:
        return name in operand
    if cls is Optional:
        return operand.present and has_member(operand.value, name)
    raise EvalError(f"{kind(operand)} has no member '{name}'")


def optional_member(operand: Any, name: str) -> Optional:
    """`operand.?name`."""
    if type(operand) is Optional:
        return optional_member(operand.value, name) if operand.present else NONE
    return Optional(operand[name]) if has_member(operand, name) else NONE


def optional_index(operand: Any, key: Any) -> Optional:
    """`operand[?key]`."""
    cls = type(operand)
    if cls is Optional:
        return optional_index(operand.value, key) if operand.present else NONE
    if cls in MAPPINGS:
        return Optional(operand[key_of(key)]) if contains(key, operand) else NONE
    if cls in LISTS:
        position = _position(key)
        return Optional(operand[position]) if 0 <= position < len(operand) else NONE
    raise no_overload("[?]", operand, key)


def entries(value: Any) -> Any:
    """What a macro with one variable runs over: the items of a list, the keys of a map."""
    cls = type(value)
    if cls is Map:
        return tuple(map(shown_key, value))
    if cls in LISTS or cls in MAPPINGS:
        return value
    raise EvalError(f"{kind(value)} is neither a list nor a map")


def pairs(value: Any) -> Any:
    """What a macro with two variables runs over: index and item, or key and value."""
    cls = type(value)
    if cls in LISTS:
        return tuple(enumerate(value))
    if cls in MAPPINGS:
        return tuple((shown_key(key), item) for key, item in value.items())
    raise EvalError(f"{kind(value)} is neither a list nor a map")


def make_map(*given: tuple[Any, Any]) -> dict[Any, Any]:
    """`{key: value, ...}`; keys are text, integers or booleans, and none comes twice."""
    made: dict[Any, Any] = {}
    for key, value in given:
        if type(key) not in _OWN_KEYS:
            raise EvalError(f"{kind(key)} is not a type of keys")
        stored = key_of(key)
        if stored in made:
            raise EvalError(f"the key {show(key)} comes twice")
        made[stored] = value
    return made if all(type(key) is str for key in made) else Map(made)


def present(value: Any) -> tuple[Any, ...]:
    """What `?value` adds to a list: one item or none."""
    if type(value) is not Optional:
        raise EvalError(f"only an optional can stand after '?', not {kind(value)}")
    return (value.value,) if value.present else ()


def present_entry(key: Any, value: Any) -> tuple[tuple[Any, Any], ...]:
    """What `?key: value` adds to a map: one entry or none."""
    return tuple((key, item) for item in present(value))

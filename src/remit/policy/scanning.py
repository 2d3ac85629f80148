"""`pii`, `secrets` and `injection` in conditions, by the scanners that come with Remit.

They run when a rule that may apply is evaluated and reaches them. Within one decision a
value is scanned once for each of them, however many rules ask: what is found is
remembered with the request, and forgotten with it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, TypeAlias

from remit.expr.function import Function

_Seen: TypeAlias = dict[tuple[str, object], tuple[Any, tuple[str, ...]]]

MOST = 1024
"""Requests whose values are remembered at once."""
_seen: dict[int, tuple[weakref.ref[Any], _Seen]] = {}


def _function(name: str, doc: str) -> Function:
    kind = KINDS[name]

    def types(request: Any, value: Any) -> tuple[str, ...]:
        seen = _of(request)
        # Text is the same if it says the same; of anything else, only itself is.
        key = kind, value if type(value) is str else id(value)
        known = seen.get(key)
        if known is None:
            known = seen[key] = value, _types(kind, value)
        return known[1]

    return Function(f"{name}(dyn) -> list(string)", types, doc, reads_activation=True)


def _types(kind: str, value: Any) -> tuple[str, ...]:
    """The types that are found in *value*, in its order, each once."""
    # Imported when a rule asks: the patterns are many, and most policies have none that does.
    from remit.content.default import scanner
    from remit.content.finding import Kind

    return tuple(dict.fromkeys(each.type for each in scanner(Kind(kind)).scan(value)))


def _of(request: Any) -> _Seen:
    """What has been found in the values of *request*."""
    key = id(request)
    known = _seen.get(key)
    if known is not None and known[0]() is request:
        return known[1]
    seen: _Seen = {}
    try:
        reference = weakref.ref(request, _forget(key))
    except TypeError:
        return seen
    if len(_seen) >= MOST:
        _seen.clear()
    _seen[key] = reference, seen
    return seen


def _forget(key: int) -> Callable[[object], None]:
    def forget(_: object) -> None:
        _seen.pop(key, None)

    return forget


KINDS = {"pii": "pii", "secrets": "secret", "injection": "injection"}
"""The kind of content that each function is about."""

FUNCTIONS = (
    _function("pii", "The types of personal data in a value."),
    _function("secrets", "The types of credentials in a value."),
    _function("injection", "The types of signs that a value speaks to the model."),
)

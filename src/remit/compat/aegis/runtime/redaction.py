"""What is not written down: the values of parameters whose names say that they are secret."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

from remit.canonical import Frozen
from remit.model import Action, Request

REDACTED = "[REDACTED]"

_SECRET = re.compile(
    r"password|passwd|secret|token|api_?key|authorization|credential|private_?key|access_?key"
)
_COUNT = re.compile(r"(^|_)(max|min|num|n|total|count)_?tokens?$|tokens?_(count|limit|used)$")


def redacted(value: Any) -> Any:
    """*value* without secrets, however deep they are."""
    if isinstance(value, dict):
        return Frozen({k: REDACTED if _is_secret(k) else redacted(v) for k, v in value.items()})
    if isinstance(value, tuple | list):
        return tuple(redacted(item) for item in value)
    return value


def conceal(request: Request) -> Request:
    """*request*, as it is recorded."""
    given = request.action.properties
    if not _has_secret(given):
        return request
    return msgspec.structs.replace(request, action=Action(request.action.name, redacted(given)))


def _has_secret(value: Any) -> bool:
    if isinstance(value, dict):
        for name, member in value.items():
            if _is_secret(name) or (type(member) is not str and _has_secret(member)):
                return True
        return False
    return isinstance(value, tuple | list) and any(map(_has_secret, value))


@lru_cache(1024)
def _is_secret(name: str) -> bool:
    name = name.lower().replace("-", "_")
    return bool(_SECRET.search(name)) and not _COUNT.search(name)

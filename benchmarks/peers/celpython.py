"""`cel-python`: CEL in Python, interpreted. One activation per request, one program per rule."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version as _version
from typing import Any

import celpy
from celpy.celtypes import BoolType, UintType
from conform import bound

from peers import CannotSay, Decide
from peers.cel import facts, loop

MOST = 1000
"""Rules. At 57 ms a decision with a thousand, ten thousand would take days to check."""


def version() -> str:
    return f"cel-python {_version('cel-python')}"


def prepared(_variant: str, request: dict[str, Any]) -> dict[str, Any]:
    return request


def decider(_variant: str, rules: Any) -> Decide:
    if len(rules) > MOST:
        raise CannotSay(
            f"beyond {MOST:,} rules it takes too long to be checked, request by request"
        )
    environment = celpy.Environment()

    def compiled(text: str) -> Callable[[Any], bool]:
        program = environment.program(environment.compile(text))
        return lambda context: bool(program.evaluate(context))

    return loop(rules, compiled, lambda request: celpy.json_to_cel(facts(request)))


def evaluate(expr: str, bindings: dict[str, Any], *, unchecked: bool) -> Any:  # noqa: ARG001
    environment = celpy.Environment()
    program = environment.program(environment.compile(expr))
    given = {name: _value(bound(tagged, {"uint": UintType})) for name, tagged in bindings.items()}
    return _plain(program.evaluate(given))


def _value(value: Any) -> Any:
    return value if isinstance(value, UintType | bytes) else celpy.json_to_cel(value)


def _plain(value: Any) -> Any:
    """Booleans of its own are integers to Python."""
    if isinstance(value, BoolType):
        return bool(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return value

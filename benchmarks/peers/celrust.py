"""`common-expression-language`: CEL in Rust. One context per request, one program per rule."""

from __future__ import annotations

from importlib.metadata import version as _version
from typing import Any

from cel import Context, compile  # noqa: A004 - its name
from conform import bound

from peers import Decide
from peers.cel import facts, loop


def version() -> str:
    return f"common-expression-language {_version('common-expression-language')}"


def prepared(_variant: str, request: dict[str, Any]) -> dict[str, Any]:
    return request


def decider(_variant: str, rules: Any) -> Decide:
    return loop(rules, lambda text: compile(text).execute, lambda request: Context(facts(request)))


def evaluate(expr: str, bindings: dict[str, Any], *, unchecked: bool) -> Any:  # noqa: ARG001
    given = {name: bound(tagged, {}) for name, tagged in bindings.items()}
    return compile(expr).execute(given)

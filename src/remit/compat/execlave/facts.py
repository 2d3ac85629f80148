"""What programs tell of a trace, as it can be recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remit.canonical import freeze
from remit.errors import NotData
from remit.runs.run import frozen

EVIDENCE = frozenset({"basis", "acknowledgement_id", "effect_ref", "confirmed_at", "detail"})
_OF_MODELS = frozenset({"input_tokens", "output_tokens", "cost", "model"})
BASES = frozenset({"read_back", "callback", "acknowledgement", "none"})


def model_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What was told of a model; nothing if there was none."""
    if _OF_MODELS.isdisjoint(facts):
        return {}
    return {
        "model": facts.get("model", ""),
        "input_tokens": facts.get("input_tokens", 0),
        "output_tokens": facts.get("output_tokens", 0),
        "cost": facts.get("cost"),
    }


def told(value: Any) -> Any:
    """*value* as it can be recorded, now: what is no data is told by its type."""
    if value is None or (type(value) is str and value.isascii()):
        return value
    try:
        return freeze(value)
    except NotData:
        pass
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, Mapping):
        return {str(told(str(name))): told(each) for name, each in list(value.items())[:1000]}
    return frozen(value)


def count(given: int | None) -> int:
    """A number of tokens; none that is less than none."""
    return max(int(given or 0), 0)


def evidence_of(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """How it is known that something took effect.

    Raises:
        ValueError: it has no basis, or keys that nobody knows.
    """
    if given is None:
        return {}
    evidence = {_snake(name): value for name, value in given.items()}
    if unknown := sorted(evidence.keys() - EVIDENCE):
        raise ValueError(f"effect_evidence has no {', '.join(unknown)}")
    if evidence.get("basis") not in BASES:
        raise ValueError(f"effect_evidence needs a basis: {', '.join(sorted(BASES))}")
    return {name: told(value) for name, value in evidence.items() if value is not None}


def _snake(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name)

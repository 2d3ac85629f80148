"""What programs tell of a trace, as it can be recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from remit.canonical import freeze
from remit.errors import NotData
from remit.runs.run import frozen, plain

Args: TypeAlias = tuple[Any, ...]
Kwargs: TypeAlias = dict[str, Any]
Gather: TypeAlias = Callable[[Args, Kwargs], dict[str, Any]]

UNCHANGEABLE = frozenset({str, int, float, bool, bytes, type(None)})
"""Types whose values are what they are, so that they may be frozen at any time."""

SUCCESS = {"status": "success"}

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


def kept(value: Any) -> Any:
    """*value*, which nothing can change any more; `settled` says how it is recorded."""
    return value if type(value) in UNCHANGEABLE else told(value)


def settled(value: Any) -> Any:
    """What was `kept`, as it can be recorded."""
    return told(value) if type(value) in UNCHANGEABLE else value


def arguments(gather: Gather, args: Args, kwargs: Kwargs) -> dict[str, Any]:
    """What is told of the arguments of a call; what they are called may be found out later."""
    same = UNCHANGEABLE.issuperset
    if same(map(type, args)) and (not kwargs or same(map(type, kwargs.values()))):
        return {"arguments": (gather, args, kwargs)}
    return named(gather, args, kwargs)


def named(gather: Gather, args: Args, kwargs: Kwargs) -> dict[str, Any]:
    """The input that arguments are; none if there are none, or they do not fit."""
    try:
        given = gather(args, kwargs)
    except TypeError:
        return {}
    given.pop("self", None)
    return {"input": told(given)} if given else {}


def ended_as(
    status: str,
    message: str | None = None,
    error: str | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """How it ended, as it is told."""
    if status == "success" and not (message or error or evidence):
        return SUCCESS
    if status == "error":
        error = error or "UnspecifiedError"
        message = message or "No error message provided"
    facts = {"status": status, "error": error, "message": message, "effect_evidence": evidence}
    return {name: told(each) for name, each in facts.items() if each}


def ended_by(error: BaseException) -> dict[str, Any]:
    """How what raised *error* ended."""
    return ended_as("error", plain(error), type(error).__name__)


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

"""Taking personal data and secrets out of arguments before anything is decided on them.

A policy says so with an obligation, `{type: redact_arguments, fields: [ssn], types: [email]}`, of
the form of the duty `redact`, which is about results. It fails closed: an argument that cannot be
searched is not given on, and neither is one that policy would want otherwise meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from remit import content
from remit.canonical import Opaque
from remit.duties import Redact
from remit.errors import NotData, Unavailable
from remit.model import Decision, Obligation
from remit.ports import Discharge, Execute

T = TypeVar("T")

DUTY = "redact_arguments"
NOTHING_OPAQUE = Opaque()

NAMES = {"card": "CREDIT_CARD", "us_ssn": "SSN"}
"""What Waxell calls what we call otherwise."""


def redact(value: Any) -> Any:
    """*value* with `##EMAIL##` and the like where personal data and secrets stand in it."""
    return content.redact(value, lambda found, _: f"##{NAMES.get(found, found.upper())}##")


def redactions(decision: Decision) -> tuple[Obligation, ...]:
    """What *decision* wants taken out of the arguments."""
    return tuple(duty for duty in decision.obligations if duty.type == DUTY)


def without(
    given: Mapping[str, Any], duties: tuple[Obligation, ...], opaque: Opaque = NOTHING_OPAQUE
) -> dict[str, Any]:
    """*given* without what *duties* name; what is *opaque* passes untouched.

    Raises:
        Unavailable: a duty is not understood, or an argument cannot be searched.
    """
    kept = {
        name: value
        for name, value in given.items()
        if name in opaque.names or isinstance(value, opaque.types)
    }
    searched = {name: value for name, value in given.items() if name not in kept}
    for duty in duties:
        searched = _cleaned(searched, duty)
    return {name: kept[name] if name in kept else searched[name] for name in given}


def amend(given: Mapping[str, Any], decision: Decision) -> Mapping[str, Any]:
    """*given* without what *decision* wants taken out: see `Guard`."""
    duties = redactions(decision)
    return without(given, duties) if duties else given


def _done(_: Obligation, execute: Execute[T], /) -> Execute[T]:
    """Nothing is left to do: a guard that amends starts nothing otherwise."""
    return execute


DISCHARGES: Mapping[str, Discharge] = {DUTY: _done}


def _cleaned(given: dict[str, Any], duty: Obligation) -> dict[str, Any]:
    try:
        cleaned: Any = Redact()(duty, lambda: given)()
    except NotData as error:
        raise Unavailable(f"argument {error}, so nothing can be redacted in it") from error
    return dict(cleaned)

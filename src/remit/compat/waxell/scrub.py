"""Taking personal data and secrets out of arguments before anything is decided on them.

A policy says so with an obligation, `{type: redact_arguments, fields: [ssn], types: [email]}`, of
the form of the duty `redact`, which is about results. It fails closed: an argument that cannot be
searched is not given on, and neither is one that policy would want otherwise meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from remit import content
from remit.binding import Opaque
from remit.driver import Ports
from remit.duties import Redact
from remit.errors import NotData, Unavailable
from remit.model import Decision, Obligation
from remit.ports import Execute

DUTY = "redact_arguments"
UNREDACTED = "what policy wants redacted would still be there"
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


def redacting(ports: Ports, given: Mapping[str, Any]) -> Ports:
    """*ports* that start nothing if something that policy wants redacted is still *given*."""

    def discharge(duty: Obligation, execute: Execute[Any], /) -> Execute[Any]:
        if without(given, (duty,)) != given:
            raise Unavailable(UNREDACTED)
        return execute

    return replace(ports, discharges={**ports.discharges, DUTY: discharge})


def _cleaned(given: dict[str, Any], duty: Obligation) -> dict[str, Any]:
    try:
        cleaned: Any = Redact()(duty, lambda: given)()
    except NotData as error:
        raise Unavailable(f"argument {error}, so nothing can be redacted in it") from error
    return dict(cleaned)

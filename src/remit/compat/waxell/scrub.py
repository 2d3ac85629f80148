"""Taking out of values what must not be in them: by the names of fields, or by looks.

A policy says so with an obligation, `{type: redact, fields: [ssn]}` or `{type: redact, kinds:
[email]}`; with neither, every kind below is taken out. An obligation that says anything else
is not carried out, and what it is about does not run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from remit.errors import Unavailable
from remit.model import Decision, Obligation

REDACT = "redact"


def _luhn(found: re.Match[str]) -> bool:
    digits = [int(char) for char in reversed(found[0]) if char.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return 13 <= len(digits) <= 19 and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _always(_: re.Match[str]) -> bool:
    return True


# Of a number that stands inside a longer one, a word or an id nothing is taken out.
KINDS: dict[str, tuple[re.Pattern[str], Callable[[re.Match[str]], bool]]] = {
    "email": (re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"), _always),
    "secret": (
        re.compile(
            r"\b(?:sk-[\w-]{16,}|AKIA[0-9A-Z]{16}|gh[pousr]_\w{20,}|xox[abprs]-[\w-]{10,}"
            r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,})"
        ),
        _always,
    ),
    "ssn": (re.compile(r"(?<![\w-])\d{3}[- ]\d{2}[- ]\d{4}(?![\w-])"), _always),
    "credit_card": (re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])"), _luhn),
    "phone": (
        re.compile(r"(?<![\w-])(?:\+\d{1,3}[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])"),
        _always,
    ),
}


def redact(value: Any) -> Any:
    """*value* without personal data and secrets that can be told by their looks: `##EMAIL##`."""
    return _walk(value, frozenset(), tuple(KINDS))


def redactions(decision: Decision) -> tuple[Obligation, ...]:
    """What *decision* wants taken out of the arguments."""
    return tuple(duty for duty in decision.obligations if duty.type == REDACT)


def without(value: Any, duties: tuple[Obligation, ...]) -> Any:
    """*value* without what *duties* name.

    Raises:
        Unavailable: a duty is not understood.
    """
    for duty in duties:
        fields, kinds = _named(duty)
        value = _walk(value, fields, kinds)
    return value


def _named(duty: Obligation) -> tuple[frozenset[str], tuple[str, ...]]:
    said = duty.properties
    fields, kinds = said.get("fields", ()), said.get("kinds", ())
    lists = isinstance(fields, tuple) and isinstance(kinds, tuple)
    if set(said) - {"fields", "kinds"} or not lists or not set(kinds) <= set(KINDS):
        raise Unavailable(f"nothing here can redact {dict(said)}; kinds are {', '.join(KINDS)}")
    if not fields and not kinds:
        return frozenset(), tuple(KINDS)
    return frozenset(str(field).casefold() for field in fields), kinds


def _walk(value: Any, fields: frozenset[str], kinds: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return _scrubbed(value, kinds)
    if isinstance(value, Mapping):
        return {
            _scrubbed(name, kinds) if isinstance(name, str) else name: (
                f"[REDACTED:{name}]"
                if str(name).casefold() in fields
                else _walk(each, fields, kinds)
            )
            for name, each in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        items = [_walk(each, fields, kinds) for each in value]
        if hasattr(value, "_fields"):
            return type(value)(*items)
        return type(value)(items)
    return value


def _scrubbed(text: str, kinds: tuple[str, ...]) -> str:
    for kind in kinds:
        pattern, holds = KINDS[kind]
        marker = f"##{kind.upper()}##"
        text = pattern.sub(lambda found, m=marker, h=holds: m if h(found) else found[0], text)  # type: ignore[misc]
    return text

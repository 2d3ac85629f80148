"""What must not be recorded, and what looks like an attack: Execlave's names for our scanners.

Personal data is replaced by `[EMAIL_REDACTED]`, and what was found is told by type, with
keyed digests: whoever has not the key cannot find a number by trying all of them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from remit.content import TYPES, Finding, Kind, Scanner, redact, scanner
from remit.model import Action, Request

NAMES = {"us_ssn": "ssn", "card": "credit_card", "phone": "phone_us"}
"""Our types of personal data that Execlave has other names for; every secret is `api_key`."""

OPTIONS = frozenset({"enabled", "scrub_fields", "hash_pii", "key"})
FIELDS = frozenset({"input", "output"})

_KEY = re.compile(r"\b(?:exe_(?:prod|stg|dev|agt)_\w{8,}|[asp][gk]_[A-Za-z0-9]{20,})")

RISKS = ((6, "critical"), (4, "high"), (2, "medium"), (1, "low"))


class Keys:
    """Keys of Execlave itself, and of the form its SDK looks for."""

    def find(self, text: str, /) -> Iterator[Finding]:
        """Those in *text*."""
        for found in _KEY.finditer(text):
            yield Finding("api_key", Kind.SECRET, *found.span(), confidence=0.9)


_SENSITIVE = Scanner(scanner(Kind.PII, Kind.SECRET).patterns, detectors=(Keys(),))
_INJECTION = scanner(Kind.INJECTION)


class Privacy:
    """What `privacy={...}` asks for.

    Args:
        options: `enabled`, `scrub_fields` of `input` and `output`, `hash_pii`; and `key`,
            which makes digests of several programs comparable.

    Raises:
        ValueError: there is no such option or field.
    """

    def __init__(self, options: Mapping[str, Any] | None) -> None:
        given = dict(options or {})
        fields = given.get("scrub_fields", sorted(FIELDS))
        if isinstance(fields, str) or (unknown := sorted({*fields} - FIELDS)):
            raise ValueError(f"scrub_fields are some of input and output, not {fields!r}")
        if unknown := sorted({*given} - OPTIONS):
            raise ValueError(f"there is no privacy option {', '.join(unknown)}")
        self.enabled = bool(given.get("enabled", False))
        self.fields = frozenset(fields)
        self.hashed = bool(given.get("hash_pii", True))
        self._key: bytes = given.get("key") or secrets.token_bytes(32)

    def scrub(self, value: Any) -> Any:
        """*value* without personal data and secrets, if that is asked for."""
        return Scrubbing(self)(value) if self.enabled else value

    def conceal(self, request: Request) -> Request:
        """*request* as it is recorded."""
        shown = self.scrub(dict(request.action.properties))
        action = Action(request.action.name, shown)
        return msgspec.structs.replace(request, action=action)

    def digest(self, found: str) -> str:
        """Names what was *found* to whoever has the key."""
        return hmac.new(self._key, found.encode(errors="replace"), hashlib.sha256).hexdigest()[:16]


class Scrubbing:
    """Scrubs the fields of one trace, and keeps what was found in them."""

    def __init__(self, privacy: Privacy) -> None:
        self._privacy = privacy
        self._found: dict[str, list[str]] = defaultdict(list)

    def __call__(self, value: Any) -> Any:
        """*value*, scrubbed."""
        return redact(value, self._replace, using=_SENSITIVE)

    def metadata(self) -> dict[str, Any]:
        """What there is to tell of what was found."""
        if not self._found:
            return {}
        hashed = self._privacy.hashed
        told = {
            name: {
                "count": len(found),
                "hashes": [self._privacy.digest(each) for each in found] if hashed else [],
            }
            for name, found in sorted(self._found.items())
        }
        return {"pii_detected": told, "pii_scrubbed": True}

    def _replace(self, type_: str, text: str) -> str:
        name = "api_key" if type_ in TYPES[Kind.SECRET] else NAMES.get(type_, type_)
        self._found[name].append(text)
        return f"[{name.upper()}_REDACTED]"


def injection(value: Any) -> dict[str, Any]:
    """What a scan of *value* for injected instructions has to tell; nothing if it found none."""
    found = sorted({each.type for each in _INJECTION.scan(value)})
    if not found:
        return {}
    risk = next(name for least, name in RISKS if len(found) >= least)
    return {"injection_scan": {"detected": True, "risk_level": risk, "patterns_matched": found}}

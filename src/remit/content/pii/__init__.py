"""Personal data."""

from __future__ import annotations

from remit.content.pattern import Pattern
from remit.content.pii import birth, contact, money, national, network

PATTERNS: tuple[Pattern, ...] = (
    *contact.PATTERNS,
    *money.PATTERNS,
    *network.PATTERNS,
    *birth.PATTERNS,
    *national.PATTERNS,
)

"""What carries out obligations. Every guard knows those in `STANDARD`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from remit.model import Obligation
from remit.ports import Discharge, Execute

if TYPE_CHECKING:
    from remit.duties.redact import Redact

T = TypeVar("T")

__all__ = ["STANDARD", "Redact", "redact"]


class _WhenAsked:
    """Discharges `redact`, with placeholders for what is found."""

    def __call__(self, obligation: Obligation, execute: Execute[T], /) -> Execute[T]:
        """See `Redact`."""
        return _redact()(obligation, execute)

    def check(self, obligation: Obligation, /) -> None:
        """See `Redact`."""
        _redact().check(obligation)


def _redact() -> Redact:
    # Imported when a policy asks for it: the patterns are many, and most calls owe nothing.
    from remit.duties.redact import Redact

    return Redact()


redact = _WhenAsked()

STANDARD: Mapping[str, Discharge] = {"redact": redact}


def __getattr__(name: str) -> Any:
    if name != "Redact":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from remit.duties.redact import Redact

    return Redact

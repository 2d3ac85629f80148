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


def redact(obligation: Obligation, execute: Execute[T], /) -> Execute[T]:
    """Discharge `redact`, with placeholders for what is found."""
    # Imported when a policy asks for it: the patterns are many, and most calls owe nothing.
    from remit.duties.redact import Redact

    return Redact()(obligation, execute)


STANDARD: Mapping[str, Discharge] = {"redact": redact}


def __getattr__(name: str) -> Any:
    if name != "Redact":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from remit.duties.redact import Redact

    return Redact

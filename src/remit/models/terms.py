"""What an exchange with a model starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from remit.guard import Guard
from remit.models import prices
from remit.models.dialects import Dialect

Check: TypeAlias = Literal["call", "response"]

EVERY_CHECK: frozenset[Check] = frozenset({"call", "response"})


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms models are called here."""

    guard: Guard | None = None
    """Decides and records; none means that of the run under way, or the program's default."""
    checks: frozenset[Check] = frozenset()
    capture: bool | None = None
    """Whether what is asked and answered is recorded; None means as the run has it."""
    count_streams: bool = True
    """Whether providers are asked to say what a stream used, where they must be asked."""
    prices: prices.Prices = field(default_factory=prices.standard)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client is about to send."""

    provider: str
    operation: str
    dialect: Dialect
    body: Mapping[str, Any]
    model: str
    streams: bool = False
    server: str = ""
    counts: bool = True
    """Whether a model answers; what only counts tokens asks none, and takes nothing."""
    hides_counts: bool = False
    """Whether what a stream used is asked for by us, and not for the caller to hear."""

    def named(self) -> dict[str, Any]:
        """What it is, without what it says."""
        return {"provider": self.provider, "model": self.model, "operation": self.operation}

"""What a call says it uses while it runs: `remit.spend(cost=0.02, tokens=1800)`.

What is spent counts for the call that runs here, and for those around it: each share of a
limit once, though several of them have claims on it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from threading import Lock
from typing import Any, TypeVar

from remit.amounts import Amounts, millionths
from remit.model import Claim, Share
from remit.stepping import astepping, stepping

T = TypeVar("T")

_current: ContextVar[Spending | None] = ContextVar("remit_spending", default=None)


class Spending:
    """What is used inside one call, by the shares it has claims on."""

    __slots__ = ("_lock", "_told", "outer", "shares")

    def __init__(self, claims: tuple[Claim, ...]) -> None:
        self.shares = frozenset(claim.share for claim in claims)
        self.outer = _current.get()
        self._lock = Lock()
        self._told: dict[tuple[Share, str], int] = {}

    def spend(self, amounts: Amounts) -> None:
        """Count *amounts* for this call and those around it."""
        counted: frozenset[Share] = frozenset()
        around: Spending | None = self
        while around is not None:
            around._take(amounts, around.shares - counted)  # noqa: SLF001 - one of its own kind
            counted |= around.shares
            around = around.outer

    def told(self, claim: Claim) -> Amounts:
        """What was spent of *claim*; what nobody told stays as it was set aside."""
        return {
            unit: self._told.get((claim.share, unit), taken) for unit, taken in claim.takes.items()
        }

    @contextmanager
    def here(self) -> Iterator[None]:
        """What is spent inside is spent by this call."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    async def awaiting(self, value: Awaitable[T]) -> T:
        """The result of *value*, which runs here."""
        with self.here():
            return await value

    def stepping(self, generator: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """The items of *generator*, each of which is made here."""
        return stepping(generator, self.here)

    def astepping(self, generator: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
        """The same, for an asynchronous generator."""
        return astepping(generator, self.here)

    def _take(self, amounts: Amounts, shares: frozenset[Share]) -> None:
        with self._lock:
            for share in shares:
                for unit, amount in amounts.items():
                    self._told[share, unit] = self._told.get((share, unit), 0) + amount


def spend(**amounts: float | Decimal) -> None:
    """Say that the call running here has used so much: `spend(cost=0.02, tokens=1800)`.

    Limits that count none of it are not concerned, and outside of a governed call with
    limits nothing is. What is said more than once adds up.

    Raises:
        ValueError: an amount is negative, or no number.
    """
    counted = {unit: millionths(amount) for unit, amount in amounts.items()}
    current = _current.get()
    if current is not None:
        current.spend(counted)

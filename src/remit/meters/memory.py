"""A meter that lasts as long as its process: for tests, and for programs of one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from remit.amounts import Amounts
from remit.meters.books import Books, Lease, Row
from remit.model import Claim, Exceeded, Reservation, Share

T = TypeVar("T")


class MemoryMeter:
    """Counts in a dictionary. What is set aside needs no lease: it goes with the process.

    Args:
        clock: Unix time in nanoseconds.
    """

    def __init__(self, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._lock = Lock()
        self._rows: dict[Share, dict[Row, int]] = {}
        self._asked = 0
        self._leases: dict[tuple[str, str], Lease] = {}

    def reserve(self, call: str, claims: tuple[Claim, ...], /) -> Reservation | Exceeded:
        """Set aside what *claims* take, all of it or nothing."""
        return self._count(call, claims, lambda books: books.reserve(call, claims))

    def settle(self, reservation: Reservation, used: tuple[Amounts, ...], /) -> None:
        """Count what was *used*, for each claim, in place of what was set aside."""
        call, claims = reservation.call, reservation.claims
        self._count(call, claims, lambda books: books.settle(reservation, used))

    def release(self, reservation: Reservation, /) -> None:
        """Give back what was set aside for a call that did not start."""
        call, claims = reservation.call, reservation.claims
        self._count(call, claims, lambda books: books.release(call, claims))

    def used(self, share: Share, /) -> Amounts:
        """What counts against *share* now, with what is set aside."""
        with self._lock:
            return Books(self._clock(), "", self._counting(share)).used(share)

    def _count(self, call: str, claims: tuple[Claim, ...], work: Callable[[Books], T]) -> T:
        shares = [claim.share for claim in claims]
        with self._lock:
            rows = [row for share in shares for row in self._counting(share)]
            leases = (self._leases.get((call, share.limit)) for share in shares)
            books = Books(self._clock(), "", rows, filter(None, leases))
            result = work(books)
            for row, change in books.changed():
                of = self._rows.setdefault(Share(row.limit, row.key), {})
                of[row] = of.get(row, 0) + change
            self._leases.update(books.opened)
            for closed in books.closed:
                self._leases.pop(closed, None)
            return result

    def _counting(self, share: Share) -> list[tuple[str, str, str, int]]:
        """What counts against *share*."""
        self._forget_sometimes()
        now = self._clock()
        rows = self._rows.get(share, {}).items()
        return [(*row[:3], amount) for row, amount in rows if row.until > now]

    def _forget_sometimes(self) -> None:
        """Let go of what counts no longer, once in as many times as there are shares."""
        self._asked += 1
        if self._asked <= 2 * len(self._rows) + 100:
            return
        self._asked, now = 0, self._clock()
        left = {
            share: {row: amount for row, amount in rows.items() if amount and row.until > now}
            for share, rows in self._rows.items()
        }
        self._rows = {share: rows for share, rows in left.items() if rows}

"""How it is counted: one transaction, worked out on what a store has read.

A store reads what counts against the shares that a batch of jobs is about, and what is
set aside for whom; here the jobs are carried out on that, one after the other; and the
store writes the difference. So there is one way to count, and a store is input and output.

A call counts as one from when it begins. What else it takes counts as long as it is under
way, and what it has used counts from when that is known. Nothing is lost by being late:
what is settled after it was taken back, its lease being over, is counted in full.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from remit.amounts import Amounts
from remit.meters.calendar import FOREVER, until
from remit.model import Claim, Exceeded, Reservation, Share

MOST = 2**56
"""No call is counted as more than this, so that sums fit a database."""


class Row(NamedTuple):
    """What is counted together: uses of a share, in one unit, that stop counting together."""

    limit: str
    key: str
    unit: str
    until: int


class Lease(NamedTuple):
    """What is set aside of one share for a call, and by which process."""

    call: str
    limit: str
    key: str
    until: int
    """When the call stops counting as one that began."""
    amounts: Amounts
    holder: str


class Books:
    """What counts at the moment *now*, and what the jobs of a batch change of it.

    Args:
        now: Unix time in nanoseconds, as the store tells it.
        holder: the process that the jobs are of.
        used: what counts, by share and unit.
        leases: what is set aside for the calls that are settled.
        expired: what was set aside by processes that are gone.
        kept: the transaction before this one was kept, though its store could not tell.
    """

    def __init__(
        self,
        now: int,
        holder: str,
        used: Iterable[tuple[str, str, str, int]],
        leases: Iterable[Lease] = (),
        expired: Iterable[Lease] = (),
        *,
        kept: bool = False,
    ) -> None:
        self.now = now
        self.kept = kept
        self.holder = holder
        self.changes: defaultdict[Row, int] = defaultdict(int)
        """What is to be added where."""
        self.opened: dict[tuple[str, str], Lease] = {}
        """What is newly set aside, by call and limit, in place of what was before."""
        self.closed: set[tuple[str, str]] = set()
        """What is no longer set aside."""
        self._used: defaultdict[Share, Counter[str]] = defaultdict(Counter)
        for limit, key, unit, amount in used:
            self._used[Share(limit, key)][unit] += amount
        self._leases = {(lease.call, lease.limit): lease for lease in leases}
        for lease in expired:
            self._leases.pop((lease.call, lease.limit), None)
            self.closed.add((lease.call, lease.limit))
            self._give_back(lease)

    def reserve(self, call: str, claims: tuple[Claim, ...]) -> Reservation | Exceeded:
        """Set aside what *claims* take, or say what stands against it; once for a call."""
        held = [self._held(call, claim.share.limit) for claim in claims]
        if all(held):
            return Reservation(call, claims, tuple(lease.until for lease in held if lease))
        exceeded = [
            each for claim in claims if (each := claim.exceeded(self.used(claim.share))) is not None
        ]
        binding = [each for each in exceeded if each.claim.binds]
        if binding:
            # A denial outright is told first: nobody should be asked in vain.
            return min(binding, key=lambda each: each.claim.terms is not None)
        ends = tuple(until(claim.period, self.now) for claim in claims)
        for claim, end in zip(claims, ends, strict=True):
            share = claim.share
            self._add(share, claim.takes, 1, begun=end)
            lease = Lease(call, share.limit, share.key, end, claim.takes, self.holder)
            self.opened[call, share.limit] = lease
            self.closed.discard((call, share.limit))
        return Reservation(call, claims, ends, tuple(exceeded))

    def settle(self, reservation: Reservation, used: tuple[Amounts, ...]) -> None:
        """Count what was used in place of what was set aside."""
        for claim, begun, amounts in zip(reservation.claims, reservation.until, used, strict=True):
            self._close(reservation.call, claim.share.limit)
            counted = {unit: amounts.get(unit, 0) for unit in claim.most if unit != "concurrent"}
            self._add(claim.share, counted, 1, begun=begun, rest=until(claim.period, self.now))

    def release(self, call: str, claims: tuple[Claim, ...]) -> None:
        """Give back what was set aside for a call that did not start."""
        for claim in claims:
            self._close(call, claim.share.limit)

    def used(self, share: Share) -> Amounts:
        """What counts against *share*."""
        return dict(self._used[share])

    def _held(self, call: str, limit: str) -> Lease | None:
        return self.opened.get((call, limit)) or self._leases.get((call, limit))

    def _close(self, call: str, limit: str) -> None:
        """End what is set aside, if it still is."""
        lease = self.opened.pop((call, limit), None) or self._leases.pop((call, limit), None)
        if lease is not None:
            self.closed.add((call, limit))
            self._give_back(lease)

    def _give_back(self, lease: Lease) -> None:
        self._add(Share(lease.limit, lease.key), lease.amounts, -1, begun=lease.until)

    def _add(
        self, share: Share, amounts: Amounts, sign: int, *, begun: int, rest: int = FOREVER
    ) -> None:
        for unit, amount in amounts.items():
            stops = begun if unit == "calls" else rest
            if not amount or stops <= self.now:
                continue
            change = sign * min(amount, MOST)
            self.changes[Row(share.limit, share.key, unit, stops)] += change
            self._used[share][unit] += change

    def changed(self) -> Iterator[tuple[Row, int]]:
        """What is to be added where, in an order that all processes share."""
        return ((row, change) for row, change in sorted(self.changes.items()) if change)

"""A meter whose store is looked after by a thread: what those in a file and in a database share."""

from __future__ import annotations

import weakref
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from remit.amounts import Amounts
from remit.meters.worker import Look, Reserve, Settle, Worker
from remit.model import Claim, Exceeded, Reservation, Share


class ThreadedMeter:
    """Answers with futures that its thread keeps."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._finalizer = weakref.finalize(self, worker.close)

    def reserve(self, call: str, claims: tuple[Claim, ...], /) -> Future[Reservation | Exceeded]:
        """Set aside what *claims* take, all of it or nothing, so that nobody else can have it.

        Raises:
            Unavailable: the meter is closed, or too far behind.
        """
        job = Reserve(call, claims, Future())
        self._worker.submit(job)
        return job.future

    def settle(self, reservation: Reservation, used: tuple[Amounts, ...], /) -> Future[None]:
        """Count what was *used*, for each claim, in place of what was set aside.

        It may wait 50 ms for company. What fails is kept and tried again, and nothing else
        is set aside before it is counted.

        Raises:
            ValueError: it is not told for each claim.
        """
        if len(used) != len(reservation.claims):
            raise ValueError(f"{len(reservation.claims)} claims cannot have used {len(used)} times")
        job = Settle(reservation, used, Future())
        self._worker.submit(job)
        return job.future

    def release(self, reservation: Reservation, /) -> Future[None]:
        """Give back what was set aside for a call that did not start."""
        job = Settle(reservation, None, Future())
        self._worker.submit(job)
        return job.future

    def used(self, share: Share, /) -> Future[Amounts]:
        """What counts against *share* now, with what is set aside."""
        job = Look(share, Future())
        self._worker.submit(job)
        return job.future

    def close(self) -> None:
        """Count what is under way, and let go of the store.

        Happens by itself when the program ends.
        """
        self._finalizer.detach()
        self._worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

"""The thread that takes jobs to a meter's store: a file, or a database.

Callers hand over what they want set aside and get a future. Whatever has come while one
transaction was on its way goes into the next, in the order it came, so callers share it
and a lone caller waits for nobody. A future is answered after the transaction.

Nobody waits for what is settled, so it waits for company: for the next job that somebody
does wait for, or for 50 ms. What could not be settled is reported, kept, and part of
whatever is written next; until it is counted nothing else is set aside.

What a process has set aside is on a lease, which every transaction of the process renews,
and the thread itself while calls are under way. A process that is gone renews nothing.
"""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread, current_thread
from typing import Any, Protocol, TypeAlias, TypeVar

import msgspec

from remit.amounts import Amounts
from remit.databases import forks
from remit.errors import Unavailable
from remit.meters.books import Books
from remit.model import Claim, Exceeded, Reservation, Share
from remit.waiting import together

MOST_AT_ONCE = 256
"""Jobs in one transaction. More would only make the first of them wait."""

MOST_WAITING = 65_536
"""Jobs handed over and not yet carried out."""

SETTLED_WITHIN = 0.05
"""Seconds that what is settled waits for company."""

RETRY_EVERY = 0.5
"""Seconds until what could not be settled is tried again, if nothing else is."""

T = TypeVar("T")
Work: TypeAlias = Callable[[Books], T]
"""What is to be done with the books."""

_logger = logging.getLogger("remit.meter")


class Store(Protocol):
    """Where it is counted. It is opened when first used, and used by the thread alone."""

    in_doubt: bool
    """The last transaction failed, and nobody knows yet whether it was kept."""

    def transact(self, shares: set[Share], calls: list[str], work: Work[T], /) -> T:
        """Carry *work* out on all that is known of *shares* and *calls*, and keep it, or raise.

        *work* may be carried out several times, and is kept once.
        """
        ...

    def close(self) -> None:
        """Let go of it; the next use opens it again."""
        ...


class Reserve(msgspec.Struct, frozen=True):
    """What a call takes is to be set aside."""

    call: str
    claims: tuple[Claim, ...]
    future: Future[Reservation | Exceeded]


class Settle(msgspec.Struct, frozen=True):
    """What a call used is to be counted; None: it did not start."""

    reservation: Reservation
    used: tuple[Amounts, ...] | None
    future: Future[None]


class Look(msgspec.Struct, frozen=True):
    """Somebody wants to know what was used."""

    share: Share
    future: Future[Amounts]


class Stop(msgspec.Struct, frozen=True):
    """The last job."""

    future: Future[None]


class Pause(msgspec.Struct, frozen=True):
    """Let go of the store until told to go on."""

    future: Future[None]
    go_on: Event


Count: TypeAlias = Reserve | Settle | Look
Job: TypeAlias = Count | Stop | Pause


class Worker:
    """Hands jobs to a thread that it starts with the first of them.

    Args:
        name: what the meter is called in messages.
        store: makes the store, for the process that goes by the name it is given.
        lease: seconds until what a process has set aside comes back once it is gone.
    """

    def __init__(self, name: str, store: Callable[[str], Store], lease: float) -> None:
        self._name = name
        self._store = store
        self._lease = lease
        self._closed = False
        self.start_over()
        forks.mind(self)

    def start_over(self) -> None:
        """Begin with no thread, as a process does that was just forked."""
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._lock = Lock()
        self._thread: Thread | None = None
        self._at_work: _AtWork | None = None
        self._paused = Event()

    def pause(self) -> None:
        """Wait until the thread has let go of the store. Nothing is handed over until `go_on`."""
        self._lock.acquire()
        if self._thread is None or self._thread is current_thread():
            return
        if self._closed:
            self._thread.join()
            return
        future: Future[None] = Future()
        self._jobs.put(Pause(future, self._paused))
        future.result()

    def go_on(self) -> None:
        """End a pause."""
        self._paused.set()
        self._paused = Event()
        self._lock.release()

    def submit(self, job: Count) -> None:
        """Have *job* carried out.

        Raises:
            Unavailable: it is known already that it cannot be.
        """
        # Nobody can take back what is about to be written.
        job.future.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                raise Unavailable(f"the meter {self._name} is closed")
            at_work = self._at_work or self._start()
            waiting = self._jobs.qsize() + len(at_work.owed)
            if waiting >= MOST_WAITING:
                raise Unavailable(f"the meter {self._name} is {waiting} jobs behind")
            self._jobs.put(job)

    def close(self) -> None:
        """Count what is under way, and end the thread.

        Raises:
            Unavailable: something could not be counted.
        """
        future: Future[None] = Future()
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._thread is None:
                return
            self._jobs.put(Stop(future))
        # The garbage collector may call from anywhere, even from the thread itself.
        if self._thread is not current_thread():
            future.result()
            self._thread.join()

    def _start(self) -> _AtWork:
        store = self._store(secrets.token_hex(8))
        at_work = _AtWork(self._name, store, self._lease / 3)
        name = f"remit {self._name}"
        thread = Thread(target=_work, args=(self._jobs, at_work), name=name, daemon=True)
        thread.start()
        self._at_work, self._thread = at_work, thread
        return at_work


def _work(jobs: SimpleQueue[Job], at_work: _AtWork) -> None:
    """Serve *jobs* until told to stop."""
    while True:
        batch = _next_batch(jobs, at_work.next_duty())
        at_work.count([job for job in batch if not isinstance(job, Stop | Pause)])
        for job in batch:
            if type(job) is Stop:
                _answer(job.future, at_work.close)
                return
            if type(job) is Pause:
                _answer(job.future, at_work.store.close)
                job.go_on.wait()


def _next_batch(jobs: SimpleQueue[Job], until: float) -> list[Job]:
    """Whatever has come *until* then. Only what is settled waits for more to come."""
    batch: list[Job] = []
    awaited = False
    with suppress(Empty):
        while len(batch) < MOST_AT_ONCE:
            job = jobs.get_nowait() if awaited else jobs.get(timeout=_left(until))
            batch.append(job)
            awaited = awaited or type(job) is not Settle
            until = min(until, time.monotonic() + SETTLED_WITHIN)
    return batch


def _left(until: float) -> float | None:
    return None if until == math.inf else max(0.0, until - time.monotonic())


def _answer(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except Exception as error:  # noqa: BLE001 - whoever waits for the future has to answer for it
        future.set_exception(error)


class _Doubtful(msgspec.Struct, frozen=True):
    """What was in a transaction of which nobody knows whether it was kept."""

    settles: tuple[Settle, ...] = ()
    reserves: tuple[Reserve, ...] = ()

    @property
    def jobs(self) -> tuple[Count, ...]:
        """All of it."""
        return (*self.settles, *self.reserves)

    def left(self, *, kept: bool) -> list[Settle]:
        """What remains to be done: whoever wanted something set aside was refused."""
        if not kept:
            return list(self.settles)
        return [
            Settle(Reservation(each.call, each.claims, ()), None, Future())
            for each in self.reserves
        ]


class _AtWork:
    """The store, what it is still owed, and when the lease has to be renewed."""

    def __init__(self, name: str, store: Store, renew_every: float) -> None:
        self.name = name
        self.store = store
        self.renew_every = renew_every
        self.owed: list[Settle] = []
        """What could not be settled."""
        self.doubtful = _Doubtful()
        """What was in the transaction that may have been kept."""
        self.under_way: set[str] = set()
        """Calls that something is set aside for."""
        self.retry_at = math.inf
        self.renew_at = math.inf

    def next_duty(self) -> float:
        """When there is something to do, though nobody asks."""
        return min(self.retry_at, self.renew_at)

    def count(self, jobs: Sequence[Count]) -> None:
        """Carry out what is owed and all of *jobs*, or nothing, and tell everybody."""
        if not jobs and time.monotonic() < self.next_duty():
            return
        settled: list[Settle] = []

        def work(books: Books) -> list[Any]:
            # Carried out anew if the connection is lost.
            settled[:] = [*self.doubtful.left(kept=books.kept), *self.owed]
            return [_carry_out(job, books) for job in (*settled, *jobs)][len(settled) :]

        try:
            answers = self.store.transact(*_about([*self.doubtful.jobs, *self.owed, *jobs]), work)
        except Exception as error:  # noqa: BLE001 - the callers have to answer for it
            self._fail(settled, jobs, error)
            return
        self._recover()
        with together():
            for job, answer in zip(jobs, answers, strict=True):
                if type(answer) is Reservation:
                    self.under_way.add(answer.call)
                elif type(job) is Settle:
                    self.under_way.discard(job.reservation.call)
                job.future.set_result(answer)
        self._renew_later()

    def _fail(self, settled: Sequence[Settle], jobs: Sequence[Count], error: Exception) -> None:
        late = [job for job in jobs if type(job) is Settle]
        if late:
            trouble = "the meter %s could not count what %d calls used, and sets nothing aside: %s"
            _logger.error(trouble, self.name, len(late), error)
        if self.store.in_doubt:
            reserves = [job for job in jobs if type(job) is Reserve]
            self.doubtful, self.owed = _Doubtful((*settled, *late), tuple(reserves)), []
        else:
            self.owed += late
        waits = self.owed or self.doubtful.jobs or self.under_way
        self.retry_at = time.monotonic() + RETRY_EVERY if waits else math.inf
        self.renew_at = math.inf
        for job in jobs:
            if type(job) is not Settle:
                job.future.set_exception(error)

    def _recover(self) -> None:
        late = [*self.owed, *self.doubtful.settles]
        if late:
            found = "the meter %s could count again: what %d calls used is counted after all"
            _logger.warning(found, self.name, len(late))
        for job in late:
            self.under_way.discard(job.reservation.call)
            job.future.set_result(None)
        self.owed, self.doubtful, self.retry_at = [], _Doubtful(), math.inf

    def _renew_later(self) -> None:
        later = time.monotonic() + self.renew_every
        self.renew_at = later if self.under_way else math.inf

    def close(self) -> None:
        """Count what is owed, and let go of the store."""
        try:
            if self.owed or self.doubtful.jobs:
                self.retry_at = -math.inf
                self.count(())
        finally:
            self.store.close()
        if late := [*self.owed, *self.doubtful.settles]:
            lost = f"the meter {self.name} was closed, and what {len(late)} calls used"
            raise Unavailable(f"{lost} is not counted")


def _about(jobs: Sequence[Count]) -> tuple[set[Share], list[str]]:
    """The shares that *jobs* are about, and the calls they end."""
    shares: set[Share] = set()
    calls: list[str] = []
    for job in jobs:
        if type(job) is Look:
            shares.add(job.share)
        elif type(job) is Reserve:
            shares.update(claim.share for claim in job.claims)
            calls.append(job.call)
        elif type(job) is Settle:
            shares.update(claim.share for claim in job.reservation.claims)
            calls.append(job.reservation.call)
    return shares, calls


def _carry_out(job: Count, books: Books) -> Any:
    if type(job) is Reserve:
        return books.reserve(job.call, job.claims)
    if type(job) is Look:
        return books.used(job.share)
    assert type(job) is Settle
    if job.used is None:
        return books.release(job.reservation.call, job.reservation.claims)
    return books.settle(job.reservation, job.used)

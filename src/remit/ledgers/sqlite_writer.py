"""The thread that writes a ledger: a file, or a database.

Callers hand over what they want written and get a future. Whatever has come
while one transaction was on its way to the disk goes into the next, so callers
share an fsync and a lone caller waits for nobody. A future is answered after
COMMIT has returned, for all of its batch or for none.

Nobody waits for the end of a call, so ends wait for company: for the next
record that somebody does wait for, or for 50 ms. Whoever handed one over has
gone on by the time it fails, hence:

- records are written in the order they were handed over, so none is durable
  before the ends in front of it are;
- an end that could not be written is reported, kept, and tried again with
  whatever is written next and by itself; until it is on disk nothing else is;
- the queue has a limit, and a full one takes nothing.
"""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread, current_thread
from typing import Protocol, TypeVar

import msgspec

from remit.audit.note import SigningKey
from remit.audit.record import UNAWAITED, Entry, Record, encode
from remit.errors import Conflict, LogError
from remit.ledgers import forks

MOST_AT_ONCE = 4096
"""Records in one transaction. More would only make the first of them wait."""

MOST_WAITING = 65_536
"""Records handed over and not yet written."""

ENDS_WITHIN = 0.05
"""Seconds that the end of a call waits for company."""

RETRY_EVERY = 0.5
"""Seconds until an end that could not be written is tried again, if nothing else is."""

SIGN_EVERY = 1.0
"""Seconds between checkpoints while records come in."""

T = TypeVar("T")

_logger = logging.getLogger("remit.ledger")


class Store(Protocol):
    """Where the thread writes. It is opened when first used, and used by this thread alone."""

    def append(self, entries: Sequence[Entry], /) -> list[int | Conflict]:
        """Make *entries* durable, all or none, but for those whose moves cannot be made.

        Where each of them is, or why it is not kept.
        """
        ...

    def sign(self, key: SigningKey, /) -> str:
        """The signed head of the log as it is now."""
        ...

    def close(self) -> None:
        """Let go of it; the next use opens it again."""
        ...


class Append(msgspec.Struct, frozen=True):
    """Records on their way to the disk."""

    entries: tuple[Entry, ...]
    future: Future[int]
    awaited: bool
    """Whether somebody waits for it; nobody does for the end of a call, or for what is noted."""


class Sign(msgspec.Struct, frozen=True):
    """Somebody wants a checkpoint of everything handed over so far."""

    future: Future[str]


class Stop(msgspec.Struct, frozen=True):
    """The last job: sign and go."""

    future: Future[None]


class Pause(msgspec.Struct, frozen=True):
    """Let go of the file until told to go on."""

    future: Future[None]
    go_on: Event


Job = Append | Sign | Stop | Pause


class Writer:
    """Hands jobs to a thread that it starts with the first of them.

    Args:
        name: what the ledger is called in messages.
        store: makes the store, in the process that is to write.
        signer: the key for checkpoints; None if this process signs none.
    """

    def __init__(
        self, name: str, store: Callable[[], Store], signer: Callable[[], SigningKey] | None
    ) -> None:
        self._name = name
        self._store = store
        self._signer = signer
        self._closed = False
        self.start_over()
        forks.mind(self)

    def start_over(self) -> None:
        """Begin with no thread, as a process does that was just forked."""
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._lock = Lock()
        self._thread: Thread | None = None
        self._worker: _Worker | None = None
        self._paused = Event()
        self._taken = 0

    def pause(self) -> None:
        """Wait until the thread has let go of the file. Nothing is handed over until `go_on`."""
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

    def append(self, record: Record) -> Future[int]:
        """Have *record* written; the future holds its index once it is durable.

        Raises:
            LogError: it is known already that it cannot be.
        """
        entry = encode(record, secrets.token_bytes(16))
        job = Append((entry,), Future(), record.kind not in UNAWAITED)
        self._submit(job)
        return job.future

    def append_all(self, records: Iterable[Record]) -> Future[int]:
        """Have all of *records* written or none; the future holds the index of the first.

        Raises:
            LogError: it is known already that they cannot be.
            ValueError: there are none, or some that do something to a question.
        """
        handed = tuple(records)
        if not handed:
            raise ValueError("there are no records to keep, and so none has an index")
        if any(one.move for one in handed):
            raise ValueError("records that do something to a question are kept one by one")
        salts = secrets.token_bytes(16 * len(handed))
        entries = tuple(
            encode(one, salts[at : at + 16])
            for at, one in zip(count(step=16), handed, strict=False)
        )
        job = Append(entries, Future(), awaited=True)
        self._submit(job)
        return job.future

    def sign(self) -> Future[str]:
        """Have a checkpoint made; the future holds the signed note."""
        future: Future[str] = Future()
        self._submit(Sign(future))
        return future

    def close(self) -> None:
        """Write what is under way, sign it, and end the thread.

        Raises:
            LogError: an end could not be written, or nothing signed.
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

    def _submit(self, job: Append | Sign) -> None:
        # Nobody can take back what is about to be written.
        job.future.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                raise LogError(f"the ledger {self._name} is closed")
            worker = self._worker or self._start()
            if type(job) is Append:
                self._make_room(job, worker)
            self._jobs.put(job)

    def _make_room(self, job: Append, worker: _Worker) -> None:
        if worker.debt is not None and not job.awaited:
            why = f"an earlier one could not be written: {worker.debt}"
            raise LogError(f"the ledger {self._name} takes no end of a call: {why}")
        more = len(job.entries)
        waiting = self._taken - worker.done
        if waiting + more > MOST_WAITING:
            full = f"{waiting} records are waiting, and {MOST_WAITING} is the limit"
            raise LogError(f"the ledger {self._name} cannot take {more} more: {full}")
        self._taken += more

    def _start(self) -> _Worker:
        worker = _Worker(self._name, self._store(), self._signer)
        name = f"remit {self._name}"
        thread = Thread(target=_work, args=(self._jobs, worker), name=name, daemon=True)
        thread.start()
        self._worker, self._thread = worker, thread
        return worker


def _work(jobs: SimpleQueue[Job], worker: _Worker) -> None:
    """Serve *jobs* until told to stop."""
    while True:
        batch = _next_batch(jobs, worker.next_duty())
        worker.write([job for job in batch if type(job) is Append])
        worker.sign_if_due()
        for job in batch:
            if type(job) is Sign:
                _answer(job.future, worker.sign)
            elif type(job) is Stop:
                _answer(job.future, worker.close)
                return
            elif type(job) is Pause:
                _answer(job.future, worker.store.close)
                job.go_on.wait()


def _next_batch(jobs: SimpleQueue[Job], until: float) -> list[Job]:
    """Whatever has come *until* then. Only ends wait for more to come."""
    batch: list[Job] = []
    records, awaited = 0, False
    with suppress(Empty):
        while records < MOST_AT_ONCE:
            job = jobs.get_nowait() if awaited else jobs.get(timeout=_left(until))
            batch.append(job)
            if type(job) is not Append:
                awaited = True
                continue
            awaited = awaited or job.awaited
            records += len(job.entries)
            until = min(until, time.monotonic() + ENDS_WITHIN)
    return batch


def _left(until: float) -> float | None:
    return None if until == math.inf else max(0.0, until - time.monotonic())


def _answer(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except Exception as error:  # noqa: BLE001 - whoever waits for the future has to answer for it
        future.set_exception(error)


class _Worker:
    """The store, what it is still owed, and what has to be signed when."""

    def __init__(self, name: str, store: Store, signer: Callable[[], SigningKey] | None) -> None:
        self.name = name
        self.store = store
        self.signer = signer
        self.sign_at = math.inf
        """When the records that no checkpoint covers are to be signed."""
        self.owed: tuple[Entry, ...] = ()
        """Ends that could not be written."""
        self.debt: Exception | None = None
        """Why not."""
        self.retry_at = math.inf
        self.done = 0
        """Records whose callers were told how it went."""

    def next_duty(self) -> float:
        """When there is something to do, though nobody asks."""
        return min(self.sign_at, self.retry_at)

    def write(self, jobs: Sequence[Append]) -> None:
        """Keep what is owed and all of *jobs*, or none, and tell everybody."""
        if not jobs and time.monotonic() < self.retry_at:
            return
        entries = [*self.owed, *(entry for job in jobs for entry in job.entries)]
        try:
            places = self.store.append(entries)[len(self.owed) :]
        except Exception as error:  # noqa: BLE001 - the callers have to answer for it
            self._fail(jobs, error)
            return
        if self.owed:
            self._settle()
        if self.sign_at == math.inf and self.signer is not None:
            self.sign_at = time.monotonic() + SIGN_EVERY
        at = 0
        for job in jobs:
            self.done += len(job.entries)
            place = places[at]
            if isinstance(place, Conflict):
                job.future.set_exception(place)
            else:
                job.future.set_result(place)
            at += len(job.entries)

    def _fail(self, jobs: Sequence[Append], error: Exception) -> None:
        ends = tuple(entry for job in jobs if not job.awaited for entry in job.entries)
        if ends:
            trouble = "the ledger %s could not write how %d calls ended, and takes nothing else: %s"
            _logger.error(trouble, self.name, len(ends), error)
        self.owed += ends
        if self.owed:
            self.debt, self.retry_at = error, time.monotonic() + RETRY_EVERY
        for job in jobs:
            self.done += len(job.entries)
            job.future.set_exception(error)

    def _settle(self) -> None:
        late = "the ledger %s could write again: how %d calls ended is on record after all"
        _logger.warning(late, self.name, len(self.owed))
        self.owed, self.debt, self.retry_at = (), None, math.inf

    def sign_if_due(self) -> None:
        """Sign once in a while; failing that, say so and try again later."""
        if time.monotonic() < self.sign_at:
            return
        try:
            self.sign()
        except Exception:
            # The records are safe. Verification reports them as unsigned, and close() raises.
            _logger.exception("the ledger %s could not sign a checkpoint", self.name)
            self.sign_at = time.monotonic() + SIGN_EVERY

    def sign(self) -> str:
        """The signed head of the log as it is now."""
        if self.signer is None:
            raise LogError(f"{self.name} has no signing key here: pass signer=")
        signed = self.store.sign(self.signer())
        self.sign_at = math.inf
        return signed

    def close(self) -> None:
        """Write what is owed, sign what is left, and let go of the file."""
        try:
            if self.owed:
                self.retry_at = -math.inf
                self.write(())
            if self.sign_at < math.inf:
                self.sign()
        finally:
            self.store.close()
        if self.owed:
            lost = f"{self.name} was closed, and how {len(self.owed)} calls ended is not on record"
            raise LogError(f"{lost}: {self.debt}")

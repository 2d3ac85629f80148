"""The thread that writes a ledger: a file, or a database.

Callers hand over what they want written and get a future. Whatever has come
while one transaction was on its way to the disk goes into the next, so callers
share an fsync and a lone caller waits for nobody. A future is answered after
COMMIT has returned, for all of its batch or for none.

A caller who waits in its own thread, while nobody else does, writes in that
thread, if the store allows it: two threads take longer to wake each other than to write
a record. Such a thread may be interrupted anywhere, by Ctrl-C for one; so jobs
stay in line until they are done with, and this thread finds out what became of them.

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
from itertools import count
from threading import Event, Lock, Thread, get_ident
from typing import TypeVar

from remit.audit.note import SigningKey
from remit.audit.record import UNAWAITED, Entry, Record, encode
from remit.errors import Conflict, LogError
from remit.ledgers import forks
from remit.ledgers.handover import Handover
from remit.ledgers.jobs import Append, Job, Pause, Receipt, Sign, Stop, Store
from remit.waiting import together

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

SALTS_AT_ONCE = 64

T = TypeVar("T")

_logger = logging.getLogger("remit.ledger")


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
        self._lock = Lock()
        self._thread: Thread | None = None
        self._worker: _Worker | None = None
        self._paused = Event()
        self._taken = 0
        # Not shared with a process that was forked: nobody uses a salt twice.
        self._salts: list[bytes] = []

    def pause(self) -> None:
        """Wait until the thread has let go of the file. Nothing is handed over until `go_on`."""
        self._lock.acquire()
        if self._thread is None or self._worker is None or self._is_here():
            return
        if self._closed:
            self._thread.join()
            return
        future: Future[None] = Future()
        self._worker.jobs.put(Pause(future, self._paused), 0.0, urgent=True)
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
        entry = encode(record, self._salt())
        job = Append((entry,), Receipt(), record.kind not in UNAWAITED)
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
        job = Append(entries, Receipt(), awaited=True)
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
            if self._thread is None or self._worker is None:
                return
            self._worker.jobs.put(Stop(future), 0.0, urgent=True)
        # The garbage collector may call from anywhere, even from the thread that writes.
        if not self._is_here():
            future.result()
            self._thread.join()

    def _is_here(self) -> bool:
        """Whether this is the thread that writes."""
        return self._worker is not None and self._worker.writing == get_ident()

    def _salt(self) -> bytes:
        """16 random bytes. Fetching them one by one is a system call for each."""
        try:
            return self._salts.pop()
        except IndexError:
            more = secrets.token_bytes(16 * SALTS_AT_ONCE)
            self._salts += [more[at : at + 16] for at in range(16, len(more), 16)]
            return more[:16]

    def _submit(self, job: Append | Sign) -> None:
        # Nobody can take back what is about to be written.
        job.future.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                raise LogError(f"the ledger {self._name} is closed")
            worker = self._worker or self._start()
            if type(job) is Append:
                self._make_room(job, worker)
                job.future.waited_for = worker.serve
            worker.jobs.put(job, ENDS_WITHIN, urgent=type(job) is Sign)

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
        thread = Thread(target=_work, args=(worker,), name=name, daemon=True)
        thread.start()
        self._worker, self._thread = worker, thread
        return worker


def _work(worker: _Worker) -> None:
    """Do what is handed over until told to stop."""
    going = True
    while going:
        worker.jobs.wait(worker.next_duty())
        with worker.lock:
            worker.writing = get_ident()
            going = worker.take_turn()
            worker.writing = None


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
        self.jobs = Handover[Job]()
        self.lock = Lock()
        """Held by whoever uses the store."""
        self.writing: int | None = None
        """The thread that does."""
        self.lonely = True
        """Whether the last batch was of one caller."""
        self.doubt: Sequence[Append] = ()
        """What a thread was writing when it was interrupted."""
        self.sign_at = math.inf
        """When the records that no checkpoint covers are to be signed."""
        self.owed: tuple[Entry, ...] = ()
        """Ends that could not be written."""
        self.debt: Exception | None = None
        """Why not."""
        self.retry_at = math.inf
        self.behind = False
        """Whether there is more to catch up with."""
        self.done = 0
        """Records whose callers were told how it went."""

    def serve(self, receipt: Receipt, *, alone: bool) -> None:
        """Somebody waits for *receipt*: let them write it themselves if they are *alone*."""
        if alone and self.lonely and self.store.any_thread and not self.lock.locked():
            # In one statement: an interruption can then not come between lock and release.
            with self.lock:
                self._write_all_of(receipt)
        if not receipt.done():
            self.jobs.hurry()

    def _write_all_of(self, receipt: Receipt) -> None:
        jobs = [job for job in self.jobs.waiting() if type(job) is Append]
        others = [job for job in jobs if job.awaited and job.future is not receipt]
        if others or not jobs or jobs[-1].future is not receipt or self.owed or self.doubt:
            return
        if any(entry.move for job in jobs for entry in job.entries):
            return
        self.doubt = jobs
        try:
            self.writing = get_ident()
            self.write(jobs)
        finally:
            self.writing = None
        self.jobs.forget(jobs)
        self.doubt = ()

    def take_turn(self) -> bool:
        """Do what is waiting; return whether to go on."""
        self._resolve()
        batch = self._next_batch()
        appends = [job for job in batch if type(job) is Append]
        self.write(appends)
        self.lonely = sum(job.awaited for job in appends) <= 1
        self.sign_if_due()
        self.jobs.forget(batch)
        for job in batch:
            if type(job) is Sign:
                _answer(job.future, self.sign)
            elif type(job) is Stop:
                _answer(job.future, self.close)
                return False
            elif type(job) is Pause:
                _answer(job.future, self.store.close)
                job.go_on.wait()
        self.catch_up()
        return True

    def _next_batch(self) -> list[Job]:
        batch: list[Job] = []
        records = 0
        for job in self.jobs.waiting():
            if records >= MOST_AT_ONCE:
                self.jobs.hurry()
                break
            batch.append(job)
            records += len(job.entries) if type(job) is Append else 0
        return batch

    def _resolve(self) -> None:
        """Answer what a thread wrote that was interrupted before it could."""
        if not self.doubt:
            return
        entries = [entry for job in self.doubt for entry in job.entries]
        try:
            places = self.store.find(entries)
        except Exception as error:  # noqa: BLE001 - the callers have to answer for it
            self._fail([job for job in self.doubt if not job.future.done()], error)
            self.jobs.forget(self.doubt)
        else:
            if places:
                self._succeed(self.doubt, places)
                self.jobs.forget(self.doubt)
        self.doubt = ()

    def next_duty(self) -> float:
        """When there is something to do, though nobody asks."""
        return -math.inf if self.behind else min(self.sign_at, self.retry_at)

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
        self._succeed(jobs, places)

    def _succeed(self, jobs: Sequence[Append], places: Sequence[int | Conflict]) -> None:
        if self.sign_at == math.inf and self.signer is not None:
            self.sign_at = time.monotonic() + SIGN_EVERY
        at = 0
        with together():
            for job in jobs:
                self.done += len(job.entries)
                place = places[at]
                if isinstance(place, Conflict):
                    job.future.set_exception(place)
                elif not job.future.done():
                    job.future.set_result(place)
                at += len(job.entries)

    def catch_up(self) -> None:
        """Do some of what nobody waits for."""
        try:
            self.behind = self.store.catch_up()
        except Exception as error:  # noqa: BLE001 - it is tried again after the next records
            self.behind = False
            _logger.warning("the ledger %s could not index its records: %s", self.name, error)

    def _fail(self, jobs: Sequence[Append], error: Exception) -> None:
        ends = tuple(entry for job in jobs if not job.awaited for entry in job.entries)
        if ends:
            trouble = "the ledger %s could not write how %d calls ended, and takes nothing else: %s"
            _logger.error(trouble, self.name, len(ends), error)
        self.owed += ends
        if self.owed:
            self.debt, self.retry_at = error, time.monotonic() + RETRY_EVERY
        with together():
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

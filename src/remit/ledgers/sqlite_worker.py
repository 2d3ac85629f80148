"""Who writes a ledger, whichever thread it is in, and what it is still owed."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock, get_ident
from typing import TypeAlias, TypeVar

from remit.audit.case import Proceed
from remit.audit.note import SigningKey
from remit.audit.record import Entry
from remit.errors import Conflict, LogError
from remit.ledgers.handover import Handover
from remit.ledgers.jobs import Append, Job, Pause, Receipt, Sign, Stop, Store
from remit.waiting import running_task, together

MOST_AT_ONCE = 4096
"""Records in one transaction. More would only make the first of them wait."""

RETRY_EVERY = 0.5
"""Seconds until an end that could not be written is tried again, if nothing else is."""

MOST_BEHIND = 16_384
"""Records that are still to be tidied while others are appended. More would make reading slow."""

SIGN_EVERY = 1.0
"""Seconds between checkpoints while records come in."""

T = TypeVar("T")
Keep: TypeAlias = Callable[[Sequence[Entry]], Sequence[int | Conflict] | None]
"""Makes records durable and says where they are; None if it was not the moment."""

_logger = logging.getLogger("remit.ledger")


def work(worker: Worker) -> None:
    """Do what is handed over until told to stop."""
    going = True
    while going:
        worker.jobs.wait(worker.next_duty())
        with worker.lock:
            worker.writing = get_ident()
            try:
                going = worker.take_turn()
            except Exception as error:  # noqa: BLE001 - nobody must wait for a thread that has ended
                worker.give_up(error)
                going = False
            worker.writing = None
        if going:
            worker.tidy()


def _answer(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except Exception as error:  # noqa: BLE001 - whoever waits for the future has to answer for it
        future.set_exception(error)


def _moves_nothing(entries: Sequence[Entry]) -> bool:
    """Whether no question is moved. One record may ask if it can be: it is there, or it is not."""
    for entry in entries:
        if entry.move is not None:
            return len(entries) == 1 and type(entry.move) is Proceed
    return True


class Worker:
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
        self.took = math.inf
        """Seconds that the last batch took to write."""
        self.caller: int | None = None
        """Tells the task that last had a record written, where loops may be held up for that."""
        self.gone = False
        """Whether the thread that writes has ended."""
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
        self.behind = 0
        """For how many records there is something to tidy."""
        self.broken: Exception | None = None
        """What has ended the thread that writes."""
        self.done = 0
        """Records whose callers were told how it went."""

    def write_now(self, job: Append) -> None:
        """Write *job*, which is not in line, and what is, if its caller may hold up their loop.

        A task that was the last to write, too, is taken for the only one: it gains nothing from
        its loop being free meanwhile. Tasks that take turns share a flush, in the thread.
        """
        if self.took >= self.store.may_block or not self._is_last_caller():
            return
        if not self._is_free():
            return
        with self.lock:
            self._write_here([*self.jobs.waiting(), job], self.store.append_now)
        if job.future is not None and job.future.settled:
            # It never stood in line, and was not counted there.
            self.done -= job.count

    def _is_free(self) -> bool:
        """Whether nobody uses the store, and few enough do."""
        return self.lonely and self.behind <= MOST_BEHIND and not self.lock.locked()

    def _is_last_caller(self) -> bool:
        # One that ended may have left its place to another, and there still is but one.
        task = running_task()
        last, self.caller = self.caller, None if task is None else id(task)
        return last is not None and self.caller == last

    def serve(self, receipt: Receipt, *, alone: bool) -> None:
        """Somebody waits for *receipt*: let them write it themselves if they are *alone*."""
        if alone and self.store.any_thread and self._is_free():
            # In one statement: an interruption can then not come between lock and release.
            with self.lock:
                self._write_all_for(receipt, self.store.append)
        if not receipt.settled:
            self.jobs.hurry()

    def _write_all_for(self, receipt: Receipt, append: Keep) -> None:
        """Write all that is waiting, if *receipt* is for the last of it."""
        jobs = self.jobs.waiting()
        last = jobs[-1] if jobs else None
        if type(last) is Append and last.future is receipt:
            self._write_here(jobs, append)

    def _write_here(self, jobs: Sequence[Job], append: Keep) -> None:
        """Write *jobs*, if there are only records, and nobody but the last one's caller waits."""
        if self.gone or self.owed or self.doubt:
            return
        last, appends, entries = jobs[-1], list[Append](), list[Entry]()
        for job in jobs:
            if type(job) is not Append or (job.awaited and job is not last):
                return
            if job.noted is not None:
                self._encode((job,))
            appends.append(job)
            entries += job.entries
        if not _moves_nothing(entries):
            return
        self.doubt = appends
        try:
            self.writing = get_ident()
            self._keep(appends, entries, append)
        finally:
            self.writing = None
        receipt = appends[-1].future
        if receipt is not None and receipt.settled:
            self.jobs.forget(appends)
        self.doubt = ()

    def take_turn(self) -> bool:
        """Do what is waiting; return whether to go on."""
        self._resolve()
        batch = self._next_batch()
        appends = [job for job in batch if type(job) is Append]
        self._encode(appends)
        self.write(appends)
        self.lonely = sum(job.awaited for job in appends) <= 1
        self.sign_if_due()
        self.jobs.forget(batch)
        for job in batch:
            if type(job) is Sign:
                _answer(job.future, self.sign)
            elif type(job) is Stop:
                self.gone = True
                _answer(job.future, self.close)
                return False
            elif type(job) is Pause:
                _answer(job.future, self.store.close)
                job.go_on.wait()
        return True

    def _next_batch(self) -> list[Job]:
        batch: list[Job] = []
        records = 0
        for job in self.jobs.waiting():
            if records >= MOST_AT_ONCE:
                self.jobs.hurry()
                break
            batch.append(job)
            records += job.count if type(job) is Append else 0
        return batch

    def _encode(self, jobs: Sequence[Append]) -> None:
        """Make bytes of what is noted; what has none is left out."""
        for job in jobs:
            if job.noted is None:
                continue
            try:
                job.encode()
            except Exception as error:
                _logger.exception("the ledger %s left out a record that has no bytes", self.name)
                self.done += 1
                job.noted = None
                job.answer(error)

    def _resolve(self) -> None:
        """Answer what a thread wrote that was interrupted before it could."""
        if not self.doubt:
            return
        entries = [entry for job in self.doubt for entry in job.entries]
        try:
            places = self.store.find(entries)
        except Exception as error:  # noqa: BLE001 - the callers have to answer for it
            owed = [job for job in self.doubt if job.future is None or not job.future.done()]
            self._fail(owed, error)
            self.jobs.forget(self.doubt)
        else:
            if places:
                self._succeed(self.doubt, places)
                self.jobs.forget(self.doubt)
        self.doubt = ()

    def give_up(self, error: Exception) -> None:
        """Take nothing more, and tell everybody who waits why."""
        self.gone = True
        _logger.critical("the ledger %s has stopped", self.name, exc_info=error)
        self.broken = error
        jobs = self.jobs.waiting()
        self.jobs.forget(jobs)
        for job in jobs:
            if type(job) is Pause:
                job.go_on.set()
            if job.future is not None and not job.future.done():
                job.future.set_exception(LogError(f"the ledger {self.name} has stopped: {error!r}"))

    def next_duty(self) -> float:
        """When there is something to do, though nobody asks."""
        return -math.inf if self.behind else min(self.sign_at, self.retry_at)

    def write(self, jobs: Sequence[Append]) -> None:
        """Keep what is owed and all of *jobs*, or none, and tell everybody."""
        if not jobs and time.monotonic() < self.retry_at:
            return
        entries = [*self.owed, *(entry for job in jobs for entry in job.entries)]
        if entries:
            self._keep(jobs, entries, self.store.append)

    def _keep(self, jobs: Sequence[Append], entries: Sequence[Entry], append: Keep) -> None:
        """Keep *entries*, what is owed and then those of *jobs*, and tell everybody."""
        start = time.monotonic()
        try:
            places = append(entries)
        except Exception as error:  # noqa: BLE001 - the callers have to answer for it
            self._fail(jobs, error)
            return
        self.took = time.monotonic() - start
        if places is None:
            return
        if self.owed:
            places = places[len(self.owed) :]
            self._settle()
        self._succeed(jobs, places)

    def _succeed(self, jobs: Sequence[Append], places: Sequence[int | Conflict]) -> None:
        if self.sign_at == math.inf and self.signer is not None:
            self.sign_at = time.monotonic() + SIGN_EVERY
        at = 0
        with together():
            for job in jobs:
                if not job.entries:
                    continue
                self.done += len(job.entries)
                job.answer(places[at])
                at += len(job.entries)

    def tidy(self) -> None:
        """Do what nobody waits for, while others may use the store, until something is urgent."""
        try:
            self.behind = self.store.tidy()
            while self.behind > (MOST_BEHIND if self.jobs.urgent else 0):
                self.behind = self.store.tidy()
        except Exception as error:  # noqa: BLE001 - it is tried again after the next records
            self.behind = 0
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
                job.answer(error)

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

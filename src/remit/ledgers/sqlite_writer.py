"""The thread that writes a ledger file.

Callers hand over what they want written and get a future. Whatever has come
while one transaction was on its way to the disk goes into the next, so callers
share an fsync and a lone caller waits for nobody. A future is answered after
COMMIT has returned, for all of its batch or for none.

SQLite remembers per process which locks it holds, and a forked child inherits
the memory without the locks. So a fork waits until every writer has let go of
its file, and parent and child open it anew.
"""

from __future__ import annotations

import logging
import os
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread, current_thread
from typing import TypeVar

import msgspec

from remit.audit.note import SigningKey
from remit.audit.record import Entry
from remit.errors import LogError
from remit.ledgers.sqlite_store import Store

MOST_AT_ONCE = 4096
"""Records in one transaction. More would only make the first of them wait."""

SIGN_EVERY = 1.0
"""Seconds between checkpoints while records come in."""

T = TypeVar("T")

_logger = logging.getLogger("remit.ledger")


class Append(msgspec.Struct, frozen=True):
    """A record on its way to the disk."""

    entry: Entry
    future: Future[int]


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
    """Hands jobs to a thread that it starts with the first of them."""

    def __init__(self, path: Path, signer: Callable[[], SigningKey], patience: float) -> None:
        self._path = path
        self._signer = signer
        self._patience = patience
        self._closed = False
        self.start_over()
        _writers.add(self)

    def start_over(self) -> None:
        """Begin with no thread, as a process does that was just forked."""
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._lock = Lock()
        self._thread: Thread | None = None
        self._paused = Event()

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

    def append(self, entry: Entry) -> Future[int]:
        """Have *entry* written; the future holds its index once it is durable."""
        future: Future[int] = Future()
        self._submit(Append(entry, future))
        return future

    def sign(self) -> Future[str]:
        """Have a checkpoint made; the future holds the signed note."""
        future: Future[str] = Future()
        self._submit(Sign(future))
        return future

    def close(self) -> None:
        """Write what is under way, sign it, and end the thread."""
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
                raise LogError(f"the ledger {self._path} is closed")
            if self._thread is None:
                self._thread = self._start()
            self._jobs.put(job)

    def _start(self) -> Thread:
        worker = _Worker(Store(self._path, self._patience), self._signer)
        name = f"remit {self._path.name}"
        thread = Thread(target=_work, args=(self._jobs, worker), name=name, daemon=True)
        thread.start()
        return thread


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()
_paused: list[Writer] = []
_forking = Lock()


def _before_fork() -> None:
    _forking.acquire()
    _paused.extend(_writers)
    for writer in _paused:
        writer.pause()


def _after_fork_in_parent() -> None:
    for writer in _paused:
        writer.go_on()
    _paused.clear()
    _forking.release()


def _after_fork_in_child() -> None:
    for writer in _paused:
        writer.start_over()
    _paused.clear()
    _forking.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )


def _work(jobs: SimpleQueue[Job], worker: _Worker) -> None:
    """Serve *jobs* until told to stop."""
    while True:
        batch = _next_batch(jobs, worker.time_to_sign())
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


def _next_batch(jobs: SimpleQueue[Job], timeout: float | None) -> list[Job]:
    """Whatever has come; waits for the first of it only."""
    batch: list[Job] = []
    with suppress(Empty):
        batch.append(jobs.get(timeout=timeout))
        while len(batch) < MOST_AT_ONCE:
            batch.append(jobs.get_nowait())
    return batch


def _answer(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except Exception as error:  # noqa: BLE001 - whoever waits for the future has to answer for it
        future.set_exception(error)


class _Worker:
    """The store, and what has to be signed when."""

    def __init__(self, store: Store, signer: Callable[[], SigningKey]) -> None:
        self.store = store
        self.signer = signer
        self.due: float | None = None
        """When the records that no checkpoint covers are to be signed."""

    def time_to_sign(self) -> float | None:
        """Seconds until a checkpoint is due; None if there is nothing to sign."""
        return None if self.due is None else max(0.0, self.due - time.monotonic())

    def write(self, jobs: Sequence[Append]) -> None:
        """Keep all of *jobs* or none, and tell everybody."""
        if not jobs:
            return
        try:
            first = self.store.append([job.entry for job in jobs])
        except Exception as error:  # noqa: BLE001 - the callers have to answer for it
            for job in jobs:
                job.future.set_exception(error)
            return
        if self.due is None:
            self.due = time.monotonic() + SIGN_EVERY
        for index, job in enumerate(jobs, first):
            job.future.set_result(index)

    def sign_if_due(self) -> None:
        """Sign once in a while; failing that, say so and try again later."""
        if self.due is None or time.monotonic() < self.due:
            return
        try:
            self.sign()
        except Exception:
            # The records are safe. Verification reports them as unsigned, and close() raises.
            _logger.exception("the ledger %s could not sign a checkpoint", self.store.path)
            self.due = time.monotonic() + SIGN_EVERY

    def sign(self) -> str:
        """The signed head of the log as it is now."""
        signed = self.store.sign(self.signer())
        self.due = None
        return signed

    def close(self) -> None:
        """Sign what is left, and let go of the file."""
        try:
            if self.due is not None:
                self.sign()
        finally:
            self.store.close()

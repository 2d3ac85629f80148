"""The thread that writes a ledger: a file, or a database.

Callers hand over what they want written and get a future. Whatever has come
while one transaction was on its way to the disk goes into the next, so callers
share an fsync and a lone caller waits for nobody. A future is answered after
COMMIT has returned, for all of its batch or for none.

A caller who waits in its own thread, while nobody else does, writes in that
thread, if the store allows it: two threads take longer to wake each other than to write
a record. Such a thread may be interrupted anywhere, by Ctrl-C for one; so jobs
stay in line until they are done with, and this thread finds out what became of them.
So does a task on an event loop, where the store may block that, as it hands over its record.

Nobody waits for the end of a call, so ends wait for company: for the next
record that somebody does wait for, or for 50 ms. Whoever handed one over has
gone on by the time it fails, hence:

- records are written in the order they were handed over, so none is durable
  before the ends in front of it are;
- an end that could not be written is reported, kept, and tried again with
  whatever is written next and by itself; until it is on disk nothing else is;
- the queue has a limit, and a full one takes nothing.

Nobody waits for what is noted either, and there is much of it. It becomes bytes where it is
written, so that whoever notes something is not held up; what cannot is left out, and reported.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from threading import Event, Lock, Thread, get_ident

from remit.audit.note import SigningKey
from remit.audit.record import ENDS, Kind, Record, encode
from remit.databases import forks
from remit.errors import LogError
from remit.ledgers.jobs import Append, Pause, Receipt, Sign, Stop, Store
from remit.ledgers.sqlite_worker import Worker, work

MOST_WAITING = 65_536
"""Records handed over and not yet written."""

ENDS_WITHIN = 0.05
"""Seconds that the end of a call waits for company."""

SALTS_AT_ONCE = 256


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
        self._worker: Worker | None = None
        self._paused = Event()
        self._taken = 0
        # Not shared with a process that was forked: nobody uses a salt twice.
        self._salts: list[bytes] = []

    def pause(self) -> None:
        """Wait until the thread has let go of the file. Nothing is handed over until `go_on`."""
        self._lock.acquire()
        if self._thread is None or self._worker is None or self._is_here():
            return
        if self._worker.broken is not None:
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
        receipt = Receipt()
        if record.kind is Kind.NOTED:
            job = Append((), receipt, awaited=False, noted=(record, self._salt()))
        else:
            entry = encode(record, self._salt())
            job = Append((entry,), receipt, record.kind not in ENDS)
            if job.awaited and self._worker is not None and not self._closed:
                self._worker.write_now(job)
        if not receipt.settled:
            self._submit(job)
        return receipt

    def note(self, record: Record) -> None:
        """Have *record* written; nobody waits for it, or is told where it is.

        Raises:
            LogError: it is known already that it cannot be.
        """
        self._submit(Append((), None, awaited=False, noted=(record, self._salt())))

    def append_all(self, records: Iterable[Record]) -> Future[int]:
        """Have all of *records* written or none; the future holds the index of the first.

        Raises:
            LogError: it is known already that they cannot be.
            ValueError: there are none, or some that do something to a question.
        """
        entries = tuple(encode(one, self._salt()) for one in records)
        if not entries:
            raise ValueError("there are no records to keep, and so none has an index")
        if any(entry.move for entry in entries):
            raise ValueError("records that do something to a question are kept one by one")
        receipt = Receipt()
        self._submit(Append(entries, receipt, awaited=True, count=len(entries)))
        return receipt

    def sign(self) -> Future[str]:
        """Have a checkpoint made; the future holds the signed note."""
        future: Future[str] = Future()
        # Nobody can take back a job.
        future.set_running_or_notify_cancel()
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
            if self._thread is None or self._worker is None or self._worker.broken:
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
        with self._lock:
            if self._closed:
                raise LogError(f"the ledger {self._name} is closed")
            worker = self._worker or self._start()
            if worker.broken is not None:
                raise LogError(f"the ledger {self._name} has stopped: {worker.broken!r}")
            if type(job) is Append:
                self._make_room(job, worker)
                if job.future is not None:
                    job.future.server = worker
            worker.jobs.put(job, ENDS_WITHIN, urgent=type(job) is Sign)

    def _make_room(self, job: Append, worker: Worker) -> None:
        if worker.debt is not None and not job.awaited:
            why = f"an earlier one could not be written: {worker.debt}"
            raise LogError(f"the ledger {self._name} takes no end of a call: {why}")
        taken = self._taken + job.count
        if taken - worker.done > MOST_WAITING:
            waiting = self._taken - worker.done
            full = f"{waiting} records are waiting, and {MOST_WAITING} is the limit"
            raise LogError(f"the ledger {self._name} cannot take {job.count} more: {full}")
        self._taken = taken

    def _start(self) -> Worker:
        worker = Worker(self._name, self._store(), self._signer)
        name = f"remit {self._name}"
        thread = Thread(target=work, args=(worker,), name=name, daemon=True)
        thread.start()
        self._worker, self._thread = worker, thread
        return worker

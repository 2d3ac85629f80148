"""Finished traces on their way into the ledger: nothing waits for them, and none vanishes unsaid.

A trace that cannot be kept stays here and is tried again; of more than 10,000 the oldest are
dropped, which is counted, logged and told. One thread writes, and is there from the first
trace on; what is left is written when the program ends.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from remit.compat.execlave.ending import Ending
from remit.compat.execlave.unseen import UnseenRun
from remit.errors import Unavailable
from remit.runs.keeping import kept_together

MOST = 10_000
"""Traces that wait."""

GATHER = 0.05
"""Seconds for which finished traces are gathered before they are written."""

SHUTDOWN = 5.0
"""Seconds that the end of a client waits for its thread."""

_NEVER = (TypeError, ValueError, msgspec.MsgspecError)
"""What is wrong with a record, and not with whoever keeps it."""

_log = logging.getLogger("Execlave")


@dataclass(slots=True)
class Counts:
    """What became of traces."""

    sent: int = 0
    dropped: int = 0
    rejected: list[dict[str, str]] = field(default_factory=list)


class Outbox:
    """Has the records of finished traces kept.

    Args:
        later: whether a thread does it, or whoever finishes a trace.
        batch: as many traces are handed over before anything else is looked at.
        every: seconds until what failed is tried again.
        on_rejected: is told of traces that will never be kept.
    """

    def __init__(
        self,
        *,
        later: bool = True,
        batch: int = 100,
        every: float = 10.0,
        on_rejected: Callable[[list[dict[str, str]]], object] | None = None,
    ) -> None:
        self.dropped = 0
        """Traces that were dropped because too many waited, since the beginning."""
        self._later = later
        self._batch = max(batch, 1)
        self._every = every
        self._on_rejected = on_rejected
        self._waiting: deque[Ending] = deque()
        self._begun: deque[UnseenRun] = deque(maxlen=MOST)
        self._counts = Counts()
        self._begin()
        _everyone.add(self)
        # Anew each time, so that it is before the ledger, which was there first, is closed.
        atexit.unregister(_at_exit)
        atexit.register(_at_exit)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._news = threading.Event()
        self._closed = False
        self._awake = False
        """Whether the thread was told that something is here, and has not found all written."""
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def watch(self, run: UnseenRun) -> None:
        """Have *run* looked at soon, if it is not over sooner."""
        self._begun.append(run)
        # Without a lock: who writes says that nobody is awake, and then looks again.
        if not self._awake and not self._wake():
            run.look()

    def put(self, finished: Ending) -> None:
        """Have it kept soon. Never raises."""
        if len(self._waiting) >= MOST:
            self._drop_oldest()
        self._waiting.append(finished)
        if not self._awake and not self._wake():
            _busy.add(self)
            self._write_all()

    def _drop_oldest(self) -> None:
        with self._lock:
            if len(self._waiting) < MOST:
                return
            self._waiting.popleft()
            self.dropped += 1
            self._counts.dropped += 1
            if self.dropped == 1 or self.dropped % 1000 == 0:
                _log.error("%d finished traces were dropped: too many wait", self.dropped)

    def _wake(self) -> bool:
        """Have the thread write, in a moment; it gathers what comes meanwhile. Or there is none."""
        with self._lock:
            if self._closed or not self._later:
                return False
            _busy.add(self)
            if self._thread is None:
                self._start()
            self._awake = True
            self._news.set()
            return True

    def flush(self) -> dict[str, Any]:
        """Try to keep all that wait, now; what became of traces since the last time."""
        self._write_all()
        with self._lock:
            counts, self._counts = self._counts, Counts()
            return {
                "sent": counts.sent,
                "rejected": counts.rejected,
                "undelivered": len(self._waiting),
                "dropped": counts.dropped,
            }

    def close(self) -> None:
        """Flush, and let the thread go. What is put afterwards is written at once."""
        with self._lock:
            self._closed, self._awake = True, False
            thread, self._thread = self._thread, None
        self._news.set()
        self._write_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(SHUTDOWN)
        if self._waiting:
            _log.error("%d finished traces could not be kept", len(self._waiting))

    def _start(self) -> None:
        self._thread = threading.Thread(
            target=_write, args=(weakref.ref(self), self._news), name="Execlave-flush", daemon=True
        )
        self._thread.start()

    def _write_all(self) -> bool:
        """Whether nothing waits any more."""
        with self._writing:
            while not self._is_done():
                while self._begun:
                    self._begun.popleft().look()
                while self._waiting:
                    if not self._write_some():
                        return False
        return True

    def _is_done(self) -> bool:
        with self._lock:
            self._awake = False
            done = not (self._waiting or self._begun)
            if done:
                _busy.discard(self)
            return done

    def _write_some(self) -> bool:
        """Hand over a batch; False if the ledger takes nothing now."""
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
        return self._keep_together(batch) or self._keep_each(batch)

    def _keep_together(self, batch: list[Ending]) -> bool:
        """Have all of *batch* kept at once, which takes a disk hardly longer than one of them."""
        if len(batch) == 1:
            return False
        try:
            records = [record for finished in batch for record in finished.made()]
            if not kept_together(batch[0].run.guard, records):
                return False
        except (ValueError, Unavailable):
            # Which of them is to blame is found out one by one.
            return False
        self._sent(len(batch))
        return True

    def _keep_each(self, batch: list[Ending]) -> bool:
        for place, finished in enumerate(batch):
            try:
                self._keep_all(finished)
            except Exception as error:  # noqa: BLE001 - whatever a ledger has, it may be better later
                if isinstance(wrong := error.__cause__ or error, _NEVER):
                    self._reject(finished, wrong)
                    continue
                _log.warning("%d finished traces wait: %s", len(batch) - place, error)
                self._put_back(batch[place:])
                return False
        return True

    def _keep_all(self, finished: Ending) -> None:
        run, records = finished.run, finished.made()
        if not kept_together(run.guard, records):
            while records:
                run.keep(records[0])
                records.popleft()
        self._sent(1)

    def _sent(self, traces: int) -> None:
        with self._lock:
            self._counts.sent += traces

    def _put_back(self, batch: list[Ending]) -> None:
        with self._lock:
            room = MOST - len(self._waiting)
            lost = max(len(batch) - room, 0)
            self.dropped += lost
            self._counts.dropped += lost
            self._waiting.extendleft(reversed(batch[lost:]))

    def _reject(self, finished: Ending, error: Exception) -> None:
        rejected = {"traceId": finished.id, "code": type(error).__name__, "message": str(error)}
        with self._lock:
            self._counts.rejected.append(rejected)
        _log.error("a finished trace cannot be kept: %s", rejected)
        if self._on_rejected is not None:
            try:
                self._on_rejected([rejected])
            except Exception:  # noqa: BLE001 - a listener's mistake is nobody else's
                _log.exception("on_trace_rejected failed")

    def begin_again(self) -> None:
        """In a forked child: what waits is the parent's to write, and there is no thread."""
        self._waiting.clear()
        self._begun.clear()
        self._counts = Counts()
        self._begin()


def _write(reference: weakref.ref[Outbox], news: threading.Event) -> None:
    """What the thread does. It holds the outbox only while it writes."""
    while True:
        if news.wait(60.0):
            time.sleep(GATHER)
        outbox = reference()
        if outbox is None or outbox._closed:  # noqa: SLF001 - of one piece
            return
        news.clear()
        try:
            done = outbox._write_all()  # noqa: SLF001
        except Exception:  # noqa: BLE001 - the next traces are to be written
            _log.exception("finished traces wait")
            done = False
        every = outbox._every  # noqa: SLF001
        del outbox
        if not done:
            time.sleep(min(every, 1.0))
            news.set()


_busy: set[Outbox] = set()
"""Those with traces that wait or have just begun: a client that is forgotten is not gone sooner."""

_everyone: weakref.WeakSet[Outbox] = weakref.WeakSet()


def write_what_waits() -> None:
    """Flush those with traces that wait, whoever has made them."""
    for each in tuple(_busy):
        each.flush()


def _at_exit() -> None:
    for each in tuple(_everyone):
        each.close()


def _after_fork() -> None:
    for each in tuple(_everyone):
        each.begin_again()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

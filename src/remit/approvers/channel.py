"""A channel tells people of a question, elsewhere than here; they answer later, at the `Desk`.

    guard = Guard(policy, ledger=ledger, approver=Inbox(ledger, channel=...))

A question is told once while it is open, in a thread, so that no call waits for a network. What
cannot be delivered is tried again, then logged, and told when the same call is made the next
time; the question waits in the inbox meanwhile. A program that ends waits a few seconds for what
is under way.
"""

from __future__ import annotations

import atexit
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from threading import Lock, Thread

from remit.approvers.question import Show, facts
from remit.errors import Conflict
from remit.model import Approval, ApprovalRequest, Subject

SECONDS = 5.0
"""How long a network may take to answer."""
RETRIES = (0.5, 2.0)
"""Seconds before what could not be delivered is tried again."""
AT_EXIT = 5.0
MOST_UNDER_WAY = 64
"""Questions that are being told at the same time."""

log = logging.getLogger("remit.approvers")


class Undelivered(Exception):
    """People could not be told; it says why."""


class Channel(ABC):
    """Tells people of questions.

    Args:
        show: which facts about a question they are shown.
        retries: seconds before each further attempt.
        clock: Unix time in nanoseconds.
    """

    def __init__(
        self,
        *,
        show: Show = facts,
        retries: Sequence[float] = RETRIES,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.show = show
        self.retries = tuple(retries)
        self.clock = clock
        self._told: dict[str, int] = {}
        """Until when each question is open."""
        self._lock = Lock()

    def ask(self, question: ApprovalRequest, /) -> tuple[Approval, ...]:
        """Have people told of *question*; nobody has answered yet."""
        if self._new(question) and not beside(lambda: self._tell(question)):
            self._failed(question, Undelivered("too many others are being told"), None)
        return ()

    @abstractmethod
    def deliver(self, question: ApprovalRequest) -> None:
        """Tell people of *question*, or raise; called again with the same if it does."""

    def _new(self, question: ApprovalRequest) -> bool:
        now = self.clock()
        with self._lock:
            self._told = {each: until for each, until in self._told.items() if until > now}
            new = question.id not in self._told
            self._told.setdefault(question.id, question.until)
            return new

    def _tell(self, question: ApprovalRequest) -> None:
        for wait in (*self.retries, None):
            try:
                self.deliver(question)
            except Exception as error:  # noqa: BLE001 - whatever it is, the question waits
                self._failed(question, error, wait)
            else:
                return
            time.sleep(wait or 0)

    def _failed(self, question: ApprovalRequest, error: Exception, wait: float | None) -> None:
        if wait is not None:
            log.warning("approval %s: nobody was told, trying again: %s", question.id, error)
            return
        with self._lock:
            self._told.pop(question.id, None)
        log.error("approval %s waits, and nobody was told: %s", question.id, error, exc_info=error)


def one_of(people: Mapping[str, Subject], key: str, value: str) -> Subject:
    """Whoever of *people* has *value* under *key*.

    Raises:
        Conflict: nobody has, or more than one.
    """
    found = [each for each in people.values() if each.properties.get(key) == value]
    if len(found) != 1:
        raise Conflict(f"{key} {value} is nobody who may answer here")
    return found[0]


def quietly(work: Callable[[], None], what: str) -> None:
    """Do *work*; that it could not be done is logged, and nothing depends on it."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer is in the ledger
        log.warning("%s failed: %s", what, error)


_under_way: set[Thread] = set()


def beside(work: Callable[[], None]) -> bool:
    """Do *work* in a thread of its own; False if there are too many already."""
    if len(_under_way) >= MOST_UNDER_WAY:
        return False

    def run() -> None:
        try:
            work()
        finally:
            _under_way.discard(thread)

    thread = Thread(target=run, name="remit-channel", daemon=True)
    _under_way.add(thread)
    thread.start()
    return True


def finish(seconds: float = AT_EXIT) -> bool:
    """Wait up to *seconds* for what is being delivered; whether all of it was."""
    deadline = time.monotonic() + seconds
    for thread in tuple(_under_way):
        thread.join(max(0.0, deadline - time.monotonic()))
    return not any(thread.is_alive() for thread in tuple(_under_way))


atexit.register(finish)

"""What is handed to the thread that writes a ledger, and where it puts it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Event
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

from remit.audit.note import SigningKey
from remit.audit.record import Entry, Record, encode
from remit.errors import Conflict
from remit.waiting import Bell, Promise

if TYPE_CHECKING:
    import asyncio


class Store(Protocol):
    """Where to write. It is opened when first used, and used by one thread at a time."""

    @property
    def any_thread(self) -> bool:
        """Whether those may be different threads."""
        ...

    @property
    def may_block(self) -> float:
        """Seconds that one of those threads may be that of a loop; 0 if it must not be."""
        ...

    def append(self, entries: Sequence[Entry], /) -> list[int | Conflict]:
        """Make *entries* durable, all or none, but for those whose moves cannot be made.

        Where each of them is, or why it is not kept.
        """
        ...

    def append_now(self, entries: Sequence[Entry], /) -> Sequence[int] | None:
        """Where they are, durable; None if that takes more than the flush of a disk."""
        ...

    def find(self, entries: Sequence[Entry], /) -> Sequence[int]:
        """Where *entries*, that make no moves, are if the last `append` kept them after all."""
        ...

    def sign(self, key: SigningKey, /) -> str:
        """The signed head of the log as it is now."""
        ...

    def tidy(self) -> int:
        """Do some of what nobody waits for, beside whoever writes.

        For how many records it is still to be done.
        """
        ...

    def close(self) -> None:
        """Let go of it; the next use opens it again."""
        ...


class Server(Protocol):
    """Whoever writes, told that somebody waits."""

    def serve(self, receipt: Receipt, /, *, alone: bool) -> None:
        """They wait; a thread that waits *alone* would write it itself."""
        ...


class Receipt(Promise[int]):
    """The index of a record, once it is durable. Nobody hurries unless somebody waits for it."""

    server: Server

    def result(self, timeout: float | None = None) -> int:
        """See `Future`."""
        if not self.settled:
            self.server.serve(self, alone=timeout is None)
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """See `Future`."""
        if not self.settled:
            self.server.serve(self, alone=timeout is None)
        return super().exception(timeout)

    def add_done_callback(self, fn: Callable[[Future[int]], object]) -> None:
        """See `Future`."""
        super().add_done_callback(fn)
        if not self.settled:
            self.server.serve(self, alone=False)

    def wake(self, bell: Bell, waiter: asyncio.Future[None]) -> None:
        """See `Promise`."""
        super().wake(bell, waiter)
        if not self.settled:
            self.server.serve(self, alone=False)


class Append(msgspec.Struct):
    """Records on their way to the disk."""

    entries: tuple[Entry, ...]
    future: Receipt | None
    """None: nobody wants to know where it is."""
    awaited: bool
    """Whether somebody waits for it; nobody does for the end of a call, or for what is noted."""
    noted: tuple[Record, bytes] | None = None
    """A record that is no entry yet, and its salt. Frozen, so that it may become one later."""
    count: int = 1
    """How many records were handed over."""

    def encode(self) -> None:
        """Make an entry of what is noted."""
        if self.noted is not None:
            record, salt = self.noted
            # In this order: a thread that is interrupted in between loses nothing.
            self.entries = (encode(record, salt),)
            self.noted = None

    def answer(self, place: int | Exception) -> None:
        """Say where it is, or why it is not kept. Once: an answer stands."""
        if self.future is None or self.future.settled:
            return
        if isinstance(place, int):
            self.future.settle(place)
        else:
            self.future.fail(place)


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


Job: TypeAlias = Append | Sign | Stop | Pause

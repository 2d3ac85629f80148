"""A connection over which one question after the other is asked, and what it is made by.

It belongs to no thread and no loop: whoever asks drives it for that time, by a `Driver`. HTTP/1.1
is spoken by h11, TLS by the system's library, and neither reads from the network itself.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import Any, NamedTuple, TypeVar

try:
    import h11
except ImportError as error:
    raise ImportError("deciding over HTTP needs h11: pip install 'remit[opa]'") from error

from remit.deciders.errand import Driver

__all__ = ["Connection", "Turn", "h11", "places"]

T = TypeVar("T")

_AT_ONCE = 65_536
_BEGUN = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", 0)})


class Turn(NamedTuple):
    """One question's use of a connection: who waits, and for how long."""

    driver: Driver
    until: float

    async def ready(self, sock: socket.socket, *, writes: bool) -> None:
        """Wait until *sock* can be used.

        Raises:
            TimeoutError: it could not be in time.
        """
        self.check()
        await self.driver.ready(sock, writes, self.until)
        self.check()

    def check(self) -> None:
        """See that there is time left.

        Raises:
            TimeoutError: there is none.
        """
        if time.monotonic() >= self.until:
            raise TimeoutError

    def share(self, parts: int) -> Turn:
        """One that may take a part of the time that is left."""
        now = time.monotonic()
        return Turn(self.driver, now + (self.until - now) / parts)


class Connection:
    """One to *place*, of this *family*."""

    def __init__(self, family: int, place: Any) -> None:
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.settimeout(0)
        self._place = place
        self._tls: _Tls | None = None
        self.http = h11.Connection(h11.CLIENT)
        self.used = 0.0
        """When it was used last, by `time.monotonic`."""

    async def open(self, turn: Turn) -> None:
        """Connect.

        Raises:
            OSError: that failed.
        """
        code = self._socket.connect_ex(self._place)
        if code not in _BEGUN:
            raise OSError(code, os.strerror(code))
        await turn.ready(self._socket, writes=True)
        if code := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, os.strerror(code))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def secure(self, context: ssl.SSLContext, host: str, turn: Turn) -> None:
        """Speak TLS from here on, with *host* and nobody else.

        Raises:
            OSError: that failed.
        """
        self._tls = _Tls(context, host)
        await self._step(self._tls.engine.do_handshake, turn)

    async def send(self, data: bytes, turn: Turn) -> None:
        """Send all of *data*."""
        if self._tls is None:
            await self._send(data, turn)
        else:
            engine, left = self._tls.engine, memoryview(data)
            while left:
                left = left[await self._step(partial(engine.write, left), turn) :]

    async def receive(self, turn: Turn) -> bytes:
        """What has come; nothing where the other end has hung up."""
        if self._tls is None:
            return await self._receive(turn)
        engine = self._tls.engine
        try:
            return await self._step(partial(engine.read, _AT_ONCE), turn)
        except ssl.SSLZeroReturnError:
            return b""

    def is_quiet(self) -> bool:
        """Whether it is there, and has brought nothing that nobody has asked for."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return self._tls is None or not self._tls.holds
        except OSError:
            return False
        return False

    def interrupt(self) -> None:
        """Have whoever waits for it find that it is over."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it; nobody is waiting for it."""
        self._socket.close()

    async def _step(self, step: Callable[[], T], turn: Turn) -> T:
        """What *step* of TLS comes to, once the network has brought and taken what it needs."""
        assert self._tls is not None
        while True:
            try:
                value = step()
            except ssl.SSLWantReadError:
                await self._send(self._tls.outgoing.read(), turn)
                data = await self._receive(turn)
                if data:
                    self._tls.incoming.write(data)
                else:
                    self._tls.incoming.write_eof()
                continue
            await self._send(self._tls.outgoing.read(), turn)
            return value

    async def _send(self, data: bytes, turn: Turn) -> None:
        left = memoryview(data)
        while left:
            turn.check()
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                await turn.ready(self._socket, writes=True)

    async def _receive(self, turn: Turn) -> bytes:
        while True:
            turn.check()
            try:
                return self._socket.recv(_AT_ONCE)
            except BlockingIOError:
                await turn.ready(self._socket, writes=False)


class _Tls:
    """The engine, and what goes in and out of it."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.engine = context.wrap_bio(self.incoming, self.outgoing, server_hostname=host)

    @property
    def holds(self) -> bool:
        """Whether something has come that was not read."""
        return bool(self.incoming.pending or self.engine.pending())


async def places(host: str, port: int, turn: Turn) -> list[tuple[int, Any]]:
    """The addresses of *host*, each with its family.

    Raises:
        OSError: it has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:
        found = await turn.driver.wait(_looked_up(host, port), turn.until)
    return [(family, place) for family, _, _, _, place in found]


def _looked_up(host: str, port: int) -> Future[Any]:
    """What the system knows of *host*; to ask it cannot be given up, so a thread does it."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()

    def look() -> None:
        try:
            future.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001 - whoever waits raises it
            future.set_exception(error)

    Thread(target=look, name="remit-exchange", daemon=True).start()
    return future

"""The connections to one server: those that are used, and those that wait to be used again."""

from __future__ import annotations

import ssl
import time
from threading import Lock

from remit.deciders.connection import Connection, Turn, h11, places

KEPT = 20
"""Connections that nobody uses."""
KEPT_FOR = 5.0
"""Seconds after which one that nobody has used is not trusted to be there still."""


class Connections:
    """Those to the server at *host* and *port*; *tls* says whom to trust, if it is encrypted."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._idle: list[Connection] = []
        self._used: set[Connection] = set()
        self._lock = Lock()
        self.stopped = False

    def kept(self) -> Connection | None:
        """The one that was used last, to be used by whoever asks."""
        while connection := self._next():
            lately = time.monotonic() - connection.used <= KEPT_FOR
            if lately and connection.is_quiet():
                return connection
            self.drop(connection)
        return None

    async def open(self, turn: Turn) -> Connection:
        """A new one.

        Raises:
            OSError: there can be none.
        """
        connection = await self._connected(turn)
        if self._tls is not None:
            try:
                await connection.secure(self._tls, self._host, turn)
            except BaseException:
                self.drop(connection)
                raise
        return connection

    def keep(self, connection: Connection) -> None:
        """Keep one that has brought an answer, if another can be asked for over it."""
        http = connection.http
        if (
            http.our_state is h11.DONE
            and http.their_state is h11.DONE
            and not http.trailing_data[0]
        ):
            http.start_next_cycle()
            connection.used = time.monotonic()
            with self._lock:
                if not self.stopped and len(self._idle) < KEPT:
                    self._used.discard(connection)
                    self._idle.append(connection)
                    return
        self.drop(connection)

    def drop(self, connection: Connection) -> None:
        """Let go of one that is used."""
        with self._lock:
            self._used.discard(connection)
        connection.close()

    def stop(self) -> None:
        """Let go of all; who waits for an answer gets none."""
        with self._lock:
            self.stopped = True
            idle, self._idle = self._idle, []
            # They are closed by those who use them: another may get their numbers by then.
            for each in self._used:
                each.interrupt()
        for each in idle:
            each.close()

    async def _connected(self, turn: Turn) -> Connection:
        """One to the first of the server's addresses where somebody answers."""
        found = await places(self._host, self._port, turn)
        for number, (family, place) in enumerate(found, 1):
            connection = Connection(family, place)
            try:
                with self._lock:
                    self._check()
                    self._used.add(connection)
                await connection.open(turn.share(len(found) - number + 1))
            except OSError:
                self.drop(connection)
                if number == len(found):
                    raise
            except BaseException:
                self.drop(connection)
                raise
            else:
                return connection
        raise OSError(f"{self._host} has no address")

    def _next(self) -> Connection | None:
        with self._lock:
            self._check()
            if not self._idle:
                return None
            connection = self._idle.pop()
            self._used.add(connection)
            return connection

    def _check(self) -> None:
        if self.stopped:
            raise ConnectionError("nobody asks any more")

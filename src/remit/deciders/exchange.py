"""One question and one answer over HTTP, with a deadline that nothing can stretch.

Whoever asks drives the exchange, in their thread or on their loop (`errand`), over a connection
that the last one left behind, whoever that was. So no loop is held up, none has to wake another,
and a server that sends a byte now and then is given up like one that sends none.

Nothing of the environment counts: no proxy, no `.netrc`, no certificates named in
variables. Redirects are not followed, and an answer is an answer only with status
200, whole, and no larger than `LARGEST`.
"""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar
from urllib.parse import SplitResult, quote, urlsplit

from remit.deciders.answer import Malformed
from remit.deciders.connection import Connection, Turn, h11
from remit.deciders.connections import Connections
from remit.deciders.errand import Driver, Errand
from remit.deciders.keeper import Keeper

LARGEST = 1_000_000
"""Bytes of an answer."""

_IN_PATHS = "/%:@!$&'()*+,;=~"

T = TypeVar("T")


class NoAnswer(ConnectionError):
    """The server gave none."""


class Question(NamedTuple):
    """One request to the server."""

    path: str
    body: bytes | None = None
    """Sent with POST; without one it is a GET."""
    headers: Mapping[str, str] = {}


class Exchange:
    """Asks the server at *url*.

    Args:
        url: `https://opa.example`, with a path in front of all others if there is one.
        timeout: seconds from a question to the end of its answer.
        tls: which authorities to trust, and which certificate to show; none: the system's.
        unencrypted: allow plain HTTP to another machine, where anybody in between can answer.

    Raises:
        ValueError: *url* is no address of a server, or unencrypted and elsewhere.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        tls: ssl.SSLContext | None = None,
        unencrypted: bool = False,
    ) -> None:
        if not timeout > 0:
            raise ValueError(f"a timeout is more than 0 seconds, not {timeout}")
        self.url = url.rstrip("/")
        self.timeout = timeout
        parts = _checked(url, unencrypted=unencrypted)
        encrypted = parts.scheme == "https"
        context = (tls or ssl.create_default_context()) if encrypted else None
        host, port = _ascii(parts.hostname or ""), parts.port or (443 if encrypted else 80)
        self._path = quote(parts.path.rstrip("/"), safe=_IN_PATHS)
        named = f"[{host}]" if ":" in host else host
        self._host = f"{named}:{parts.port}" if parts.port else named
        self._keeper = Keeper(lambda: Connections(host, port, context))

    def ask(self, question: Question, read: Callable[[bytes], T]) -> Errand[T]:
        """What *read* makes of the answer."""
        connections = self._keeper.worker
        return Errand(lambda driver: self._ask(connections, question, read, driver))

    async def _ask(
        self,
        connections: Connections,
        question: Question,
        read: Callable[[bytes], T],
        driver: Driver,
    ) -> T:
        turn = Turn(driver, time.monotonic() + self.timeout)
        try:
            answer = await self._insist(connections, question, turn)
        except NoAnswer:
            raise
        except (OSError, h11.ProtocolError) as error:
            raise NoAnswer(self._why(connections, error)) from error
        return read(answer)

    def _why(self, connections: Connections, error: Exception) -> str:
        if connections.stopped:
            return f"{self.url} was let go of before it answered"
        if isinstance(error, TimeoutError):
            return f"{self.url} did not answer within {self.timeout:g} s"
        return f"{self.url} did not answer: {error or type(error).__name__}"

    async def _insist(self, connections: Connections, question: Question, turn: Turn) -> bytes:
        """The answer, asked for twice if a connection breaks.

        One that was kept may have been closed at the other end just now. To ask what would
        be decided changes nothing, so it can be asked again.
        """
        connection = connections.kept() or await connections.open(turn)
        try:
            return await self._answer(connections, connection, question, turn)
        except (NoAnswer, TimeoutError):
            raise
        except (OSError, h11.RemoteProtocolError):
            connection = await connections.open(turn)
            return await self._answer(connections, connection, question, turn)

    async def _answer(
        self, connections: Connections, connection: Connection, question: Question, turn: Turn
    ) -> bytes:
        try:
            await connection.send(self._spoken(connection, question), turn)
            answer = await self._heard(connection, turn)
        except BaseException:
            connections.drop(connection)
            raise
        connections.keep(connection)
        return answer

    def _spoken(self, connection: Connection, question: Question) -> bytes:
        """*question*, as it is sent."""
        body, http = question.body, connection.http
        headers = [
            ("host", self._host),
            ("accept", "application/json"),
            ("accept-encoding", "identity"),
            *question.headers.items(),
        ]
        if body is not None:
            headers.append(("content-length", str(len(body))))
        method = "GET" if body is None else "POST"
        request = h11.Request(method=method, target=self._path + question.path, headers=headers)
        sent = http.send(request) or b""
        if body is not None:
            sent += http.send(h11.Data(data=body)) or b""
        return sent + (http.send(h11.EndOfMessage()) or b"")

    async def _heard(self, connection: Connection, turn: Turn) -> bytes:
        """The answer, once all of it is there."""
        answer, http = bytearray(), connection.http
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await connection.receive(turn))
            elif isinstance(event, h11.Response):
                self._check(event)
            elif isinstance(event, h11.Data):
                answer += event.data
                if len(answer) > LARGEST:
                    raise NoAnswer(f"{self.url} answered with more than {LARGEST} bytes")
            elif isinstance(event, h11.EndOfMessage):
                return bytes(answer)
            elif not isinstance(event, h11.InformationalResponse):
                raise h11.RemoteProtocolError("it hung up")

    def _check(self, response: h11.Response) -> None:
        if response.status_code != 200:
            # A server that is there and will not answer this is not one that is away.
            kind = NoAnswer if response.status_code >= 500 else Malformed
            raise kind(f"{self.url} answered with status {response.status_code}")
        encodings = [value for name, value in response.headers if name == b"content-encoding"]
        if any(encoding.lower() != b"identity" for encoding in encodings):
            raise NoAnswer(f"{self.url} answered in an encoding that was not asked for")

    def close(self) -> None:
        """Let go of the connections; questions without an answer get none."""
        self._keeper.close()


def _checked(url: str, *, unencrypted: bool) -> SplitResult:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is no address of a server; write https://opa.example")
    if parts.username is not None:
        raise ValueError("a password does not belong in an address; use a token")
    if parts.scheme == "http" and not _is_here(host) and not unencrypted:
        raise ValueError(
            f"anybody between here and {host} could answer over plain HTTP; write https, or say "
            "unencrypted=True"
        )
    return parts


def _ascii(host: str) -> str:
    """*host* as servers and certificates call it."""
    return host if host.isascii() else host.encode("idna").decode()


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

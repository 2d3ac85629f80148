"""One question and one answer over HTTP, with a deadline that nothing can stretch.

All questions to one server go through one event loop in a thread of its own. So
callers with a loop and callers without one share its connections, none of them is
held up by another, and a server that sends a byte now and then is given up like
one that sends none.

Nothing of the environment counts: no proxy, no `.netrc`, no certificates named in
variables. Redirects are not followed, and an answer is an answer only with status
200, whole, and no larger than `LARGEST`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

try:
    import httpx2
except ImportError as error:
    raise ImportError("deciding over HTTP needs httpx2: pip install 'remit[opa]'") from error

from remit.deciders.answer import Malformed
from remit.deciders.keeper import Keeper
from remit.deciders.loop import LoopThread

LARGEST = 1_000_000
"""Bytes of an answer."""

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
        self.url = _checked(url, unencrypted=unencrypted)
        self.timeout = timeout
        context = tls or _trusted(self.url)
        self._keeper = Keeper(lambda: _Loop(_client(context)))

    def ask(self, question: Question, read: Callable[[bytes], T]) -> Future[T]:
        """What *read* makes of the answer."""
        loop = self._keeper.worker
        return loop.submit(self._ask(loop, question, read))

    async def _ask(self, loop: _Loop, question: Question, read: Callable[[bytes], T]) -> T:
        try:
            async with asyncio.timeout(self.timeout):
                answer = await _insist(loop.client, self.url, question)
        except TimeoutError as error:
            raise NoAnswer(f"{self.url} did not answer within {self.timeout:g} s") from error
        except httpx2.HTTPError as error:
            raise NoAnswer(f"{self.url} did not answer: {error or type(error).__name__}") from error
        except asyncio.CancelledError as error:
            if loop.stopping:
                raise NoAnswer(f"{self.url} was let go of before it answered") from error
            raise
        return read(answer)

    def close(self) -> None:
        """Let go of the connections; questions without an answer get none."""
        loop = self._keeper.close()
        if loop is not None:
            loop.join()


class _Loop(LoopThread):
    """The loop that the client lives in."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client
        super().__init__("remit-exchange", client.aclose)


async def _insist(client: httpx2.AsyncClient, url: str, question: Question) -> bytes:
    """The answer, asked for twice if a connection breaks.

    One that was kept may have been closed at the other end just now. To ask what would
    be decided changes nothing, so it can be asked again.
    """
    try:
        return await _answer(client, url, question)
    except (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError):
        return await _answer(client, url, question)


async def _answer(client: httpx2.AsyncClient, url: str, question: Question) -> bytes:
    answer = bytearray()
    async with client.stream(
        "GET" if question.body is None else "POST",
        url + question.path,
        content=question.body,
        headers=dict(question.headers),
    ) as response:
        if response.status_code != 200:
            # A server that is there and will not answer this is not one that is away.
            kind = NoAnswer if response.status_code >= 500 else Malformed
            raise kind(f"{url} answered with status {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise NoAnswer(f"{url} answered in an encoding that was not asked for")
        async for part in response.aiter_raw():
            answer += part
            if len(answer) > LARGEST:
                raise NoAnswer(f"{url} answered with more than {LARGEST} bytes")
    return bytes(answer)


def _client(tls: ssl.SSLContext) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        headers={"accept": "application/json", "accept-encoding": "identity"},
        verify=tls,
        # Each of these is for one step of an exchange; the deadline is for all of it.
        timeout=None,
        trust_env=False,
        follow_redirects=False,
    )


def _trusted(url: str) -> ssl.SSLContext:
    if url.startswith("https:"):
        return ssl.create_default_context()
    # Reading the system's authorities takes a while. Without encryption nobody is trusted.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _checked(url: str, *, unencrypted: bool) -> str:
    """*url* without the slash at its end."""
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
    return url.rstrip("/")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

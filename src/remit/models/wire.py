"""An HTTP response on its way to the client that asked, whichever httpx that uses.

What is changed is changed here, in the bytes: whatever a client makes of them, a model, a
stream, the raw response, is made of what the caller may have.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any

import msgspec

from remit.errors import Unavailable
from remit.models.exchange import Exchange
from remit.models.flow import Abandoned, ByteFlow, Flow
from remit.ports import Ports, finish

_OF_THE_BYTES = frozenset({"content-encoding", "content-length", "transfer-encoding"})


async def passed(response: Any, exchange: Exchange, ports: Ports) -> Any:
    """The response that the caller may have.

    Raises:
        Blocked: it is none.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        flow = ByteFlow(Flow(exchange, ports), hides_counts=exchange.asked.hides_counts)
        return _again(response, stream=_body(response, flow))
    if kind != "application/json" and not kind.endswith("+json"):
        await exchange.opaque(kind, ports)
        return response
    content = await _content(response)
    try:
        body = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        if exchange.alters:
            await exchange.end(ports, error=error)
            raise Unavailable("the model's answer cannot be read") from error
        body = None
    if not isinstance(body, dict):
        await exchange.opaque(kind, ports)
        return response
    given = await exchange.answered(body, ports)
    return _again(response, content=msgspec.json.encode(given)) if exchange.alters else response


async def _content(response: Any) -> bytes:
    found = response.read() if hasattr(response.stream, "__iter__") else response.aread()
    content: bytes = await found if hasattr(found, "__await__") else found
    return content


def _again(response: Any, **body: Any) -> Any:
    """*response* with another body."""
    headers = [
        (name, value)
        for name, value in response.headers.multi_items()
        if name.lower() not in _OF_THE_BYTES
    ]
    made = _httpx(response).Response(
        response.status_code,
        headers=headers,
        request=response.request,
        extensions=response.extensions,
        history=response.history,
        default_encoding=response.default_encoding,
        **body,
    )
    if (elapsed := vars(response).get("_elapsed")) is not None:
        made.elapsed = elapsed
    return made


def _httpx(response: Any) -> Any:
    """The package that *response* is from."""
    for base in type(response).__mro__:
        package = base.__module__.partition(".")[0]
        if base.__name__ == "Response" and hasattr(sys.modules.get(package), "SyncByteStream"):
            return sys.modules[package]
    raise Unavailable(f"a {type(response).__qualname__} is no response that can be read here")


def _body(response: Any, flow: ByteFlow) -> Any:
    """What *response* streams, after *flow*; its httpx knows bodies by their bases."""
    httpx = _httpx(response)
    if isinstance(response.stream, httpx.SyncByteStream):
        return _kind(_Body, httpx.SyncByteStream)(response, flow)
    return _kind(_AsyncBody, httpx.AsyncByteStream)(response, flow)


@cache
def _kind(body: type, base: type) -> Any:
    return type(body.__name__, (body, base), {})


class _Body:
    def __init__(self, response: Any, flow: ByteFlow) -> None:
        self._response = response
        self._flow = flow

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._response.iter_bytes():
                if given := finish(self._flow.feed(chunk)):
                    yield given
            if given := finish(self._flow.finish()):
                yield given
        except GeneratorExit:
            finish(self._flow.end(Abandoned()))
            raise
        except BaseException as error:
            finish(self._flow.end(error))
            raise

    def close(self) -> None:
        self._response.close()
        finish(self._flow.end(Abandoned()))


class _AsyncBody:
    def __init__(self, response: Any, flow: ByteFlow) -> None:
        self._response = response
        self._flow = flow

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.aiter_bytes():
                if given := await self._flow.feed(chunk):
                    yield given
            if given := await self._flow.finish():
                yield given
        except GeneratorExit:
            await self._flow.end(Abandoned())
            raise
        except BaseException as error:
            await self._flow.end(error)
            raise

    async def aclose(self) -> None:
        await self._response.aclose()
        await self._flow.end(Abandoned())

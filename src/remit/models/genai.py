"""Google's client, in which every call goes through one method of each kind."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from functools import wraps
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import msgspec

from remit.models.dialects import Gemini
from remit.models.driving import exchanged
from remit.models.exchange import Exchange
from remit.models.flow import Abandoned, Flow
from remit.models.seams import Expected, Patches
from remit.models.terms import Asked, Terms
from remit.ports import Ports, finish

_GEMINI = Gemini()
_PATH = re.compile(r"(?:^|/)models/([^/:]+):(\w+)$")
_NAMES = {
    "generateContent": "generate_content",
    "streamGenerateContent": "generate_content",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
    "countTokens": "count_tokens",
    "computeTokens": "count_tokens",
}


class GenAI:
    """The seam of `google-genai`."""

    module = "google.genai._api_client"

    def __init__(self) -> None:
        self._patches = Patches()
        self._terms: Callable[[], Terms] = Terms

    def open(self, module: ModuleType, terms: Callable[[], Terms]) -> None:
        """Put watching in place."""
        expected = Expected(module)
        parameters = ("http_request", "http_options", "stream")
        expected.method("BaseApiClient._request", *parameters)
        expected.method("BaseApiClient._async_request", *parameters, asynchronous=True)
        for name in ("request", "request_streamed"):
            expected.method(f"BaseApiClient.{name}", calls="_request")
            later = f"BaseApiClient.async_{name}"
            expected.method(later, asynchronous=True, calls="_async_request")
        expected.method("HttpResponse.segments")
        expected.has("HttpResponse.async_segments")
        expected.require("google-genai")
        self._terms = terms
        client = module.BaseApiClient
        for name, replaced in (("_request", self._sending), ("_async_request", self._asending)):
            self._patches.put(client, name, replaced(getattr(client, name)))

    def close(self) -> None:
        """Put the package back as it was."""
        self._patches.undo()

    def _sending(self, original: Any) -> Any:
        @wraps(original)
        def send(
            client: Any,
            http_request: Any,
            http_options: Any = None,
            stream: bool = False,  # noqa: FBT001, FBT002 - as the method it stands for
        ) -> Any:
            exchange = self._exchange(http_request, streams=stream)
            if exchange is None:
                return original(client, http_request, http_options, stream)
            ports = exchange.guard.ports

            async def sent() -> Any:
                answer = original(client, http_request, http_options, stream)
                return await _passed(answer, exchange, ports)

            return finish(exchanged(exchange, ports, sent))

        return send

    def _asending(self, original: Any) -> Any:
        @wraps(original)
        async def send(
            client: Any,
            http_request: Any,
            http_options: Any = None,
            stream: bool = False,  # noqa: FBT001, FBT002 - as the method it stands for
        ) -> Any:
            exchange = self._exchange(http_request, streams=stream)
            if exchange is None:
                return await original(client, http_request, http_options, stream)
            ports = exchange.guard.async_ports

            async def sent() -> Any:
                answer = await original(client, http_request, http_options, stream)
                return await _passed(answer, exchange, ports)

            return await exchanged(exchange, ports, sent)

        return send

    def _exchange(self, request: Any, *, streams: bool) -> Exchange | None:
        """The exchange that sending *request* is, if it is one."""
        address = urlsplit(request.url)
        found = _PATH.search(address.path)
        if found is None or not isinstance(request.data, Mapping):
            return None
        model, method = found.groups()
        terms = self._terms()
        if terms.checks:
            # What is decided on is what is sent, whoever else holds on to what was given.
            request.data = msgspec.json.decode(msgspec.json.encode(request.data))
        name = _NAMES.get(method, method)
        asked = Asked(
            "google-genai",
            name,
            _GEMINI,
            request.data,
            model,
            streams=streams,
            server=address.hostname or "",
            counts=name != "count_tokens",
        )
        return Exchange(asked, terms)


async def _passed(answer: Any, exchange: Exchange, ports: Ports) -> Any:
    """*answer* as the caller may have it."""
    exchange.heard_of = True
    if exchange.asked.streams:
        flow = Flow(exchange, ports)
        answer.segments = _segments(answer.segments, flow)
        answer.async_segments = _asegments(answer.async_segments, flow)
        return answer
    text = answer.response_stream[0] if answer.response_stream else ""
    try:
        body = msgspec.json.decode(text) if text else None
    except msgspec.DecodeError:
        body = None
    if not isinstance(body, dict):
        await exchange.opaque("an answer that cannot be read", ports)
        return answer
    given = await exchange.answered(body, ports)
    if exchange.alters:
        answer.response_stream = [msgspec.json.encode(given).decode()]
    return answer


def _segments(segments: Callable[[], Iterable[Any]], flow: Flow) -> Callable[[], Iterator[Any]]:
    """*segments*, of which the caller gets what it may have."""

    def passing() -> Iterator[Any]:
        try:
            for event in segments():
                yield from finish(flow.take(event))
            yield from finish(flow.finish())
        except GeneratorExit:
            finish(flow.end(Abandoned()))
            raise
        except BaseException as error:
            finish(flow.end(error))
            raise

    return passing


def _asegments(
    segments: Callable[[], AsyncIterable[Any]], flow: Flow
) -> Callable[[], AsyncIterator[Any]]:
    """The same, for those that come asynchronously."""

    async def passing() -> AsyncIterator[Any]:
        try:
            async for event in segments():
                for each in await flow.take(event):
                    yield each
            for each in await flow.finish():
                yield each
        except GeneratorExit:
            await flow.end(Abandoned())
            raise
        except BaseException as error:
            await flow.end(error)
            raise

    return passing

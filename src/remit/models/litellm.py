"""LiteLLM, which speaks to many providers: with its own HTTP handlers, or with their packages.

Watched are the handlers, by what they send, and the package of OpenAI, which it uses for OpenAI
and for whoever offers the same. It makes errors of its own out of all it sees raised; a
refusal is handed to the caller in their place.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import msgspec

from remit.errors import Blocked
from remit.models.dialects import Chat, Dialect, Gemini, Messages, Responses
from remit.models.driving import exchanged
from remit.models.exchange import Exchange
from remit.models.seams import Expected, Patches
from remit.models.terms import Asked, Terms
from remit.models.wire import passed
from remit.ports import finish

_HANDLERS = "litellm.llms.custom_httpx.http_handler"
_ERRORS = "litellm.litellm_core_utils.exception_mapping_utils"
_PATHS: tuple[tuple[re.Pattern[str], str, Dialect], ...] = tuple(
    (re.compile(pattern + "$"), name, dialect)
    for pattern, name, dialect in (
        (r"/chat/completions", "chat", Chat()),
        (r"/completions", "text_completion", Chat()),
        (r"/embeddings", "embeddings", Chat()),
        (r"/responses", "chat", Responses()),
        (r"/messages", "chat", Messages()),
        (r"/([^/:]+):(?:generateContent|streamGenerateContent)", "generate_content", Gemini()),
        (r"/([^/:]+):(?:batchEmbedContents|embedContent)", "embeddings", Gemini()),
        (r"/model/([^/]+)/(?:converse|converse-stream|invoke|invoke-with-response-stream)",
         "chat", Messages()),
    )
)  # fmt: skip
_OTHER = Chat()
_DEEPEST = 8
"""Errors made of errors that are looked through for a refusal."""


class LiteLLM:
    """The seam of `litellm`; a module that is imported when the handlers have been."""

    module = "litellm.main"

    def __init__(self) -> None:
        self._patches = Patches()
        self._terms: Callable[[], Terms] = Terms

    def open(self, module: ModuleType, terms: Callable[[], Terms]) -> None:
        """Put watching in place."""
        handlers, mapping = sys.modules.get(_HANDLERS, module), sys.modules.get(_ERRORS, module)
        expected = Expected(handlers)
        given = ("url", "data", "json", "stream", "content")
        expected.method("HTTPHandler.post", *given)
        expected.method("AsyncHTTPHandler.post", *given, asynchronous=True)
        expected.require("litellm")
        errors = Expected(mapping)
        errors.method("exception_type", "original_exception")
        errors.require("litellm")
        self._terms = terms
        sync, later = handlers.HTTPHandler, handlers.AsyncHTTPHandler
        self._patches.put(sync, "post", self._sending(sync.post))
        self._patches.put(later, "post", self._asending(later.post))
        self._replace_mapping(mapping.exception_type)

    def close(self) -> None:
        """Put the package back as it was."""
        self._patches.undo()

    def _replace_mapping(self, original: Any) -> None:
        """Have refusals come out as they are, wherever errors are made of what was raised."""
        refusing = _refusing(original)
        for name, module in tuple(sys.modules.items()):
            mine = name == "litellm" or name.startswith("litellm.")
            if mine and vars(module).get("exception_type") is original:
                self._patches.put(module, "exception_type", refusing)

    def _sending(self, original: Any) -> Any:
        @wraps(original)
        def post(handler: Any, url: str, *args: Any, **rest: Any) -> Any:
            exchange, rest = self._exchange(url, _named(args, rest))
            if exchange is None:
                return original(handler, url, **rest)
            ports = exchange.guard.ports

            async def sent() -> Any:
                response = original(handler, url, **rest)
                exchange.heard_of = True
                return await passed(response, exchange, ports)

            return finish(exchanged(exchange, ports, sent))

        return post

    def _asending(self, original: Any) -> Any:
        @wraps(original)
        async def post(handler: Any, url: str, *args: Any, **rest: Any) -> Any:
            exchange, rest = self._exchange(url, _named(args, rest))
            if exchange is None:
                return await original(handler, url, **rest)
            ports = exchange.guard.async_ports

            async def sent() -> Any:
                response = await original(handler, url, **rest)
                exchange.heard_of = True
                return await passed(response, exchange, ports)

            return await exchanged(exchange, ports, sent)

        return post

    def _exchange(self, url: str, given: dict[str, Any]) -> tuple[Exchange | None, dict[str, Any]]:
        """The exchange that posting *given* is, if it is one, and what to post."""
        body = _body(given)
        address = urlsplit(str(url))
        found = _operation(address.path)
        if body is None or (found is None and not body.get("model")):
            return None, given
        operation, dialect, model = found or (address.path.strip("/"), _OTHER, "")
        terms = self._terms()
        if terms.checks:
            # What is decided on is what is sent, whoever else holds on to what was given.
            given = {**given, "json": None, "content": None, "data": msgspec.json.encode(body)}
        provider = vars(given.get("logging_obj") or object).get("custom_llm_provider")
        asked = Asked(
            str(provider or "litellm"),
            operation,
            dialect,
            body,
            str(body.get("model") or model),
            streams=bool(given.get("stream")),
            server=address.hostname or "",
        )
        return Exchange(asked, terms), given


_POSITIONS = ("data", "json", "params", "headers", "timeout", "stream")


def _named(args: tuple[Any, ...], rest: dict[str, Any]) -> dict[str, Any]:
    return {**dict(zip(_POSITIONS, args, strict=False)), **rest}


def _body(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """What will be posted, as a copy."""
    body = next(
        (given[name] for name in ("json", "data", "content") if given.get(name) is not None), None
    )
    try:
        text = body if isinstance(body, str | bytes) else msgspec.json.encode(body)
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, TypeError):
        return None
    return found if isinstance(found, dict) else None


def _operation(path: str) -> tuple[str, Dialect, str] | None:
    for pattern, name, dialect in _PATHS:
        if (found := pattern.search(path)) is not None:
            return name, dialect, found[1] if found.groups() else ""
    return None


def _refusing(original: Any) -> Any:
    @wraps(original)
    def exception_type(*args: Any, **kwargs: Any) -> Any:
        error = kwargs.get("original_exception", args[1] if len(args) > 1 else None)
        refused = _refusal(error)
        if refused is None:
            return original(*args, **kwargs)
        # In a stream it raises what there is no use in asking another model for, and nothing else.
        refused.__dict__["status_code"] = 403
        return refused

    return exception_type


def _refusal(error: BaseException | None) -> Blocked | None:
    """The refusal that *error* was made of."""
    for _ in range(_DEEPEST):
        if error is None or isinstance(error, Blocked):
            return error
        error = error.__cause__ or error.__context__
    return None

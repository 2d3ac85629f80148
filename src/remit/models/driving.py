"""An exchange, from asking to the answer that the caller gets; written once for both drivers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from remit.models.exchange import Exchange
from remit.ports import Ports

_under_way: ContextVar[Exchange | None] = ContextVar("remit_exchange", default=None)

under_way = _under_way.get
"""The exchange whose answer the client is about to get here, if that is one we know of."""


async def exchanged(exchange: Exchange, ports: Ports, send: Callable[[], Any]) -> Any:
    """What *send* comes to, if the model may be asked.

    Raises:
        Blocked: it may not, and nothing has been sent; or the caller may not have the answer.
    """
    await exchange.begin(ports)
    token = _under_way.set(exchange)
    try:
        value = send()
        if hasattr(value, "__await__"):
            value = await value
    except BaseException as error:
        await exchange.end(ports, error=error)
        raise
    finally:
        _under_way.reset(token)
    if not exchange.heard_of:
        await exchange.opaque("an answer that no provider has given here", ports)
    return value


@contextmanager
def unwatched() -> Iterator[None]:
    """What is sent inside is no call of a model."""
    token = _under_way.set(None)
    try:
        yield
    finally:
        _under_way.reset(token)

"""The two ways in which a client is used, behind one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any


async def got(value: Any) -> Any:
    return await value if hasattr(value, "__await__") else value


async def one_by_one(items: Any) -> AsyncIterator[Any]:
    if hasattr(items, "__aiter__"):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


async def each(items: Any) -> list[Any]:
    return [item async for item in one_by_one(items)]


@asynccontextmanager
async def opened(manager: Any) -> Any:
    if hasattr(manager, "__aenter__"):
        async with manager as inner:
            yield inner
    else:
        with manager as inner:
            yield inner


def run(body: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """A synchronous client inside a running loop is as good as one without."""
    return asyncio.run(body())

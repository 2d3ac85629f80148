"""The two ways in which a client is used, behind one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any


async def got(value: Any) -> Any:
    return await value if hasattr(value, "__await__") else value


async def each(items: Any) -> list[Any]:
    if hasattr(items, "__aiter__"):
        return [item async for item in items]
    return list(items)


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

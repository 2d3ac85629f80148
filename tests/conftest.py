"""The three ways a call can be driven, and what most tests need to make one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from remit.guard import Guard
from remit.model import Request


def sync(guard: Guard, request: Request, execute: Callable[[], Any]) -> Any:
    return guard.call(request, execute)


def in_a_loop(guard: Guard, request: Request, execute: Callable[[], Any]) -> Any:
    async def slowly() -> Any:
        await asyncio.sleep(0)
        return execute()

    async def run() -> Any:
        return await guard.acall(request, slowly)

    return asyncio.run(run())


def sync_inside_a_loop(guard: Guard, request: Request, execute: Callable[[], Any]) -> Any:
    async def run() -> Any:
        return guard.call(request, execute)

    return asyncio.run(run())


@pytest.fixture(params=[sync, in_a_loop, sync_inside_a_loop], ids=lambda driver: driver.__name__)
def call(request: pytest.FixtureRequest) -> Callable[[Guard, Request, Callable[[], Any]], Any]:
    """Every property below holds however the call is driven."""
    return request.param

"""How an executor is used: set up once for all who use it at a time, checked, and told apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from remit.compat.aegis.adapters.base import BaseExecutor
from remit.compat.aegis.core.action import Action
from remit.compat.aegis.core.result import Result, ResultStatus

NOT_VERIFIED = "Post-execution verification failed"


class ActionFailed(Exception):
    """An executor says that an action has failed."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.error or "the executor gives no reason")
        self.result = result


class Users:
    """Counts who uses an executor, so that nobody tears down what another still needs."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def using(self, executor: BaseExecutor) -> AsyncIterator[None]:
        """Have *executor* set up inside the block."""
        await self.begin(executor)
        try:
            yield
        finally:
            await self.end(executor)

    async def begin(self, executor: BaseExecutor) -> None:
        """One more user."""
        async with self._lock:
            if not self._count:
                await executor.setup()
            self._count += 1

    async def end(self, executor: BaseExecutor) -> None:
        """One less."""
        async with self._lock:
            self._count -= 1
            if not self._count:
                await executor.teardown()


async def carry_out(executor: BaseExecutor, action: Action) -> Result:
    """What *executor* makes of *action*.

    Raises:
        ActionFailed: it has failed.
        TypeError: the executor answered with something else than a result.
    """
    result = await executor.execute(action)
    if not isinstance(result, Result):
        raise TypeError(f"the executor answered with a {type(result).__name__}, not a Result")
    if result.ok and await executor.verify(action, result) is not True:
        result.status, result.error = ResultStatus.FAILED, NOT_VERIFIED
    if not result.ok:
        raise ActionFailed(result)
    return result

"""How an executor is used: set up once for all who use it at a time, checked, and told apart."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import msgspec

from remit.compat.aegis.adapters.base import BaseExecutor
from remit.compat.aegis.core.action import Action
from remit.compat.aegis.core.result import Result, ResultStatus
from remit.model import Request

NOT_VERIFIED = "Post-execution verification failed"


class ActionFailed(Exception):
    """An executor says that an action has failed."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.error or "the executor gives no reason")
        self.result = result


class Ended(msgspec.Struct, frozen=True):
    """How an action ended, or why it did not begin."""

    status: ResultStatus
    data: Any = None
    error: str | None = None
    result: Result | None = None
    """What the executor has made of it, where it has failed."""

    @property
    def ok(self) -> bool:
        """Whether it ran and did what it should."""
        return self.status is ResultStatus.SUCCESS


class Users:
    """Counts who uses an executor, so that nobody tears down what another still needs."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = asyncio.Lock()

    def using(self, executor: BaseExecutor) -> Use:
        """Have *executor* set up inside the block."""
        return Use(self, executor)

    async def begin(self, executor: BaseExecutor) -> None:
        """One more user."""
        if is_always_ready(executor):
            return
        async with self._lock:
            if not self._count:
                await executor.setup()
            self._count += 1

    async def end(self, executor: BaseExecutor) -> None:
        """One less."""
        if is_always_ready(executor):
            return
        async with self._lock:
            self._count -= 1
            if not self._count:
                await executor.teardown()


def is_always_ready(executor: BaseExecutor) -> bool:
    """Whether it has nothing to set up, and so nobody to wait for."""
    begins, ends = executor.setup, executor.teardown
    return (
        getattr(begins, "__func__", None) is BaseExecutor.setup
        and getattr(ends, "__func__", None) is BaseExecutor.teardown
    )


class Use:
    """A block in which an executor is set up."""

    __slots__ = ("_executor", "_users")

    def __init__(self, users: Users, executor: BaseExecutor) -> None:
        self._users = users
        self._executor = executor

    async def __aenter__(self) -> None:
        await self._users.begin(self._executor)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._users.end(self._executor)


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


def result_of(action: Action, ended: Ended, request: Request) -> Result:
    """What became of *action*, which *request* is about, now that it is over."""
    now = datetime.now(UTC)
    ran = ended.status in {ResultStatus.SUCCESS, ResultStatus.FAILED}
    begun = datetime.fromtimestamp(request.at / 1e9, UTC) if ran else now
    return Result(action, ended.status, ended.data, ended.error, begun, now)

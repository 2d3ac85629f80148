"""One connection to PostgreSQL, and the event loop it lives in.

A session is used by one thread at a time, and its loop runs only while that
thread waits for an answer. So it serves callers that have a loop of their own
and callers that have none, and nothing goes on behind anybody's back.

Nothing hangs: the server gives up a statement, a lock or a forgotten
transaction, and the client gives up the server. After anything went wrong the
connection is let go of, and the next question opens another.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Any, TypeAlias, TypeVar

try:
    # It ships no type information, and is not there for whoever has not asked for it.
    import asyncpg  # type: ignore[import-not-found, import-untyped, unused-ignore]
except ImportError as error:
    raise ImportError("PostgreSQL needs asyncpg: pip install 'remit[postgres]'") from error

from remit.databases.postgres_address import Address, Unreachable

Connection: TypeAlias = Any
T = TypeVar("T")
Work: TypeAlias = Callable[[Connection], Coroutine[Any, Any, T]]

REFUSED: tuple[type[Exception], ...] = (asyncpg.SyntaxOrAccessError, asyncpg.DataError)
"""What a server says of tables that are not the expected ones."""

_LOST: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    OSError,
)

_NOT_LOST: tuple[type[Exception], ...] = (
    Unreachable,
    TimeoutError,
    ValueError,
    asyncpg.QueryCanceledError,
)


_inherited: list[object] = []
"""Loops and connections of a parent that forked in the middle of reading, never to be touched."""


class Session:
    """Answers questions to the database at *address*, one after the other."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: Connection = None
        self._process = os.getpid()

    def run(self, work: Work[T]) -> T:
        """What *work* answers.

        A connection that is lost is replaced once, and *work* begins anew: it must
        stand being done again after having been done.
        """

        async def twice() -> T:
            try:
                return await self._attempt(work)
            except Exception as error:
                await self._drop()
                if isinstance(error, _NOT_LOST) or not isinstance(error, _LOST):
                    raise
            return await self._attempt(work)

        return _here_or_beside(lambda: self._step(twice()))

    def go_on(self, work: Work[T]) -> T:
        """What *work* answers, on the connection that is there and on no other."""
        return _here_or_beside(lambda: self._step(self._attempt(work, self._connection)))

    def close(self) -> None:
        """Let go of the connection; a transaction that was not committed never was."""
        if self._loop is None:
            return
        if self._process != os.getpid():
            # What a loop lets go of here, it would let go of in the parent.
            _inherited.append((self._loop, self._connection))
            return
        _here_or_beside(self._part)

    async def _attempt(self, work: Work[T], connection: Connection = None) -> T:
        if connection is None:
            connection = await self._open()
        most = self.address.patience * 3
        try:
            # The server gives up first, unless it is gone.
            async with asyncio.timeout(most):
                return await work(connection)
        except TimeoutError as error:
            raise TimeoutError(f"{self.address} did not answer within {most:g} s") from error

    async def _open(self) -> Connection:
        if self._connection is not None:
            return self._connection
        address = self.address
        try:
            self._connection = await asyncpg.connect(
                address.dsn, timeout=address.patience, server_settings=address.settings()
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            why = str(error) or f"no answer within {address.patience:g} s"
            raise Unreachable(f"{address} cannot be reached: {why}") from error
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    def _step(self, flow: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        try:
            return self._loop.run_until_complete(flow)
        except BaseException:
            self._let_go()
            raise

    def _part(self) -> None:
        connection = self._connection
        if connection is not None:
            with suppress(Exception):
                self._step(connection.close(timeout=1))
        self._let_go()

    def _let_go(self) -> None:
        loop, self._loop = self._loop, None
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
        if loop is None:
            return
        loop.run_until_complete(_settle(asyncio.all_tasks(loop)))
        loop.close()


async def _settle(pending: set[asyncio.Task[Any]]) -> None:
    """Let what was cancelled or closed take notice."""
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending)
    await asyncio.sleep(0)


def _here_or_beside(work: Callable[[], T]) -> T:
    """Do *work* in this thread, unless a loop runs here: two cannot run in one thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    future: Future[T] = Future()
    thread = Thread(target=_answer, args=(future, work), daemon=True)
    thread.start()
    thread.join()
    return future.result()


def _answer(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - the thread that waits raises it
        future.set_exception(error)

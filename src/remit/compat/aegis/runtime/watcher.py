"""`PolicyWatcher`: has a runtime follow the files that its policy was loaded from."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from remit.compat.aegis.core.policy import Policy
from remit.compat.aegis.runtime.engine import Runtime
from remit.compat.aegis.runtime.hooks import tell
from remit.sources import StrPath

SETTLE = 0.05
"""Seconds for which files must stay as they are: editors write in several steps."""

_log = logging.getLogger(__name__)


class PolicyWatcher:
    """Looks at the files every *interval* seconds, and takes over what they say.

    Args:
        runtime: whose policy it is.
        policy_path: the file. If the policy was merged from several and this is one of them, all
            are followed, and merged again as they were.
        interval: seconds between two looks.
        on_reload: is given each policy that was taken over.

    Raises:
        ValueError: part of the policy is from no file, and would be gone after a reload.
    """

    def __init__(
        self,
        runtime: Runtime,
        policy_path: StrPath,
        interval: float = 1.0,
        on_reload: Callable[[Policy], Awaitable[None] | None] | None = None,
    ) -> None:
        self.runtime = runtime
        self.interval = interval
        self.on_reload = on_reload
        if runtime.policy.mixed:
            raise ValueError("part of the policy is from no file; merge files: from_yaml_files")
        loaded = runtime.policy.sources
        names = [path.resolve() for path in loaded]
        # What was loaded may have changed since; what was not is taken over when it changes.
        known = Path(policy_path).resolve() in names
        self.paths = loaded if known else (Path(policy_path),)
        self._seen = None if known else self._look()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Follow the files from now on."""
        if self._task is None:
            self._task = asyncio.create_task(self._follow(), name="remit-aegis-watch")

    async def stop(self) -> None:
        """Follow them no more. The policy stays as it is."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _look(self) -> list[bytes | None]:
        """What is in the files; a change is one of content, whatever the clock says."""
        return [_content(path) for path in self.paths]

    async def _follow(self) -> None:
        while True:
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001 - the files are followed on, whatever it is
                _log.error("policy kept as it was: %s", error)
            await asyncio.sleep(self.interval)

    async def refresh(self) -> None:
        """Look at the files now, and take over what has changed.

        Raises:
            PolicyError: they make no policy; the one there was stays.
            Unavailable: the change could not be recorded; it is tried again at the next look.
        """
        now = await asyncio.to_thread(self._look)
        if now == self._seen:
            return
        while (later := await self._settled()) != now:
            now = later
        before, self._seen = self._seen, now
        policy = await asyncio.to_thread(Policy.from_yaml_files, *self.paths)
        if policy.digest == self.runtime.policy.digest:
            return
        try:
            await asyncio.to_thread(self.runtime.update_policy, policy)
        except BaseException:
            self._seen = before
            raise
        _log.info("policy replaced: now %s", policy.digest)
        await tell(self.on_reload, policy)

    async def _settled(self) -> list[bytes | None]:
        await asyncio.sleep(SETTLE)
        return await asyncio.to_thread(self._look)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None

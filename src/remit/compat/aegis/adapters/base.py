"""What carries actions out."""

from __future__ import annotations

from abc import ABC, abstractmethod

from remit.compat.aegis.core.action import Action
from remit.compat.aegis.core.result import Result


class BaseExecutor(ABC):
    """Carries out actions that have been decided on. It decides nothing itself."""

    @abstractmethod
    async def execute(self, action: Action) -> Result:
        """Do it. The parameters are those that were decided on."""

    async def verify(self, action: Action, result: Result) -> bool:
        """Whether it has come to what it should."""
        del action
        return result.ok

    async def setup(self) -> None:  # noqa: B027 - there may be nothing to do
        """Get ready. Called once, before the first action of those that run at a time."""

    async def teardown(self) -> None:  # noqa: B027 - there may be nothing to do
        """Clean up. Called once, after the last of them."""

"""`Agent`: what the control plane knows of a registered agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from remit.compat.execlave.client import Execlave

ACTIVE, PAUSED = "active", "paused"


class Agent:
    """A registered agent. `Execlave.register_agent` gives it."""

    def __init__(self, exe: Execlave, data: Mapping[str, Any]) -> None:
        self._exe = exe
        self._data = dict(data)
        self.id: str = self._data.get("id", "")
        self.agent_id: str = self._data.get("agentId", "")
        self.name: str = self._data.get("name", "")
        self.environment: str = self._data.get("environment", "")

    @property
    def status(self) -> str:
        """`active`, or `paused`; as of now, and not of when it was registered."""
        return self._exe.check_agent_status(self.agent_id)

    @property
    def is_paused(self) -> bool:
        """Whether the kill switch is on for it."""
        return self.status == PAUSED

    def refresh_status(self) -> str:
        """The same as `status`, which is never old."""
        return self.status

    def __repr__(self) -> str:
        return f"Agent({self.agent_id!r}, {self.status!r})"

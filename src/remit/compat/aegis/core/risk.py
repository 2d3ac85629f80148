"""How bad it would be if an action were wrong."""

from __future__ import annotations

from enum import IntEnum

from remit.model import Risk


class RiskLevel(IntEnum):
    """In ascending order."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def risk(self) -> Risk:
        """How we call it."""
        return Risk[self.name]

"""How a command ends."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the shell is told."""

    OK = 0
    FAILED = 1
    """Findings, failed cases, a denial, a log that is not whole."""
    USAGE = 2
    """The command line cannot be understood."""
    INVALID = 3
    """A policy, a test or other input cannot be used."""
    UNREADABLE = 4
    """The ledger cannot be read."""
    INTERRUPTED = 130
    UNHEARD = 141
    """Whoever read the output has gone."""


class Stop(Exception):
    """Ends the command with one line on standard error."""

    def __init__(self, code: Exit, message: str) -> None:
        self.code = code
        super().__init__(message)

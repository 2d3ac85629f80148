"""The guard that the facade goes through: the program's, which redacts and refuses Waxell's way."""

from __future__ import annotations

from remit.compat.waxell.scrub import DISCHARGES, amend
from remit.compat.waxell.verdicts import violation
from remit.default import recording_guard
from remit.guard import Guard

_made: tuple[Guard, Guard] | None = None


def guard() -> Guard:
    """It, as of now: a program may use another later."""
    global _made  # noqa: PLW0603 - kept as long as the program's guard is the same
    program = recording_guard()
    if _made is None or _made[0] is not program:
        ours = program.replace(amend=amend, discharges=DISCHARGES, refused=violation)
        _made = (program, ours)
    return _made[1]

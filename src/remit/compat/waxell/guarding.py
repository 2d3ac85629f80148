"""The guard that the facade goes through: one of ours, which redacts and refuses Waxell's way."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from remit.compat.waxell.scrub import DISCHARGES, amend
from remit.compat.waxell.verdicts import violation
from remit.default import recording_guard
from remit.guard import Guard
from remit.runs.telling import current_run

_made: WeakKeyDictionary[Guard, Guard] = WeakKeyDictionary()


def guard() -> Guard:
    """That of the program, as of now: it may use another later."""
    return _ours(recording_guard())


def guard_of_runs() -> Guard:
    """That of the run under way, in which another begins; or that of the program."""
    around = current_run()
    return guard() if around is None else _ours(around.guard)


def _ours(of: Guard) -> Guard:
    if of.refused is violation:
        return of
    if (made := _made.get(of)) is None:
        made = of.replace(amend=amend, discharges=DISCHARGES, refused=violation)
        _made[of] = made
    return made

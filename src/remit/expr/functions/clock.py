"""Times of the day and days of the week, where people live."""

from __future__ import annotations

import re

from remit.expr.errors import EvalError
from remit.expr.function import function
from remit.expr.functions.moments import local_time, zone
from remit.expr.values import Timestamp, show

_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|(24):(00)")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _minutes(text: str) -> int:
    """Minutes after midnight."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise EvalError(f"{show(text)} is no time of day; write '06:00', or '24:00' for its end")
    hours, minutes = filter(None, match.groups())
    return int(hours) * 60 + int(minutes)


@function(
    "within_hours(timestamp, string, string, string) -> bool",
    literals={1: _minutes, 2: _minutes, 3: zone},
)
def within_hours(moment: Timestamp, start: str, end: str, where: str) -> bool:
    """Whether the clocks of a zone show *start* or later, and not yet *end*.

    A start later than the end means a night: 22:00 to 06:00 crosses midnight.
    What counts is what the clocks show: an hour that is shown twice when
    summer time ends counts twice, one that is skipped never comes. The same
    time twice is an error, for it could mean always or never.
    """
    first, last = _minutes(start), _minutes(end)
    if first == last:
        raise EvalError(f"{start} to {end} could mean always or never")
    local = local_time(moment, where)
    shown = local.hour * 60 + local.minute
    if first < last:
        return first <= shown < last
    return shown >= first or shown < last


@function("weekday(timestamp, string) -> string", literals={1: zone})
def weekday(moment: Timestamp, where: str) -> str:
    """The day of the week in a zone: mon, tue, wed, thu, fri, sat or sun."""
    return _DAYS[local_time(moment, where).weekday()]


FUNCTIONS = (*within_hours, *weekday)

"""When what is used now stops counting.

What is used in the last 24 hours cannot be known without a time for every use. So uses
are counted together by sixtieths of the period, and count until the last of them is a
whole period ago: never less than the period, and at most a sixtieth longer.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from remit.expr.functions.moments import zone
from remit.model import Period

SECOND = 10**9

PARTS = 60
"""Stretches of a period whose uses are counted together."""

FOREVER = 2**63 - 1
"""Until when something counts that is taken back: what is set aside for a call under way."""


def until(period: Period, now: int) -> int:
    """When what is used *now* stops counting, in nanoseconds of Unix time."""
    if period.calendar:
        return _turn(period, now)
    if not period.seconds:
        return FOREVER
    length = period.seconds * SECOND
    part = length // PARTS
    return (now // part + 1) * part + length


def _turn(period: Period, now: int) -> int:
    """When the day, the week or the month is over."""
    clock = zone(period.zone)
    today = datetime.fromtimestamp(now // SECOND, UTC).astimezone(clock).date()
    midnight = datetime.combine(_next(period.calendar, today), time.min, clock)
    return int(midnight.astimezone(UTC).timestamp()) * SECOND


def _next(calendar: str, today: date) -> date:
    """The first day of the next day, week or month."""
    if calendar == "day":
        return today + timedelta(days=1)
    if calendar == "week":
        return today + timedelta(days=7 - today.weekday())
    return (today.replace(day=1) + timedelta(days=32)).replace(day=1)

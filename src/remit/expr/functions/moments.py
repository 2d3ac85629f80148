"""Timestamps and durations: reading, spelling, and their parts in a time zone.

A zone is a name of the IANA database (`Europe/Berlin`), or an offset
(`+02:00`). Without one, it is UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from remit.expr.errors import EvalError
from remit.expr.function import Function, function
from remit.expr.functions.operators import duration, timestamp
from remit.expr.values import Duration, Timestamp, show

SECOND = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_OFFSET = re.compile(r"([+-]?)([0-9]{2}):([0-9]{2})")
_SPAN = re.compile(r"([0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(h|ms|m|s|us|\u00b5s|\u03bcs|ns)")
_UNITS = {
    "h": 3600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
    "ms": 10**6,
    "us": 1000,
    "\u00b5s": 1000,
    "\u03bcs": 1000,
    "ns": 1,
}


@function("timestamp(string) -> timestamp")
def read_timestamp(text: str) -> Timestamp:
    """The moment that RFC 3339 text names: `2026-03-01T12:00:00Z`."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise EvalError(f"{show(text)} is no timestamp; write '2026-03-01T12:00:00Z'")
    *numbers, fraction, offset = match.groups()
    zone = UTC if offset in "Zz" else _offset(offset)
    try:
        whole = datetime(*map(int, numbers), tzinfo=zone)  # type: ignore[misc,arg-type]
    except ValueError as error:
        raise EvalError(f"{show(text)} is no timestamp: {error}") from None
    nanos = int((fraction or "0").ljust(9, "0"))
    return timestamp((whole - _EPOCH) // timedelta(seconds=1) * SECOND + nanos)


@function("timestamp(int) -> timestamp")
def timestamp_of_int(seconds: int) -> Timestamp:
    """The moment so many seconds after 1970."""
    return timestamp(seconds * SECOND)


@function("timestamp(timestamp) -> timestamp")
def same_timestamp(moment: Timestamp) -> Timestamp:
    """The moment itself."""
    return moment


@function("duration(string) -> duration")
def read_duration(text: str) -> Duration:
    """The span that numbers with units name: `1h30m`, `1.5s`, `-10ms`. No time at all is `0`."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return duration(0)
    nanos, at = 0, 0
    while match := _SPAN.match(rest, at):
        whole, _, fraction = match[1].partition(".")
        unit = _UNITS[match[2]]
        nanos += int(whole or "0") * unit + int(fraction or "0") * unit // 10 ** len(fraction)
        at = match.end()
    if at != len(rest) or (not at and rest):
        raise EvalError(f"{show(text)} is no duration; write '1h30m' or '10s'")
    if not rest:
        raise EvalError("an empty text is no duration; write '1h30m' or '10s'")
    return duration(-nanos if text[0] == "-" else nanos)


@function("duration(duration) -> duration")
def same_duration(span: Duration) -> Duration:
    """The span itself."""
    return span


def spell_timestamp(nanos: int) -> str:
    """The moment after RFC 3339, in UTC, with as many decimals as there are."""
    seconds, rest = divmod(nanos, SECOND)
    whole = (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
    return f"{whole}{_fraction(rest)}Z"


def spell_duration(nanos: int) -> str:
    """The span in seconds: `90s`, `1.5s`."""
    seconds, rest = divmod(abs(nanos), SECOND)
    return f"{'-' if nanos < 0 else ''}{seconds}{_fraction(rest)}s"


def _fraction(nanos: int) -> str:
    return f".{nanos:09d}".rstrip("0") if nanos else ""


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """The time zone of this name.

    Raises:
        EvalError: there is none.
    """
    if match := _OFFSET.fullmatch(name):
        return _offset(match[0])
    # Imported when a condition names a zone: it reads the database of the system.
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise EvalError(f"there is no time zone {show(name)}") from None


def _offset(text: str) -> timezone:
    match = _OFFSET.fullmatch(text)
    minutes = int(match[2]) * 60 + int(match[3]) if match else 1440
    if match is None or minutes >= 1440:
        raise EvalError(f"{show(text)} is no offset from UTC")
    return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes))


def local_time(moment: Timestamp, name: str = "UTC") -> datetime:
    """The moment on the clocks of a zone, to the second."""
    try:
        return (_EPOCH + timedelta(seconds=moment.nanos // SECOND)).astimezone(zone(name))
    except OverflowError:
        raise EvalError("timestamp out of range: the years are 1 to 9999") from None


def _part(name: str, read: Callable[[datetime], int]) -> tuple[Function, ...]:
    def part(moment: Timestamp, where: str = "UTC") -> int:
        return read(local_time(moment, where))

    part.__doc__ = f"The {_MEANING[name]} of a moment, in UTC or the zone given."
    declare = function(
        f"timestamp.{name}() -> int", f"timestamp.{name}(string) -> int", literals={1: zone}
    )
    return declare(part)


_MEANING = {
    "getFullYear": "year",
    "getMonth": "month, from 0,",
    "getDate": "day of the month, from 1,",
    "getDayOfMonth": "day of the month, from 0,",
    "getDayOfWeek": "day of the week, from Sunday, 0,",
    "getDayOfYear": "day of the year, from 0,",
    "getHours": "hour",
    "getMinutes": "minute",
    "getSeconds": "second",
}


@function(
    "timestamp.getMilliseconds() -> int",
    "timestamp.getMilliseconds(string) -> int",
    literals={1: zone},
)
def milliseconds_of(moment: Timestamp, _: str = "") -> int:
    """The milliseconds past the second."""
    return moment.nanos % SECOND // 10**6


@function("duration.getHours() -> int")
def hours_of(span: Duration) -> int:
    """Whole hours of the span."""
    return _whole(span.nanos, 3600 * SECOND)


@function("duration.getMinutes() -> int")
def minutes_of(span: Duration) -> int:
    """Whole minutes of the span."""
    return _whole(span.nanos, 60 * SECOND)


@function("duration.getSeconds() -> int")
def seconds_of(span: Duration) -> int:
    """Whole seconds of the span."""
    return _whole(span.nanos, SECOND)


@function("duration.getMilliseconds() -> int")
def span_milliseconds(span: Duration) -> int:
    """The milliseconds past the second."""
    return _whole(span.nanos, 10**6) - 1000 * _whole(span.nanos, SECOND)


def _whole(nanos: int, unit: int) -> int:
    return nanos // unit if nanos >= 0 else -(-nanos // unit)


FUNCTIONS = (
    *read_timestamp,
    *timestamp_of_int,
    *same_timestamp,
    *read_duration,
    *same_duration,
    *_part("getFullYear", lambda moment: moment.year),
    *_part("getMonth", lambda moment: moment.month - 1),
    *_part("getDate", lambda moment: moment.day),
    *_part("getDayOfMonth", lambda moment: moment.day - 1),
    *_part("getDayOfWeek", lambda moment: moment.isoweekday() % 7),
    *_part("getDayOfYear", lambda moment: moment.timetuple().tm_yday - 1),
    *_part("getHours", lambda moment: moment.hour),
    *_part("getMinutes", lambda moment: moment.minute),
    *_part("getSeconds", lambda moment: moment.second),
    *milliseconds_of,
    *hours_of,
    *minutes_of,
    *seconds_of,
    *span_milliseconds,
)

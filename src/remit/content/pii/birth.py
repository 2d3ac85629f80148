"""Dates of birth: a date is one where words say so."""

from __future__ import annotations

import re
from datetime import date

from remit.content.pattern import personal

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


def _is_birthday(text: str) -> bool:
    """Whether *text* is a day on which somebody alive may have been born."""
    month = next((at for at, name in enumerate(_MONTHS, 1) if name in text.lower()), 0)
    numbers = [int(each) for each in re.findall("[0-9]+", text)]
    year = max(numbers)
    days = [each for each in numbers if each != year] or [year]
    if month:
        return _is_day(year, month, days[0])
    return _is_day(year, days[0], days[-1]) or _is_day(year, days[-1], days[0])


def _is_day(year: int, month: int, day: int) -> bool:
    if year < 100:
        year += 1900
    try:
        return 1900 <= date(year, month, day).year < 2100
    except ValueError:
        return False


_BORN = (
    r"(?:\b(?:born|birth\s?date|date of birth|dob|d\.o\.b|birth\s?day|geboren|geburtsdatum|"
    r"n(?:e|ee) le|date de naissance|nat[oa] il|data di nascita|nascid[oa]|data de nascimento|"
    r"nacid[oa]|fecha de nacimiento)\b|birth_?(?:date|day)|date_?of_?birth|"
    r"\xe5\x87\xba\xe7\x94\x9f|\xe7\x94\x9f\xe5\xb9\xb4\xe6\x9c\x88\xe6\x97\xa5)"
)
_MONTH = rf"(?:{'|'.join(_MONTHS)})[a-z]{{0,6}}"
_DATE = (
    r"(\d{4}[-/. ]\d{1,2}[-/. ]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}|"
    rf"\d{{1,2}}(?:st|nd|rd|th|\.)?(?: of)? {_MONTH}\.?,? \d{{4}}|"
    rf"{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}})"
)

PATTERNS = (
    personal(
        "date_of_birth",
        r"(?i)" + _BORN + r"[^\n\d]{0,20}?" + _DATE,
        cue=r"(?i)" + _BORN,
        accept=_is_birthday,
    ),
)

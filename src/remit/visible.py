"""What somebody else wrote, as it is shown: whatever a terminal would obey or hide is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec


def visible(text: str) -> str:
    """*text* with everything a terminal would obey or hide written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def json_line(value: Any) -> str:
    """*value* as JSON in one line, with nothing in it that a terminal would obey or hide."""
    return json_text(msgspec.json.encode(value))


def json_text(encoded: bytes) -> str:
    """JSON with its hidden characters as escapes; it means the same."""
    # Outside of strings JSON is ASCII, so an escape put for such a character means the same.
    return re.sub(r"[^\x20-\x7e\n]", _escape, encoded.decode())


def literal(value: Any) -> str:
    """A text as it is, and any other value as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def facts_line(facts: Mapping[str, Any], longest: int) -> str:
    """*facts* in a line of at most *longest* characters: `read, output={"tickets":3}`.

    What is called `name` needs no name; `seconds` is shown by whoever draws the line.
    """
    text = ", ".join(_named(facts))
    return text if len(text) <= longest else text[: longest - 1] + "…"


def shown(microseconds: int) -> str:
    """Unix time in microseconds as ISO 8601 in UTC."""
    try:
        at = datetime.fromtimestamp(microseconds // 10**6, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{microseconds} µs"
    return f"{at:%Y-%m-%dT%H:%M:%S}.{microseconds % 10**6:06d}Z"


def _named(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, value in facts.items():
        if name != "seconds":
            text = literal(value)
            yield text if name == "name" else f"{name}={text}"


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    if char.isprintable():
        return char
    units = char.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))

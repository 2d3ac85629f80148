"""Which files a call is about, however its arguments spell them.

A rule about paths sees every argument that is called like one or reads like one, with
schemes, escapes, backslashes, doubled slashes and invisible characters taken away.
`..` stays: that it is there is what the rule looks for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from remit.policy.names import spell

NAMES = frozenset(
    {
        "cwd", "dest", "destination", "dir", "directory", "dst", "file", "file_path", "filename",
        "filepath", "files", "folder", "path", "paths", "resource_path", "source", "src",
    }
)  # fmt: skip
"""What arguments that hold paths are called."""

LONGEST = 4096
"""No file is called by more characters, so a longer text is no path by its looks."""

_LOOKS = re.compile(r"\s*(file:|~|\.{0,2}[/\\]|[A-Za-z]:[/\\]|[^/\\\s]+[/\\]\.\.)", re.IGNORECASE)
_SCHEME = re.compile(r"^file:(//[^/]*(?=/))?")


def find(args: Mapping[str, Any], resource_path: str | None = None) -> tuple[str, ...]:
    """The paths in *args*, and the one that is named beside them, each once and plain."""
    found = [] if resource_path is None else [resource_path]
    for name, value in args.items():
        if type(value) not in _NUMBERS:
            _look(value, name, found)
    return tuple(dict.fromkeys(map(plain, found))) if found else ()


def plain(path: str) -> str:
    """*path* as rules see it."""
    text = spell(path[:LONGEST])
    for _ in range(3):
        text = unquote(text)
    text = _SCHEME.sub("", spell(text)).replace("\\", "/")
    text = re.sub(r"/(\./|/)+", "/", text)
    return re.sub(r"^(\./)+", "", text).rstrip("/ ") or text[:1]


def _look(value: Any, name: str, found: list[str]) -> None:
    """Add the paths in *value*, which is called *name*, to what is *found*."""
    if isinstance(value, str):
        if name in NAMES or name.lower() in NAMES or _reads_like_one(value):
            found.append(value)
    elif isinstance(value, dict | Mapping):
        for key, item in value.items():
            _look(item, key, found)
    elif isinstance(value, list | tuple):
        for item in value:
            _look(item, name, found)


_NUMBERS = frozenset({int, float, bool})


def _reads_like_one(text: str) -> bool:
    if "/" not in text and "\\" not in text and "~" not in text and ":" not in text:
        # None of the ways in which a path looks like one goes without all of these.
        return False
    return len(text) <= LONGEST and "\n" not in text and _LOOKS.match(text) is not None

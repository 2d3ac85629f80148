"""Which files a call is about, however its arguments spell them.

A rule about paths sees every argument that is called like one or reads like one, with
schemes, escapes, backslashes, doubled slashes and invisible characters taken away.
`..` stays: that it is there is what the rule looks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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
    given = () if resource_path is None else (resource_path,)
    return tuple(dict.fromkeys(plain(path) for path in (*given, *_in(args, ""))))


def plain(path: str) -> str:
    """*path* as rules see it."""
    text = spell(path[:LONGEST])
    for _ in range(3):
        text = unquote(text)
    text = _SCHEME.sub("", spell(text)).replace("\\", "/")
    text = re.sub(r"/(\./|/)+", "/", text)
    return re.sub(r"^(\./)+", "", text).rstrip("/ ") or text[:1]


def _in(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _in(item, key)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _in(item, name)
    elif isinstance(value, str) and (name.lower() in NAMES or _reads_like_one(value)):
        yield value


def _reads_like_one(text: str) -> bool:
    return len(text) <= LONGEST and "\n" not in text and _LOOKS.match(text) is not None

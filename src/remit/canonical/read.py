"""JSON text from outside, as data that every reader reads alike."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from remit.errors import NotData


def read(text: str | bytes) -> Any:
    """The value *text* says, before it is frozen.

    What readers disagree on is no data: a member that is there twice, NaN and infinities.

    Raises:
        NotData: it is not JSON, or says different things to different readers.
    """
    try:
        source = text if isinstance(text, str) else text.decode()
        return json.loads(source, object_pairs_hook=_members, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        if isinstance(error, NotData):
            raise
        raise NotData("", f"is not JSON: {error}") from error


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotData("", f"has the member {twice!r} more than once")
    return members


def _constant(name: str) -> NoReturn:
    raise NotData("", f"has the number {name}, which is none in JSON")

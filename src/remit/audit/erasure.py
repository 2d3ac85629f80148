"""What a log says about payloads that were erased from it.

The record is `changed`, with the action `payload.erased`. Its arguments say which records
(`0-57,60`), how many, what was asked for and why, and repeat nothing of what is gone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeAlias

ACTION = "payload.erased"

Span: TypeAlias = tuple[int, int]
"""The first record, and the one behind the last."""

_SPANS = re.compile(r"\d{1,18}(-\d{1,18})?(,\d{1,18}(-\d{1,18})?)*", re.ASCII)


def told(indexes: Iterable[int]) -> str:
    """Ascending *indexes* as a record has them: `0-57,60`."""
    return ",".join(
        f"{first}" if end == first + 1 else f"{first}-{end - 1}" for first, end in runs(indexes)
    )


def runs(indexes: Iterable[int]) -> Iterator[Span]:
    """The spans of neighbours among ascending *indexes*."""
    first = end = -1
    for index in indexes:
        if index != end:
            if end >= 0:
                yield first, end
            first = index
        end = index + 1
    if end >= 0:
        yield first, end


def read(details: dict[str, Any], index: int) -> list[Span]:
    """Which records before it record *index* says were erased; none if that cannot be read."""
    args = details.get("args")
    text = args.get("records") if isinstance(args, dict) else None
    if not isinstance(text, str) or not _SPANS.fullmatch(text):
        return []
    spans = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        spans.append((int(first), min(int(last or first) + 1, index)))
    return spans


def split(missing: Iterable[Span], accounted: Iterable[Span]) -> Iterator[tuple[Span, bool]]:
    """The spans *missing*, cut where *accounted* begins or ends, and whether it covers them."""
    known = _merged(accounted)
    ends = [end for _, end in known]
    for first, end in missing:
        at = first
        for start, stop in islice(known, bisect_right(ends, first), None):
            if start >= end:
                break
            if at < start:
                yield (at, start), False
            yield (max(at, start), min(stop, end)), True
            at = min(stop, end)
        if at < end:
            yield (at, end), False


def _merged(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for first, end in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif first < end:
            found.append((first, end))
    return found

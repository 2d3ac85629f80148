"""Where a character of a YAML value stands in the text that the value was written as.

Folding, indentation and line breaks change white space only. So the n-th
character of the value that is not white space is the n-th such character of
its source, once quotes, block headers and escapes are set aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

_IN_DOUBLE = re.compile(r"\\(?:x..|u....|U........|\r?\n|.)|.", re.DOTALL)
_IN_SINGLE = re.compile(r"''|.", re.DOTALL)
_BLANK_ESCAPES = frozenset(rf"\{char}" for char in "ntrvf_NLP \n") | {"\\\r\n"}


def index_of(offset: int, value: str, source: str) -> int:
    """The place in *source* of the character at *offset* of *value*."""
    places = _places(source)
    before = value[:offset]
    nth = len("".join(before.split()))
    if nth < len(places):
        return places[nth]
    # Past the end: the white space between the last character and the offset.
    return places[-1] + 1 + len(before) - len(before.rstrip()) if places else 0


@lru_cache(16)
def _places(source: str) -> tuple[int, ...]:
    """Those of `_visible`: a long condition may be pointed into many times."""
    return tuple(_visible(source))


def _visible(source: str) -> Iterator[int]:
    """The places in *source* of the characters that are part of the value and not white space."""
    style = source[:1]
    if style in {"'", '"'}:
        parts = (_IN_DOUBLE if style == '"' else _IN_SINGLE).finditer(source, 1, len(source) - 1)
        return (
            part.start()
            for part in parts
            if not part[0].isspace() and part[0] not in _BLANK_ESCAPES
        )
    body = source.find("\n") + 1 if style in {"|", ">"} else 0
    return (index for index in range(body, len(source)) if not source[index].isspace())

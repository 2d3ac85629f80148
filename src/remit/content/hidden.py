"""Text that a model reads and a person does not see: invisible, reordered or concealed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from remit.content.finding import Finding, Kind

TYPE = "hidden_text"

_INVISIBLE = (
    "\u00ad\u034f\u061c\u180b-\u180e\u200b-\u200f\u2060-\u2064\u206a-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0100-\U000e01ef"
)
_SIGNS = re.compile(
    # Tags spell ASCII text that nothing draws. After a black flag they are the flag of a region.
    "(?P<flag>\U0001f3f4[\U000e0020-\U000e007f]{1,8})|(?P<tags>[\U000e0000-\U000e007f]+)"
    f"|(?P<run>[{_INVISIBLE}]{{6,}})"
    "|(?P<override>[\u202d\u202e])|(?P<embedding>[\u202a\u202b\u2066-\u2068])"
    "|(?P<split>(?<=[A-Za-z0-9])[\u200b\u2060-\u2064\ufeff\u00ad]+(?=[A-Za-z0-9]))"
    r"|(?P<concealed>\x1b\[(?:[0-9]{1,2};){0,4}8m)"
)
_CONFIDENCE = {
    "tags": 0.95, "run": 0.9, "override": 0.8, "embedding": 0.6, "split": 0.5, "concealed": 0.8
}  # fmt: skip


class HiddenText:
    """Finds it in the text as it was given, where nothing has been folded away yet."""

    def find(self, text: str, /) -> Iterator[Finding]:
        """Each run of characters that hides something."""
        if text.isascii() and "\x1b" not in text:
            return
        rightward: bool | None = None
        for found in _SIGNS.finditer(text):
            sign = found.lastgroup or "flag"
            if sign == "embedding":
                # Where a text is written from right to left, these only keep it in order.
                if rightward is None:
                    rightward = _reads_from_right(text)
                if rightward:
                    continue
            if sign in _CONFIDENCE:
                yield Finding(TYPE, Kind.INJECTION, *found.span(), _CONFIDENCE[sign])


def _reads_from_right(text: str) -> bool:
    return any(unicodedata.bidirectional(each) in {"R", "AL"} for each in set(text))

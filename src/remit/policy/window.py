"""`valid:` -> the window of time in which a rule is there at all."""

from __future__ import annotations

from remit.policy import moment
from remit.policy.fields import Fields
from remit.policy.keys import MOMENT, Key, Shape
from remit.policy.rule import ALWAYS, Window

WINDOW = Shape(
    "a window",
    {
        "from": Key(MOMENT, "The moment from which on it is there; a date means midnight in UTC."),
        "until": Key(MOMENT, "The moment from which on it is no longer there."),
    },
)


def read_window(fields: Fields) -> Window:
    """The window under `valid`; without one, always."""
    if "valid" not in fields:
        return ALWAYS
    inner = fields.shaped("valid", WINDOW)
    if inner.there and not inner.members:
        fields.fail("valid", "an empty window says nothing; write 'from', 'until' or both")
    window = Window(_moment(inner, "from"), _moment(inner, "until"))
    if window.never:
        inner.fail("until", "this window ends before it begins; 'until' is later than 'from'")
    return window


def _moment(fields: Fields, key: str) -> int | None:
    text = fields.text(key)
    if not text:
        return None
    found = moment.parse(text)
    if found is None:
        fields.fail(key, f"{text!r} is no moment; {moment.CURE}")
    return found

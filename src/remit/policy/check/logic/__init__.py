"""What conditions can be at once: can a request make this one true, and that one not?

The answer "no" is certain. What a condition does beyond comparing something
with a constant is taken for a thing that may be true, false or an error; it
is the same thing wherever the same is written.

    places   what a part of a condition is about, and which values it can have
    atoms    which values make a comparison true, false, an error
    texts    sets of texts; `values`, sets of values
    worlds   and, or, not: the cases in which a condition comes out as wanted
"""

from __future__ import annotations

from remit.policy.check.logic.values import Values
from remit.policy.check.logic.worlds import (
    Outcome,
    World,
    Worlds,
    apart,
    constant_at,
    left_of,
    possible,
)

__all__ = ["Outcome", "Values", "World", "Worlds", "apart", "constant_at", "left_of", "possible"]

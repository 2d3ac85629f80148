"""`used("spend").cost` in conditions: what a limit has counted, known when it is asked for.

A policy looks nothing up. Where a condition asks what is not in the request, evaluation
stops at `Unmet`, and the decision is a denial that `wants` to know it. Whoever has a meter
puts the answer into the request and asks again.
"""

from __future__ import annotations

from typing import Any

from remit.expr.function import Function

NAME = "used"


class Unmet(BaseException):
    """A condition asks what a limit has counted, and the request does not say it.

    No `Exception`: a condition absorbs those where the language says so, and this is no
    error of the condition.
    """

    def __init__(self, limit: str) -> None:
        self.limit = limit
        super().__init__(f"what was used of the limit {limit!r} is not known here")


def _used(request: Any, limit: str) -> Any:
    known = request.used.get(limit)
    if known is None:
        raise Unmet(limit)
    return known


USED = Function(
    f"{NAME}(string) -> dyn",
    _used,
    "What a limit has counted so far, by unit.",
    reads_activation=True,
)

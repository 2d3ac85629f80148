"""What a proportion of few cases is worth."""

from __future__ import annotations

from math import sqrt

Z95 = 1.959964


def wilson(hits: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a proportion, by Wilson's score."""
    if not total:
        return 0.0, 1.0
    share, square = hits / total, Z95 * Z95
    middle = (share + square / (2 * total)) / (1 + square / total)
    spread = sqrt(share * (1 - share) / total + square / (4 * total * total))
    spread *= Z95 / (1 + square / total)
    return max(0.0, middle - spread), min(1.0, middle + spread)


def shown(hits: int, total: int) -> str:
    """`12/15   80.0 %  [54.8, 93.0]`."""
    if not total:
        return "-"
    low, high = wilson(hits, total)
    return f"{hits}/{total}  {100 * hits / total:.1f} %  [{100 * low:.1f}, {100 * high:.1f}]"

"""Sets of texts: some texts, or all that have and lack certain features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from remit.expr.functions.patterns import compiled

Feature: TypeAlias = tuple[str, str]
"""What a text may have: `("startsWith", "/srv")`, `("<", "b")`; `("lower", "")` is to
have no letter from A to Z."""

_HAS: Mapping[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
    "matches": lambda text, pattern: compiled(pattern).found(text),
    "<": str.__lt__,
    "<=": str.__le__,
    ">": str.__gt__,
    ">=": str.__ge__,
    "lower": lambda text, _: not any("A" <= char <= "Z" for char in text),
    "upper": lambda text, _: not any("a" <= char <= "z" for char in text),
}
_PARTS = frozenset({"startsWith", "endsWith", "contains"})
_CASES = frozenset({"lower", "upper"})


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of *only* (None: all texts) with every feature *wanted* and none *unwanted*."""

    only: frozenset[str] | None = None
    but: frozenset[str] = frozenset()
    """Texts that are not in the set; only used where *only* is None."""
    wanted: frozenset[Feature] = frozenset()
    unwanted: frozenset[Feature] = frozenset()

    def meet(self, other: Texts) -> Texts:
        """What is in both sets."""
        if self.only is not None and not self.only:
            return self
        if other.only is not None and not other.only:
            return other
        wanted, unwanted = self.wanted | other.wanted, self.unwanted | other.unwanted
        but = self.but | other.but
        given = [texts for texts in (self.only, other.only) if texts is not None]
        if not given:
            return Texts(None, but, wanted, unwanted)
        left = frozenset(
            text
            for text in frozenset.intersection(*given) - but
            if all(_has(text, feature) for feature in wanted)
            and not any(_has(text, feature) for feature in unwanted)
        )
        return Texts(left)

    @property
    def empty(self) -> bool:
        """Whether there is surely no text in the set."""
        if self.only is not None:
            return not self.only
        return any(_exclude(one, other) for one in self.wanted for other in self.wanted) or any(
            _implies(one, other) for one in self.wanted for other in self.unwanted
        )


ALL = Texts()
NONE = Texts(frozenset())


def _has(text: str, feature: Feature) -> bool:
    name, operand = feature
    return _HAS[name](text, operand)


def _exclude(one: Feature, other: Feature) -> bool:
    """Whether no text has both."""
    (name, operand), (also, limit) = one, other
    if name == also == "startsWith":
        return not (operand.startswith(limit) or limit.startswith(operand))
    if name == also == "endsWith":
        return not (operand.endswith(limit) or limit.endswith(operand))
    if name in _PARTS and also in _CASES:
        return not _has(operand, other)
    if name in {">", ">="} and also in {"<", "<="}:
        return operand > limit or (operand == limit and (name, also) != (">=", "<="))
    # All texts with a prefix stand between the prefix and whatever is greater at its length.
    if name == "startsWith" and also in {"<", "<="}:
        return operand > limit
    if name == "startsWith" and also in {">", ">="}:
        return operand < limit[: len(operand)]
    return False


def _implies(one: Feature, other: Feature) -> bool:
    """Whether every text that has *one* has the *other*."""
    (name, operand), (also, _) = one, other
    if name not in _PARTS or also not in _PARTS:
        return one == other
    return _has(operand, other) and (also in {name, "contains"})

"""What is no data, and passes by policy."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Opaque:
    """Which arguments are no data: they pass through untouched, and policy sees their type."""

    names: frozenset[str] = frozenset()
    types: tuple[type, ...] = ()

    @classmethod
    def of(cls, declared: Collection[str | type]) -> Opaque:
        """Sort names from types."""
        return cls(
            frozenset(item for item in declared if isinstance(item, str)),
            tuple(item for item in declared if isinstance(item, type)),
        )

    def __or__(self, other: Opaque) -> Opaque:
        return Opaque(self.names | other.names, self.types + other.types)

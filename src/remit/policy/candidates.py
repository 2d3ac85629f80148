"""The rules that may apply to one action, arranged in the order they are consulted.

Documents are layers. The denials of all layers come first, with the whole of
every first-match layer, since any of them may end the matter; then what asks,
then what allows, then what only monitors. A candidate's place in that order is
its bit: a set of candidates is an integer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from remit.policy.rule import Default, Document, Mode, Order, Rule, RuleEffect


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule of a layer, and the bits of its patterns; no bits stand for any name."""

    rule: Rule
    label: str
    """How decisions call it: its id, after the document's name where there are several."""
    layer: int
    monitored: bool
    """It only reports what it would do."""
    action: int
    subject: int
    resource: int

    @property
    def strict(self) -> bool:
        """Whether it applies when that cannot be told."""
        return self.rule.effect is not RuleEffect.ALLOW


@dataclass(frozen=True, slots=True)
class Layer:
    """What one document contributes: ranges of bits, in the order they are consulted."""

    prefix: str
    """What the labels of its rules begin with."""
    default: Default
    first_match: bool
    denials: range
    """For a first-match layer, all of its rules."""
    asks: range
    allows: range


Errors: TypeAlias = tuple[tuple[int, str], ...]
"""What went wrong in which candidate, by its bit."""


class Arrangement(NamedTuple):
    """Candidates in the order they are consulted, and which of them are whose."""

    candidates: tuple[Candidate, ...]
    layers: tuple[Layer, ...]
    monitors: range


def arrange(documents: Sequence[Document], candidates: Iterable[Candidate]) -> Arrangement:
    """The arrangement of *candidates*, given in the order of the policy."""
    found = list(candidates)
    order: list[Candidate] = []

    def take(layer: int, effect: RuleEffect | None) -> range:
        """Move what layer *layer* holds of *effect* (None: all) into the order."""
        start = len(order)
        order.extend(
            candidate
            for candidate in found
            if candidate.layer == layer
            and not candidate.monitored
            and effect in {None, candidate.rule.effect}
        )
        return range(start, len(order))

    enforced = [i for i, document in enumerate(documents) if document.mode is Mode.ENFORCE]
    nothing = range(0)
    first = {i for i in enforced if documents[i].order is Order.FIRST_MATCH}
    denials = {i: take(i, None if i in first else RuleEffect.DENY) for i in enforced}
    asks = {i: nothing if i in first else take(i, RuleEffect.ASK) for i in enforced}
    allows = {i: nothing if i in first else take(i, RuleEffect.ALLOW) for i in enforced}
    start = len(order)
    order.extend(c for c in found if c.monitored)
    return Arrangement(
        candidates=tuple(order),
        layers=tuple(
            Layer(
                prefix=prefix(documents, i),
                default=documents[i].default,
                first_match=i in first,
                denials=denials[i],
                asks=asks[i],
                allows=allows[i],
            )
            for i in enforced
        ),
        monitors=range(start, len(order)),
    )


def prefix(documents: Sequence[Document], layer: int) -> str:
    """What the labels of a document's rules begin with: its name, where there are several."""
    return f"{documents[layer].name}/" if len(documents) > 1 else ""


def mask(bits: range) -> int:
    """All of *bits*, as a set."""
    return (1 << bits.stop) - (1 << bits.start) if bits else 0


def ones(bits: int) -> Iterator[int]:
    """The members of a set, in order."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest

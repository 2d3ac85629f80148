"""Documents -> the candidates of any action, found by the raw name and remembered.

What is remembered is bounded: a name nobody has written in a policy costs a
search, never memory that stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from remit.errors import PolicyError
from remit.policy.candidates import Candidate, arrange, ones, prefix
from remit.policy.claim import Metered
from remit.policy.consult import Shape, Vocabularies
from remit.policy.part import Parts
from remit.policy.rule import Document, Mode, RuleEffect
from remit.policy.vocabulary import LONGEST_REMEMBERED, REMEMBERED

SHAPES = 1024
"""Sets of candidates that are kept."""


class Dispatch:
    """From the name of an action to the rules that may apply to it."""

    def __init__(self, documents: Sequence[Document]) -> None:
        _refuse_twins(documents)
        self.documents = tuple(documents)
        self.words = Vocabularies()
        self.candidates: list[Candidate] = []
        """Every rule, in the order of the policy."""
        self.limits: list[Metered] = []
        self._about: dict[int, list[int]] = {}
        self._limited: dict[int, list[int]] = {}
        self.known: dict[str, Shape] = {}
        """The candidates of names that were found before."""
        self._by_candidates: dict[tuple[tuple[int, ...], ...], Shape] = {}
        for layer in range(len(documents)):
            self._add(layer)

    def _add(self, layer: int) -> None:
        document, words = self.documents[layer], self.words
        for limit in document.limits:
            for number in {words.action.number(each, strict=True) for each in limit.action}:
                self._limited.setdefault(number, []).append(len(self.limits))
            self.limits.append(
                Metered(
                    limit=limit,
                    label=f"{document.name}/{limit.id}",
                    monitored=Mode.MONITOR in {document.mode, limit.mode},
                    subject=words.subject.bits(limit.subject, strict=True),
                    resource=words.resource.bits(limit.resource, strict=True),
                )
            )
        for rule in document.rules:
            strict = rule.effect is not RuleEffect.ALLOW
            numbers = {words.action.number(pattern, strict=strict) for pattern in rule.action}
            for number in numbers:
                self._about.setdefault(number, []).append(len(self.candidates))
            self.candidates.append(
                Candidate(
                    rule=rule,
                    label=prefix(self.documents, layer) + rule.id,
                    layer=layer,
                    monitored=Mode.MONITOR in {document.mode, rule.mode},
                    action=sum(1 << number for number in numbers),
                    subject=words.subject.bits(rule.subject, strict=strict),
                    resource=words.resource.bits(rule.resource, strict=strict),
                )
            )

    def find(self, name: str) -> Shape:
        """The candidates of the action called *name*."""
        shape = self.known.get(name)
        if shape is not None:
            return shape
        bits = self.words.action.find(name)
        shape = self._shape(_numbers(bits, self._about), _numbers(bits, self._limited))
        if len(self.known) >= REMEMBERED:
            self.forget()
        if len(name) <= LONGEST_REMEMBERED:
            self.known[name] = shape
        return shape

    def forget(self) -> None:
        """Drop everything that was remembered."""
        self.known.clear()
        self._by_candidates.clear()

    def forget_decisions(self) -> None:
        """Drop the decisions that were remembered, and keep what is known about names."""
        for shape in tuple(self._by_candidates.values()):
            parts = shape.parts
            for each in (shape, *(parts.shapes() if parts else ())):
                each.clear()
                each.decisions.clear()

    def _shape(self, *numbers: tuple[int, ...]) -> Shape:
        """The shape of the candidates and the limits of these *numbers*."""
        shape = self._by_candidates.get(numbers)
        if shape is not None:
            return shape
        if len(self._by_candidates) >= SHAPES:
            self.forget()
        candidates = [self.candidates[number] for number in numbers[0]]
        limits = tuple(self.limits[number] for number in numbers[1])
        shape = Shape(arrange(self.documents, candidates), self.words, limits)
        if Parts.worth(candidates):
            shape.parts = Parts(shape, self.documents, candidates, self.words, limits)
        self._by_candidates[numbers] = shape
        return shape


def _numbers(bits: int, about: Mapping[int, Sequence[int]]) -> tuple[int, ...]:
    """What is *about* any of the patterns in *bits*, in the order of the policy."""
    return tuple(sorted({number for pattern in ones(bits) for number in about.get(pattern, ())}))


def _refuse_twins(documents: Sequence[Document]) -> None:
    files: dict[str, str] = {}
    for document in documents:
        if document.name in files:
            raise PolicyError(
                f"the policy {document.name!r} is already loaded from {files[document.name]}; "
                "give one of them another 'name'",
                file=document.file,
            )
        files[document.name] = document.file

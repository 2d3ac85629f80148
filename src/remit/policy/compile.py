"""Documents -> the candidates of any action, found by the raw name and remembered.

What is remembered is bounded: a name nobody has written in a policy costs a
search, never memory that stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from remit.errors import PolicyError
from remit.policy.candidates import Candidate, arrange, ones, prefix
from remit.policy.consult import Shape, Vocabularies
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
        self._about: dict[int, list[int]] = {}
        self.known: dict[str, Shape] = {}
        """The candidates of names that were found before."""
        self._by_candidates: dict[tuple[int, ...], Shape] = {}
        for layer in range(len(documents)):
            self._add(layer)

    def _add(self, layer: int) -> None:
        document, words = self.documents[layer], self.words
        # First, so that no first-match document allows what nothing counts.
        unmetered = (limit.unmetered for limit in document.limits)
        for rule in (*unmetered, *document.rules):
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
        shape = self._shape(self._numbers(name))
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
            shape.settled.clear()
            shape.decisions.clear()

    def _numbers(self, name: str) -> tuple[int, ...]:
        """The candidates whose action patterns *name* fits, in the order of the policy."""
        found = ones(self.words.action.find(name))
        return tuple(sorted({number for pattern in found for number in self._about[pattern]}))

    def _shape(self, numbers: tuple[int, ...]) -> Shape:
        shape = self._by_candidates.get(numbers)
        if shape is not None:
            return shape
        if len(self._by_candidates) >= SHAPES:
            self.forget()
        found = [self.candidates[number] for number in numbers]
        shape = Shape(arrange(self.documents, found), self.words)
        self._by_candidates[numbers] = shape
        return shape


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

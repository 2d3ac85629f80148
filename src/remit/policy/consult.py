"""Which candidates apply to a request: consulted in order of severity, no further than needed."""

from __future__ import annotations

from dataclasses import dataclass, field

from remit.expr.errors import EvalError
from remit.model import Request
from remit.policy.candidates import Candidate, Errors, Layer, Shape, mask
from remit.policy.vocabulary import Vocabulary


@dataclass(slots=True)
class Vocabularies:
    """The patterns over each field of a request."""

    action: Vocabulary = field(default_factory=Vocabulary)
    subject: Vocabulary = field(default_factory=Vocabulary)
    resource: Vocabulary = field(default_factory=Vocabulary)


def consult(shape: Shape, words: Vocabularies, request: Request, lifted: int) -> tuple[int, Errors]:
    """The candidates of *shape* that apply, as bits, and what went wrong in them.

    *lifted* holds the candidates that approvers have lifted. `fuse` makes the same
    as one piece of code; this is what it must agree with.
    """
    consultation = _Consultation(shape, words, request)
    consultation.enforced(lifted)
    consultation.all(shape.monitors)
    return consultation.bits, tuple(consultation.errors)


class _Consultation:
    __slots__ = ("bits", "errors", "request", "shape", "words")

    def __init__(self, shape: Shape, words: Vocabularies, request: Request) -> None:
        self.shape = shape
        self.words = words
        self.request = request
        self.bits = 0
        self.errors: list[tuple[int, str]] = []

    def enforced(self, lifted: int) -> None:
        layers = self.shape.layers
        for layer in layers:
            if layer.first_match:
                self.first(layer, lifted)
            else:
                self.all(layer.denials)
        if self.bits & self.shape.outright:
            return
        for layer in layers:
            if not self.bits & ~lifted & mask(layer.denials):
                self.all(layer.asks)
        for layer in layers:
            if not self.bits & ~lifted & (mask(layer.denials) | mask(layer.asks)):
                self.all(layer.allows)

    def all(self, bits: range) -> None:
        for bit in bits:
            if self.applies(bit):
                self.bits |= 1 << bit

    def first(self, layer: Layer, lifted: int) -> None:
        """A lifted denial is no match, so the search goes on after it."""
        for bit in layer.denials:
            if not self.applies(bit):
                continue
            self.bits |= 1 << bit
            if not (lifted >> bit & 1 and is_denial(self.shape.candidates[bit])):
                return

    def applies(self, bit: int) -> bool:
        candidate = self.shape.candidates[bit]
        try:
            return self.named(candidate) and self.holds(candidate)
        except EvalError as error:
            self.errors.append((bit, str(error)))
        return candidate.strict

    def named(self, candidate: Candidate) -> bool:
        words, request = self.words, self.request
        return not (
            candidate.subject and not candidate.subject & words.subject.find(str(request.subject))
        ) and not (
            candidate.resource
            and not candidate.resource & words.resource.find(str(request.resource))
        )

    def holds(self, candidate: Candidate) -> bool:
        when = candidate.rule.when
        return when is None or when.program.evaluate(self.request) is True


def is_denial(candidate: Candidate) -> bool:
    """Whether it denies; once lifted it is no match, where a lifted ask allows."""
    return candidate.rule.effect.value == "deny"

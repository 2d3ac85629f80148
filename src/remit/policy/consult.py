"""Which candidates apply to a request: consulted in order of severity, no further than needed.

What the request rules out (`narrow`) is not looked at, and what it makes sure is not
evaluated. What remains is asked one by one, denials first; where a denial stands that
nobody may lift, nobody else is asked, and within a layer an ask stands before what allows.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from remit.expr.errors import EvalError
from remit.model import ApprovalTerms, Decision, Request
from remit.policy.candidates import Arrangement, Errors, Layer, mask, ones
from remit.policy.claim import Metered
from remit.policy.codes import Codes
from remit.policy.looks import End, Form, Kind, Look
from remit.policy.narrow import Narrowing
from remit.policy.rule import RuleEffect
from remit.policy.vocabulary import Fits, Vocabulary

if TYPE_CHECKING:
    from remit.policy.part import Parts

REMEMBERED = 1024
"""Sets of patterns whose candidates are kept."""

MANY = 500
"""Candidates whose set is a long integer, which is slow to look up."""

FIRST = 500
"""Candidates among which the first match is sought first."""


@dataclass(slots=True)
class Vocabularies:
    """The patterns over each field of a request."""

    action: Vocabulary = field(default_factory=Vocabulary)
    subject: Vocabulary = field(default_factory=Vocabulary)
    resource: Vocabulary = field(default_factory=Vocabulary)
    codes: Codes = field(default_factory=Codes)


# A plain tuple: Python takes it apart several times quicker than a named one.
_Phase: TypeAlias = tuple[int, int, bool]
"""Candidates that are asked together; those of which none may stand, or they are not asked;
and whether the first of them that stands is the last to be asked."""


class _Asked(dict[int | tuple[int, int], Decision]):
    """What every request reads, side by side: slots stand in the order of the alphabet.

    It holds the decisions made before where nothing had to be evaluated, by what the request left.
    """

    __slots__ = ("kept", "narrow", "parts")


class Shape(_Asked):
    """The candidates of an action, ready to be consulted. Actions with the same ones share it."""

    # Of many actions asked by turns few are in the processor's caches: kept small, more are.
    __slots__ = (
        "candidates",
        "decisions",
        "deny",
        "layers",
        "limits",
        "monitors",
        "phases",
        "programs",
        "strict",
    )

    def __init__(
        self,
        arrangement: Arrangement,
        words: Vocabularies,
        limits: tuple[Metered, ...],
        fitted: str = "",
    ) -> None:
        """Consulted only about requests whose noun called *fitted* all candidates are about."""
        self.parts: Parts | None = None
        """Smaller shapes to consult instead of this one."""
        self.candidates, self.layers, self.monitors = arrangement
        self.limits = limits
        self.decisions: dict[object, Decision] = {}
        """Decisions made before: without approvals, the candidates that apply settle all of it."""
        candidates = self.candidates
        conditions = [candidate.rule.when for candidate in candidates]
        # A program is compiled when it is first evaluated, and most requests rule most of them out.
        self.programs: tuple[Any, ...] = tuple(when and when.program for when in conditions)
        self.strict = _bits(candidate.strict for candidate in candidates)
        self.deny = _bits(candidate.rule.effect is RuleEffect.DENY for candidate in candidates)
        outright = self.deny & _bits(c.rule.terms is None and not c.monitored for c in candidates)
        phases = (*_phases(self.layers, outright), (mask(self.monitors), 0, False))
        self.phases = tuple(phase for phase in phases if phase[0])
        trees = [when.program.tree if when else None for when in conditions]
        end = self._end(outright)
        patterns = {
            "resource": ([c.resource for c in candidates], words.resource),
            "subject": ([c.subject for c in candidates], words.subject),
        }
        patterns.pop(fitted, None)
        named = [
            look
            for owner, (wanted, vocabulary) in patterns.items()
            for look in _looks(owner, wanted, vocabulary, end)
        ]
        narrowing = Narrowing(trees, named, end, words.codes)
        self.narrow, self.kept = narrowing.take, narrowing.kept
        """What a request does not rule out, and which of these have to be evaluated."""

    def _end(self, outright: int) -> End | None:
        """When some candidates matter no more; None where to know it costs more than it saves."""
        if len(self.candidates) < MANY:
            return None
        monitors = mask(self.monitors)
        if not any(layer.first_match for layer in self.layers):
            denials = sum(mask(layer.denials) for layer in self.layers)
            return End(outright, denials | monitors)
        if len(self.layers) > 1:
            return None
        # A denial that is lifted is none, and the search goes on.
        last = outright | ~self.deny
        first = mask(self.layers[0].denials[:FIRST])
        return End(last & first, first | monitors)

    def consult(
        self, request: Request, possible: int, unsure: int, lifted: int
    ) -> tuple[int, Errors, int]:
        """Which of the *possible* candidates apply, what went wrong in them, and which to evaluate.

        Of *unsure* those are evaluated that still matter; *lifted* holds those that
        approvers have lifted.
        """
        bits = evaluated = 0
        errors: Errors = ()
        for wanted, unless, first_match in self.phases if possible else ():
            standing = bits and bits & unless
            if standing and (not lifted or standing & ~lifted):
                continue
            asked = wanted & possible
            if not first_match:
                bits |= asked & ~unsure if unsure else asked
                asked &= unsure
            evaluated |= asked & unsure
            if asked:
                # A lifted denial is no match, so a search for the first goes on after it.
                passed = lifted & self.deny if first_match else -1
                applying, failed = self._ask(request, asked, unsure, passed)
                bits |= applying
                errors += failed
        return bits, errors, evaluated

    def _ask(self, request: Request, asked: int, unsure: int, passed: int) -> tuple[int, Errors]:
        """Which of *asked* apply, one by one, up to the first that is none of *passed*.

        One that cannot be evaluated counts, if it is strict, and does not end the search:
        something stricter may stand behind it.
        """
        bits = 0
        errors: Errors = ()
        while asked:
            lowest = asked & -asked
            asked ^= lowest
            applies = not lowest & unsure
            if not applies:
                try:
                    applies = self.programs[lowest.bit_length() - 1].evaluate(request) is True
                except EvalError as error:
                    errors += ((lowest.bit_length() - 1, str(error)),)
                    bits |= lowest & self.strict
            if applies:
                bits |= lowest
                if not lowest & passed:
                    break
        return bits, errors

    def bits_of(self, terms: Container[ApprovalTerms]) -> int:
        """The candidates whose terms are among *terms*."""
        return _bits(candidate.rule.terms in terms for candidate in self.candidates)


def _looks(
    owner: str, wanted: Sequence[int], vocabulary: Vocabulary, end: End | None
) -> Iterator[Look]:
    """The look at the name of a noun, if any candidate asks for it."""
    if any(wanted):
        named = _Named(wanted, vocabulary, end)
        form = Form(Kind.NAME, owner, member=False, few=False)
        yield Look(form, left=(vocabulary.nouns, named.known), rare=named)


class _Named:
    """From what a name fits to the candidates it leaves."""

    def __init__(self, wanted: Sequence[int], vocabulary: Vocabulary, end: End | None) -> None:
        self.fits = vocabulary.find_noun
        self.known: dict[Fits, Any] = {}
        self._end = end
        self._any = _bits(not bits for bits in wanted)
        self._wanted: dict[int, int] = {}
        for index, bits in enumerate(wanted):
            for pattern in ones(bits):
                self._wanted[pattern] = self._wanted.get(pattern, 0) | 1 << index
        self._patterns = sum(1 << pattern for pattern in self._wanted)

    def find(self, fits: Fits) -> Any:
        left = self._any
        for pattern in ones(fits.bits & self._patterns):
            left |= self._wanted[pattern]
        if len(self.known) >= REMEMBERED:
            self.known.clear()
        found = self._end.of(left) if self._end else left
        self.known[fits] = found
        return found


def _phases(layers: Sequence[Layer], outright: int) -> Iterator[_Phase]:
    """Every layer's denials, then what asks, then what allows."""
    for layer in layers:
        yield mask(layer.denials), 0, layer.first_match
    for layer in layers:
        yield mask(layer.asks), outright | mask(layer.denials), False
    for layer in layers:
        yield mask(layer.allows), outright | mask(layer.denials) | mask(layer.asks), False


def _bits(flags: Iterable[bool]) -> int:
    return sum(1 << index for index, flag in enumerate(flags) if flag)

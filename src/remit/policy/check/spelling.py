"""Patterns that are not what they look like, and facts that are misspelt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from remit.expr.compile import Read
from remit.model import Session
from remit.policy import names
from remit.policy.check.finding import Finding, Kind, on
from remit.policy.glob import rewrite
from remit.policy.rule import Document


def look_alikes(documents: Sequence[Document]) -> Iterator[Finding]:
    """Patterns that look like ASCII and are not, or are read as something else than is written."""
    for document in documents:
        for rule in document.rules:
            for pattern in (*rule.action, *rule.subject, *rule.resource):
                if why := _wrong(pattern):
                    yield on(Kind.LOOK_ALIKE, rule, f"{pattern!r} in rule {rule.id!r} {why}")


def _wrong(pattern: str) -> str:
    if pattern.isascii():
        return ""
    spelled, drawn = rewrite(pattern, names.fold), rewrite(pattern, names.drawn)
    if spelled.isascii():
        return f"is read as {spelled!r}; type it like that"
    if drawn.isascii():
        return "has letters that only look like ASCII; type it again"
    return ""


_FACTS = frozenset({"session", "context", "run", "properties"})
"""What holds facts that nothing declares, so that a misspelt one loads and is never there."""


def misspelt(documents: Sequence[Document]) -> Iterator[Finding]:
    """Facts one letter away from a field of the session, or from a fact that more rules read."""
    rules = [rule for document in documents for rule in document.rules if rule.when is not None]
    reads = [(rule, _facts(rule.when.program.reads)) for rule in rules if rule.when]
    uses = Counter(fact for _, facts in reads for fact in facts)
    fields: set[Read] = {("session", field) for field in Session.__struct_fields__}
    for rule, facts in reads:
        for fact in sorted(facts - fields):
            near = [k for k in {*fields, *uses} if _near(fact, k, uses, fields)]
            if near:
                written, meant = ".".join(fact), ".".join(min(near))
                message = f"{written!r} in rule {rule.id!r} is one letter away from {meant!r}"
                yield on(Kind.MISSPELT_FACT, rule, message)


def _facts(reads: Iterable[Read]) -> set[Read]:
    """Those of *reads* that are facts: where they are kept, and their own name."""
    return {
        read[: at + 2]
        for read in reads
        for at, name in enumerate(read[:-1])
        if name in _FACTS and read[0] != "args"
    }


def _near(fact: Read, other: Read, uses: Counter[Read], fields: set[Read]) -> bool:
    if fact[:-1] != other[:-1] or not (other in fields or uses[other] > uses[fact]):
        return False
    return len(fact[-1]) > 2 and _one_edit(fact[-1], other[-1])


def _one_edit(one: str, other: str) -> bool:
    """Whether a letter put in, left out, replaced, or swapped with the next makes them equal."""
    if len(one) > len(other):
        one, other = other, one
    same = next(
        (at for at, pair in enumerate(zip(one, other, strict=False)) if len({*pair}) > 1), len(one)
    )
    one, other = one[same:], other[same:]
    if len(one) < len(other):
        return one == other[1:]
    return bool(one) and (
        one[1:] == other[1:] or (one[:2] == other[1::-1] and one[2:] == other[2:])
    )

"""What is probably not meant: rules that can never matter, asks that nobody can lift.

A finding is only reported when it is certain; a policy without findings may
still be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from remit.policy import names
from remit.policy.glob import Glob, rewrite
from remit.policy.located import Place
from remit.policy.rule import (
    ANY,
    Default,
    Document,
    Mode,
    Order,
    Patterns,
    Rule,
    RuleEffect,
)


class Level(StrEnum):
    """How sure it is that something is wrong."""

    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at, and where."""

    place: Place
    rule: str
    """Empty where the document is meant."""
    message: str
    level: Level = Level.WARNING

    def __str__(self) -> str:
        return f"{self.place}: {self.level}: {self.message}"


Check = Callable[[Sequence[Document]], Iterator[Finding]]


def check(documents: Sequence[Document]) -> tuple[Finding, ...]:
    """All findings, in the order of the documents and their lines."""
    files = [document.file for document in documents]
    found = [finding for each in _CHECKS for finding in each(documents)]
    return tuple(sorted(found, key=lambda f: (files.index(f.place.file), f.place.line)))


def _denied(documents: Sequence[Document]) -> Iterator[Finding]:
    """Rules all of whose requests are denied outright, whatever they say."""
    denials = [
        rule
        for document in _enforced(documents)
        if document.order is Order.SEVERITY
        for rule in document.rules
        if _unconditional(rule) and rule.effect is RuleEffect.DENY and rule.terms is None
    ]
    for document in documents:
        for rule in document.rules:
            over = _cover(rule, denials)
            if rule.effect is not RuleEffect.DENY and rule.mode is Mode.ENFORCE and over:
                denials_named = " and ".join(repr(denial.id) for denial in over)
                yield _on(
                    rule,
                    f"rule {rule.id!r} never matters: all it is about is denied by {denials_named}",
                )


def _shadowed(documents: Sequence[Document]) -> Iterator[Finding]:
    """In a first-match document, rules behind one that always comes first."""
    for document in documents:
        if document.order is not Order.FIRST_MATCH:
            continue
        before: list[Rule] = []
        for rule in document.rules:
            if over := _cover(rule, before):
                yield _on(
                    rule,
                    f"rule {rule.id!r} is never reached: {over[0].id!r} stands before it "
                    "and matches all it is about; move it up",
                )
            liftable = rule.effect is RuleEffect.DENY and rule.terms is not None
            if _unconditional(rule) and not liftable:
                before.append(rule)


def _repeated(documents: Sequence[Document]) -> Iterator[Finding]:
    """Rules that say again what another says."""
    for document in documents:
        seen: dict[object, Rule] = {}
        for rule in document.rules:
            when = rule.when.text if rule.when else ""
            patterns = tuple(_spelled(each) for each in (rule.action, rule.subject, rule.resource))
            key = (patterns, when, rule.effect, rule.mode, rule.terms, rule.obligations)
            first = seen.setdefault(key, rule)
            if first is not rule:
                yield _on(rule, f"rule {rule.id!r} repeats {first.id!r}; remove one of them")


def _unliftable(documents: Sequence[Document]) -> Iterator[Finding]:
    """Denials whose approvers are too few, or are the requester."""
    for document in documents:
        for rule in document.rules:
            people = (
                {a for a in rule.terms.approvers if a.startswith("user:")} if rule.terms else set()
            )
            if rule.terms is None or len(people) < len(rule.terms.approvers) or not people:
                continue
            requesters = set(rule.subject) if len(rule.subject) == 1 else set()
            if len(people - requesters) < rule.terms.quorum:
                yield _on(
                    rule,
                    f"nobody can lift rule {rule.id!r}: {', '.join(sorted(people & requesters))} "
                    "cannot approve requests of their own; name another approver",
                )


def _nothing_allowed(documents: Sequence[Document]) -> Iterator[Finding]:
    """Documents that leave nothing to any other layer."""
    if documents and not _enforced(documents):
        yield Finding(
            Place(documents[0].file, 1, 1),
            "",
            "every document is in mode: monitor, so everything is denied; add a document with "
            "'default: allow' below them",
        )
    for document in _enforced(documents):
        effects = {rule.effect for rule in document.rules if rule.mode is Mode.ENFORCE}
        if document.default is Default.DENY and effects <= {RuleEffect.DENY}:
            yield Finding(
                Place(document.file, 1, 1),
                "",
                f"{document.name!r} allows nothing; add a rule that does, or write "
                "'default: abstain' to leave it to other documents",
            )


def _look_alikes(documents: Sequence[Document]) -> Iterator[Finding]:
    """Patterns that look like ASCII and are not."""
    for document in documents:
        for rule in document.rules:
            for pattern in (*rule.action, *rule.subject, *rule.resource):
                spelled, drawn = rewrite(pattern, names.fold), rewrite(pattern, names.drawn)
                if not spelled.isascii() and drawn.isascii():
                    yield _on(
                        rule,
                        f"{pattern!r} in rule {rule.id!r} has letters that only look like ASCII; "
                        "type it again",
                    )


_CHECKS: tuple[Check, ...] = (
    _denied,
    _shadowed,
    _repeated,
    _unliftable,
    _nothing_allowed,
    _look_alikes,
)


def _on(rule: Rule, message: str) -> Finding:
    return Finding(rule.place, rule.id, message)


def _enforced(documents: Sequence[Document]) -> list[Document]:
    return [document for document in documents if document.mode is Mode.ENFORCE]


def _unconditional(rule: Rule) -> bool:
    return rule.when is None and rule.mode is Mode.ENFORCE


def _cover(rule: Rule, others: Iterable[Rule]) -> list[Rule]:
    """Those of *others* that together match every request that *rule* can match."""
    about = [
        other
        for other in others
        if other is not rule
        and _all_within(rule.subject, other.subject)
        and _all_within(rule.resource, other.resource)
    ]
    needed: list[Rule] = []
    for pattern in rule.action:
        over = next((other for other in about if _all_within((pattern,), other.action)), None)
        if over is None:
            return []
        if over not in needed:
            needed.append(over)
    return needed


def _all_within(inner: Patterns, outer: Patterns) -> bool:
    return all(any(_within(one, other) for other in _spelled(outer)) for one in _spelled(inner))


def _within(inner: str, outer: str) -> bool:
    """Whether every name that fits *inner* is certain to fit *outer*."""
    if outer.strip("*") == "" or inner == outer:
        return True
    if "*" not in inner and "?" not in inner:
        return Glob(outer).matches(inner)
    stem = outer.rstrip("*")
    return outer.endswith("*") and "*" not in stem and "?" not in stem and inner.startswith(stem)


def _spelled(patterns: Patterns) -> Patterns:
    return tuple(sorted({rewrite(pattern.strip(), names.fold) for pattern in patterns})) or ANY

"""Rules that never matter, because others always come first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remit.policy.check.cover import Covers, enforced, implies, impossible
from remit.policy.check.finding import Finding, Kind, on
from remit.policy.check.patterns import spelled
from remit.policy.rule import Document, Mode, Order, Rule, RuleEffect


def shadowed(documents: Sequence[Document]) -> Iterator[Finding]:
    """Rules that stricter ones cover: denials of any layer, and for an allow the asks of its own.

    Once an ask is lifted it allows by itself, so an allow below it has no say; in
    another layer it has. A denial that may be lifted needs something that allows.
    """
    denying = _outright(documents)
    denied = Covers(denying)
    for document in _enforced(documents):
        severe = document.order is Order.SEVERITY
        asks = [r for r in enforced(document.rules) if severe and r.effect is RuleEffect.ASK]
        both = Covers((*denying, *asks))
        for rule in enforced(document.rules):
            if outright(rule) or impossible(rule):
                continue
            lesser = rule.effect is RuleEffect.ALLOW and not rule.obligations
            if over := (both if lesser else denied).of(rule):
                yield on(Kind.SHADOWED, rule, _shadowed(rule, over), *over)


def _shadowed(rule: Rule, over: Sequence[Rule]) -> str:
    asks = {other.effect is RuleEffect.ASK for other in over}
    verb = {frozenset({True}): "asked about", frozenset({False}): "denied"}
    done = verb.get(frozenset(asks), "denied or asked about")
    named = " and ".join(repr(other.id) for other in over)
    return f"rule {rule.id!r} never matters: all it is about is {done} by {named}"


def unreachable(documents: Sequence[Document]) -> Iterator[Finding]:
    """In a first-match document, rules behind those that always come first."""
    for document in _enforced(documents):
        if document.order is not Order.FIRST_MATCH:
            continue
        before = Covers(())
        for rule in enforced(document.rules):
            if not impossible(rule) and (over := before.of(rule)):
                named = " and ".join(repr(other.id) for other in over)
                stand = "stands" if len(over) == 1 else "stand"
                match = "matches" if len(over) == 1 else "match"
                yield on(
                    Kind.UNREACHABLE,
                    rule,
                    f"rule {rule.id!r} is never reached: {named} {stand} before it "
                    f"and {match} all it is about; move it up",
                    *over,
                )
            # A lifted denial is no match, so a search for the first goes on after it.
            if outright(rule) or rule.effect is not RuleEffect.DENY:
                before.add(rule)


def repeated(documents: Sequence[Document]) -> Iterator[Finding]:
    """Rules that say again what another says."""
    for document in documents:
        seen: dict[object, Rule] = {}
        for rule in document.rules:
            first = seen.setdefault(_said(rule), rule)
            if first is not rule:
                message = f"rule {rule.id!r} repeats {first.id!r}; remove one of them"
                yield on(Kind.REPEATED, rule, message, first)


def redundant(documents: Sequence[Document]) -> Iterator[Finding]:
    """Rules that do what one of the same effect does for them, and say nothing of their own."""
    for document in _enforced(documents):
        if document.order is not Order.SEVERITY:
            continue
        rules = enforced(document.rules)
        place = {rule.id: at for at, rule in enumerate(rules)}
        alike = {effect: Covers(r for r in rules if r.effect is effect) for effect in RuleEffect}
        for rule in rules:
            if rule.reason or rule.advice or rule.risk or rule.obligations or impossible(rule):
                continue
            for other in alike[rule.effect].singly(rule):
                mutual = place[other.id] > place[rule.id] and _covers(rule, other)
                if other.terms == rule.terms and _said(other) != _said(rule) and not mutual:
                    message = (
                        f"rule {rule.id!r} adds nothing: {other.id!r} "
                        f"{_VERBS[rule.effect]} all it is about"
                    )
                    yield on(Kind.REDUNDANT, rule, message, other)
                    break


_VERBS = {RuleEffect.DENY: "denies", RuleEffect.ASK: "asks about", RuleEffect.ALLOW: "allows"}


def denials(documents: Sequence[Document]) -> Covers:
    """The rules of any layer that deny whatever else applies."""
    return Covers(_outright(documents))


def _outright(documents: Sequence[Document]) -> list[Rule]:
    return [rule for rule in _decided_by_severity(documents) if outright(rule)]


def outright(rule: Rule) -> bool:
    """Whether it denies, and nobody can lift that."""
    return rule.effect is RuleEffect.DENY and rule.terms is None


def _covers(rule: Rule, other: Rule) -> bool:
    return rule in Covers((rule,)).singly(other) and implies(other, rule)


def _said(rule: Rule) -> object:
    """All that a rule says but its id, its reason and its advice."""
    when = rule.when.text if rule.when else ""
    patterns = tuple(spelled(each) for each in (rule.action, rule.subject, rule.resource))
    return (patterns, when, rule.effect, rule.mode, rule.terms, rule.obligations, rule.valid)


def _decided_by_severity(documents: Sequence[Document]) -> list[Rule]:
    return [
        rule
        for document in _enforced(documents)
        if document.order is Order.SEVERITY
        for rule in enforced(document.rules)
    ]


def _enforced(documents: Sequence[Document]) -> list[Document]:
    return [document for document in documents if document.mode is Mode.ENFORCE]

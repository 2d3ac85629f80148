"""Policies that allow nothing, or everything; rules that only seem to be enforced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remit.policy.check.cover import enforced, impossible
from remit.policy.check.finding import Finding, Kind, on
from remit.policy.check.patterns import every
from remit.policy.check.reach import outright
from remit.policy.located import Place
from remit.policy.rule import Default, Document, Mode, Order, Rule, RuleEffect


def nothing_allowed(documents: Sequence[Document]) -> Iterator[Finding]:
    """Documents that leave nothing to any other layer."""
    standing = [document for document in documents if document.mode is Mode.ENFORCE]
    if documents and not standing:
        yield _at_top(
            documents[0],
            "every document is in mode: monitor, so everything is denied; add a document with "
            "'default: allow' below them",
        )
    for document in standing:
        rules = enforced(document.rules)
        if final := _denies_all(document):
            yield on(
                Kind.NOTHING_ALLOWED,
                final,
                f"rule {final.id!r} denies everything, so nothing is allowed; narrow it",
            )
        elif document.default is Default.DENY and not any(map(_grants, rules)):
            cannot = any(rule.effect is not RuleEffect.DENY for rule in rules)
            yield _at_top(
                document,
                f"{document.name!r} allows nothing{', as no rule that would can apply' * cannot}; "
                "add a rule that does, or write 'default: abstain' to leave it to other documents",
            )


def everything_allowed(documents: Sequence[Document]) -> Iterator[Finding]:
    """Rules that allow every action without a condition."""
    for document in documents:
        for rule in document.rules:
            if rule.effect is RuleEffect.ALLOW and _about_all(rule):
                yield on(
                    Kind.EVERYTHING_ALLOWED,
                    rule,
                    f"rule {rule.id!r} allows everything that no other rule denies or asks about; "
                    "name the actions, or write 'default: allow' in its place",
                )


def monitored(documents: Sequence[Document]) -> Iterator[Finding]:
    """Rules with all that an enforced one needs, which only report."""
    for document in documents:
        for rule in document.rules:
            if rule.mode is Mode.ENFORCE or document.mode is Mode.MONITOR:
                continue
            for key, given in (
                ("approvers", rule.terms is not None and rule.terms.approvers),
                ("advice", rule.advice),
                ("obligations", rule.obligations),
            ):
                if given:
                    yield on(
                        Kind.MONITORED,
                        rule,
                        f"rule {rule.id!r} is in mode: monitor, so its {key} have no effect; "
                        "remove 'mode: monitor' to enforce it",
                    )
                    break


def _denies_all(document: Document) -> Rule | None:
    """The rule by which *document* denies whatever is asked."""
    rules = enforced(document.rules)
    if document.order is Order.FIRST_MATCH:
        rules = rules[:1]
    return next((rule for rule in rules if outright(rule) and _about_all(rule)), None)


def _grants(rule: Rule) -> bool:
    return rule.effect is not RuleEffect.DENY and not impossible(rule)


def _about_all(rule: Rule) -> bool:
    return rule.when is None and all(map(every, (rule.action, rule.subject, rule.resource)))


def _at_top(document: Document, message: str) -> Finding:
    return Finding(Place(document.file, 1, 1), "", message, Kind.NOTHING_ALLOWED)

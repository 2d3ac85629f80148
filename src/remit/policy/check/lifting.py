"""Asks that nobody can lift, and asks that come together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remit.model import ApprovalTerms
from remit.policy import names
from remit.policy.check.cover import Covers, applied, enforced, impossible
from remit.policy.check.finding import Finding, Kind, on
from remit.policy.check.logic import World, constant_at, possible
from remit.policy.rule import Document, Mode, Rule, RuleEffect


def not_liftable(documents: Sequence[Document]) -> Iterator[Finding]:
    """Denials whose approvers are too few, are the requester, or are nobody."""
    for document in documents:
        named = [("rule", rule) for rule in document.rules]
        named += [("limit", limit.rule) for limit in document.limits]
        for what, rule in named:
            if rule.terms is not None and (why := _nobody(rule, rule.terms)):
                message = f"nobody can lift {what} {rule.id!r}: {why}; name another approver"
                yield on(Kind.NOT_LIFTABLE, rule, message)


def overlapping(documents: Sequence[Document]) -> Iterator[Finding]:
    """Asks that always come together with one on other terms."""
    for document in documents:
        if document.mode is Mode.MONITOR:
            continue
        asks = [rule for rule in enforced(document.rules) if rule.effect is RuleEffect.ASK]
        covers = Covers(asks)
        for rule in asks:
            others = [] if impossible(rule) else covers.singly(rule)
            for other in others:
                if other.terms != rule.terms:
                    yield on(
                        Kind.OVERLAPPING_ASKS,
                        rule,
                        f"whenever rule {rule.id!r} asks, {other.id!r} asks on other terms, and "
                        "both approvals are needed; let their conditions exclude each other, "
                        "if one is to be enough",
                        other,
                    )


def _nobody(rule: Rule, terms: ApprovalTerms) -> str:
    """Why nobody can give the approval; empty if somebody can, or that cannot be told."""
    if not terms.approvers:
        return ""
    wild = [each for each in terms.approvers if "*" in each or "?" in each]
    if len(wild) == len(terms.approvers):
        return f"{', '.join(wild)} is a name like any other here, not a pattern"
    open_to = [
        each for each in terms.approvers if not each.startswith("user:") and each not in wild
    ]
    if open_to:
        return ""
    people = {names.spell(each): each for each in terms.approvers if each not in wild}
    if len(people) < terms.quorum:
        return f"{terms.quorum} approvals are asked of {', '.join(people.values())}"
    own = _requester(rule) & people.keys()
    if len(people) - len(own) >= terms.quorum:
        return ""
    return f"{', '.join(sorted(people[each] for each in own))} cannot approve requests of their own"


def _requester(rule: Rule) -> frozenset[str]:
    """Whoever is certain to ask, or to be asked for, whenever *rule* applies."""
    known = set()
    if len(rule.subject) == 1 and not set("*?") & set(rule.subject[0]):
        known.add(names.spell(rule.subject[0]))
    if rule.when is not None:
        worlds = possible([(rule.when.program.tree, applied(rule))])
        certain = [_named(world) for world in worlds]
        known |= frozenset.intersection(*certain) if certain else frozenset()
    return frozenset(known)


def _named(world: World) -> frozenset[str]:
    """The one person that *world* leaves as who asks, and as whom they ask for."""
    users = constant_at(world, "session", "user") or ()
    kinds, ids = (constant_at(world, "subject", each) or () for each in ("type", "id"))
    people = [names.spell(user) for user in users] if len(users) == 1 else []
    people += [f"user:{user}" for user in people]
    if len(kinds) == len(ids) == 1:
        people.append(names.spell(f"{min(kinds)}:{min(ids)}"))
    return frozenset(people)

"""An allow within limits: what it takes of each, and what has to be known to decide it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from remit.model import ApprovalTerms, Claim, Decision, Effect, Request, Wanted
from remit.policy.approval import Answers
from remit.policy.claim import Metered, Unclaimable
from remit.policy.consult import Vocabularies
from remit.policy.unmet import Unmet


def claim(
    limits: Sequence[Metered], words: Vocabularies, request: Request, decision: Decision
) -> Decision:
    """*decision*, with what it takes of *limits* if it allows; a denial if that cannot be told."""
    if not decision.allowed or not limits:
        return decision
    answers = Answers(request) if request.approvals else None

    def lifts(terms: ApprovalTerms) -> tuple[str, ...]:
        return () if answers is None else answers.lift(terms)

    claims: list[Claim] = []
    for metered in _about(limits, words, request):
        try:
            found = metered.claim(request, lifts)
        except Unclaimable as error:
            if metered.monitored:
                decision = _noted(decision, metered, error)
                continue
            return _unkept(decision, metered, error)
        if found is not None:
            claims.append(found)
    return replace(decision, claims=tuple(claims)) if claims else decision


def wanting(limits: Iterable[Metered], request: Request, unmet: Unmet, policy: str) -> Decision:
    """A denial of *request* for want of what a limit has counted."""
    metered = next(each for each in limits if each.label == unmet.limit)
    try:
        units = tuple(unit for unit, _ in metered.limit.max)
        wants: tuple[Wanted, ...] = (Wanted(metered.share(request), units),)
        why = str(unmet)
    except Unclaimable as error:
        wants, why = (), str(error)
    return Decision(Effect.DENY, why, (metered.label,), policy=policy, wants=wants)


def _about(limits: Sequence[Metered], words: Vocabularies, request: Request) -> Iterator[Metered]:
    """Those of *limits* whose patterns the request fits."""
    subject = words.subject.find(str(request.subject))
    resource = words.resource.find(str(request.resource))
    for each in limits:
        if (not each.subject or each.subject & subject) and (
            not each.resource or each.resource & resource
        ):
            yield each


def _unkept(decision: Decision, metered: Metered, error: Unclaimable) -> Decision:
    """The denial of what *decision* would have allowed within a limit."""
    return Decision(
        Effect.DENY,
        str(error),
        (metered.label,),
        errors=(*decision.errors, f"{metered.label}: {error.__cause__ or error}"),
        risk=decision.risk,
        advice=metered.limit.advice,
        monitored=decision.monitored,
        policy=decision.policy,
    )


def _noted(decision: Decision, metered: Metered, error: Unclaimable) -> Decision:
    return replace(
        decision,
        errors=(*decision.errors, f"{metered.label}: {error}"),
        monitored=(*decision.monitored, f"{metered.label}: {metered.limit.effect}"),
    )

"""The cases under `tests:` of a document: what they name, and what comes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remit.expr.errors import suggest
from remit.policy.case import Case
from remit.policy.check.finding import Finding, Kind
from remit.policy.facts import Facts, facts_of
from remit.policy.rule import Document
from remit.policy.tools import Tools


def misnamed(documents: Sequence[Document]) -> Iterator[Finding]:
    """Arguments and facts that cases give and nothing declares, and actions with a slip in them."""
    for document in documents:
        for case in document.tests:
            for message in (*_action(case, document.tools), *_facts(case, document.facts)):
                yield Finding(case.place, "", message, Kind.MISNAMED_IN_CASE)


def _action(case: Case, tools: Tools) -> Iterator[str]:
    name = case.request.action.name
    if tools.unknown(name):
        # What nobody declares may well be asked about: it is to be denied.
        if hint := suggest(name, tools.arguments):
            yield f"the case {case.name!r} is about {name!r}, which is no declared tool{hint}"
        return
    for tool in tools.fitting((name,)):
        record = tools.arguments[tool]
        for argument in case.request.action.properties:
            if argument not in record.fields and not record.extensible:
                hint = suggest(argument, record.fields)
                yield f"the case {case.name!r} gives {argument!r}, which {tool} does not take{hint}"


def _facts(case: Case, facts: Facts) -> Iterator[str]:
    if not facts:
        return
    for holder, fact in facts_of(case.request):
        record = facts.of(holder)
        if fact not in record.fields and not record.extensible:
            hint = suggest(fact, record.fields)
            yield f"the case {case.name!r} gives {holder}'s {fact!r}, which is not declared{hint}"


def failing(documents: Sequence[Document]) -> Iterator[Finding]:
    """Cases that come out otherwise than their document says."""
    from remit.policy.cases import run
    from remit.policy.policy import Policy

    for document in (each for each in documents if each.tests):
        # A document is tested as it is alone, as `remit test` does.
        policy = Policy(document)
        for outcome in (run(policy, case) for case in document.tests):
            if not outcome.passed:
                case, (why, *_) = outcome.case, outcome.differences
                message = f"the case {case.name!r} comes out otherwise: {why}"
                yield Finding(case.place, "", message, Kind.FAILING_CASE)

"""What nothing declares, so that nobody could tell if it were misspelt: for a strict check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remit.policy.check.finding import Finding, Kind, on
from remit.policy.facts import facts_of, read_of
from remit.policy.rule import Document, Rule
from remit.policy.tools import literal


def undeclared(documents: Sequence[Document]) -> Iterator[Finding]:
    """Tools, patterns and facts of rules that are not declared."""
    for document in documents:
        rules = [*document.rules, *(limit.rule for limit in document.limits)]
        yield from _tools(document, rules)
        if not document.facts:
            yield from _facts(document, rules)


def _tools(document: Document, rules: Sequence[Rule]) -> Iterator[Finding]:
    if not document.tools:
        about = next((rule for rule in rules if _about_tools(rule)), None)
        if about is not None:
            message = (
                f"nothing declares the tools of {document.name!r}, so a misspelt tool or argument "
                "goes unnoticed; declare them under 'tools', or name them with --tools"
            )
            yield on(Kind.UNDECLARED_TOOLS, about, message)
        return
    for rule in rules:
        for pattern in rule.action:
            if literal(pattern) or not pattern.strip("*?") or document.tools.fitting((pattern,)):
                continue
            message = f"no declared tool fits {pattern!r} in rule {rule.id!r}"
            yield on(Kind.UNKNOWN_TOOL, rule, message)


def _about_tools(rule: Rule) -> bool:
    if any(pattern.strip("*?") for pattern in rule.action):
        return True
    reads = rule.when.program.reads if rule.when else ()
    return any(read[:1] == ("args",) or read[:2] == ("action", "properties") for read in reads)


def _facts(document: Document, rules: Sequence[Rule]) -> Iterator[Finding]:
    for rule in rules:
        for holder, fact in read_of(rule.when.program.reads if rule.when else ()):
            message = (
                f"nothing declares {holder}'s {fact!r}, which rule {rule.id!r} reads; "
                "declare it under 'facts'"
            )
            yield on(Kind.UNDECLARED_FACT, rule, message)
    for case in document.tests:
        for holder, fact in facts_of(case.request):
            message = f"nothing declares {holder}'s {fact!r}, which the case {case.name!r} gives"
            yield Finding(case.place, "", message, Kind.UNDECLARED_FACT)

"""Conditions that can never be true, or that always are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from remit.expr import tree
from remit.expr.tree import Node
from remit.policy.check.cover import applied, cases
from remit.policy.check.finding import Finding, Kind, within
from remit.policy.check.logic import Outcome, possible
from remit.policy.rule import Condition, Document, Rule, RuleEffect


def contradictory(documents: Sequence[Document]) -> Iterator[Finding]:
    """Conditions, and alternatives in them, that no request can make true."""
    for rule, condition in _conditions(documents):
        for part in _never(condition):
            message = _contradiction(rule, condition, part)
            yield within(Kind.CONTRADICTORY, rule, condition, _culprits(part)[0].at, message)


def always_true(documents: Sequence[Document]) -> Iterator[Finding]:
    """Conditions that no request can make anything but true, or an error where that counts."""
    for rule, condition in _conditions(documents):
        whole = condition.program.tree
        if cases(condition.program, Outcome.FALSE):
            continue
        does = {RuleEffect.DENY: "denies", RuleEffect.ASK: "asks about", RuleEffect.ALLOW: "allows"}
        yield within(
            Kind.ALWAYS_TRUE,
            rule,
            condition,
            whole.at,
            f"the condition of rule {rule.id!r} can never be false, so it {does[rule.effect]} "
            f"all that its patterns fit{_where_evaluated(rule, whole)}: {text(condition, whole)}",
        )


def text(condition: Condition, node: Node) -> str:
    """What is written at *node*, on one line."""
    written = " ".join(condition.program.text[node.at : node.end].split())
    return written if len(written) <= 100 else f"{written[:99]}…"


def _conditions(documents: Sequence[Document]) -> Iterator[tuple[Rule, Condition]]:
    for document in documents:
        for rule in document.rules:
            if rule.when is not None:
                yield rule, rule.when


def _never(condition: Condition) -> Iterator[Node]:
    """All of *condition* if it can never be true; else the parts joined by `||` that never can."""
    whole = condition.program.tree
    if not cases(condition.program, Outcome.TRUE):
        yield whole
    elif isinstance(whole, tree.Or | tree.And):
        for operand in whole.operands:
            yield from _never_in(operand)


def _never_in(node: Node) -> Iterator[Node]:
    if not possible([(node, Outcome.TRUE)]):
        yield node
    elif isinstance(node, tree.Or | tree.And):
        for operand in node.operands:
            yield from _never_in(operand)


def _contradiction(rule: Rule, condition: Condition, part: Node) -> str:
    quoted = " && ".join(text(condition, each) for each in _culprits(part))
    if part is not condition.program.tree:
        return f"in the condition of rule {rule.id!r} this can never be true: {quoted}"
    if rule.effect is RuleEffect.ALLOW:
        return f"rule {rule.id!r} never applies, as this can never be true: {quoted}"
    # Where an argument is missing it applies nevertheless: an error counts against the agent.
    return f"the condition of rule {rule.id!r} can never be true: {quoted}"


def _culprits(node: Node) -> Sequence[Node]:
    """As few parts of *node* as cannot be true together."""
    parts = _conjuncts(node)
    for count in (1, 2):
        for some in combinations(parts[:32], count):
            if not possible([(part, Outcome.TRUE) for part in some]):
                return some
    return (node,)


def _conjuncts(node: Node) -> list[Node]:
    if not isinstance(node, tree.And):
        return [node]
    return [part for operand in node.operands for part in _conjuncts(operand)]


def _where_evaluated(rule: Rule, whole: Node) -> str:
    certain = applied(rule) != Outcome.TRUE or not possible([(whole, Outcome.ERROR)])
    return "" if certain else " and that can be evaluated"

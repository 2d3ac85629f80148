"""Types of content that no scanner finds: what is asked for is never there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remit.expr import tree
from remit.expr.errors import suggest
from remit.expr.tree import Node
from remit.policy.check.conditions import text
from remit.policy.check.finding import Finding, Kind, within
from remit.policy.rule import Document
from remit.policy.scanning import KINDS


def unknown_types(documents: Sequence[Document]) -> Iterator[Finding]:
    """Texts that are looked for in what `pii`, `secrets` or `injection` gives, in vain."""
    for document in documents:
        for rule in document.rules:
            if rule.when is None:
                continue
            for node, _ in tree.walk(rule.when.program.tree):
                if why := _in_vain(node):
                    message = f"{text(rule.when, node)} never holds: {why}"
                    yield within(Kind.UNKNOWN_CONTENT, rule, rule.when, node.at, message)


def _in_vain(node: Node) -> str:
    if not isinstance(node, tree.Call) or node.name != "in":
        return ""
    wanted, found = node.args
    if not isinstance(wanted, tree.Constant) or not isinstance(found, tree.Call):
        return ""
    if found.name not in KINDS:
        return ""
    # Imported when a rule asks: most policies have none that does.
    from remit.content.default import TYPES
    from remit.content.finding import Kind as Content

    known = TYPES[Content(KINDS[found.name])]
    if wanted.value in known:
        return ""
    return f"{found.name}() finds no {wanted.value!r}{suggest(str(wanted.value), known)}"

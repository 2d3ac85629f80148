"""One policy file -> one `Document`, or every mistake in it with its place and a cure."""

from __future__ import annotations

import hashlib
import re

from remit.errors import PolicyError
from remit.policy.fields import Errors, Fields, settle
from remit.policy.located import Node, read
from remit.policy.read_rule import read_rule
from remit.policy.rule import Default, Document, Mode, Order, Rule

VERSION = 1
_KEYS = ("remit", "name", "default", "order", "mode", "rules", "limits")


def load(source: str | bytes, file: str) -> Document:
    """The document in *source*; *file* is what errors call it.

    Raises:
        PolicyError: the first mistake; the notes of the error tell the others.
    """
    errors = Errors()
    document = _document(read(source, file, "a policy"), source, file, errors)
    settle(errors)
    return document


def mistakes(source: str | bytes, file: str) -> tuple[PolicyError, ...]:
    """Every mistake in *source*, from the top of the file; none if it can be loaded."""
    errors = Errors()
    try:
        _document(read(source, file, "a policy"), source, file, errors)
    except PolicyError as error:
        return (error,)
    return errors.sorted()


def _document(root: Node, source: str | bytes, file: str, errors: Errors) -> Document:
    fields = Fields(root, "a policy", _KEYS, errors)
    fields.require("remit", f"begin it with 'remit: {VERSION}'")
    if "remit" in fields and fields.whole("remit", VERSION) != VERSION:
        fields.fail("remit", f"this version of Remit reads 'remit: {VERSION}' only")
    fields.refuse("limits", "limits are not enforced by this version; remove them")
    return Document(
        name=fields.name("name", _stem(file)),
        file=file,
        digest=hashlib.sha256(_bytes(source)).hexdigest(),
        rules=_rules(fields, errors),
        default=fields.choice("default", Default, Default.DENY),
        order=fields.choice("order", Order, Order.SEVERITY),
        mode=fields.choice("mode", Mode, Mode.ENFORCE),
    )


def _rules(fields: Fields, errors: Errors) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    lines: dict[str, int] = {}
    for node in fields.nodes("rules"):
        rule = read_rule(node, errors)
        if rule.id in lines:
            errors.add(
                rule.place,
                f"the id {rule.id!r} stands twice, first on line {lines[rule.id]}; rename one",
            )
        elif rule.id:
            lines[rule.id] = rule.place.line
        rules.append(rule)
    return tuple(rules)


def _bytes(source: str | bytes) -> bytes:
    return source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source


def _stem(file: str) -> str:
    return re.split(r"[/\\]", file)[-1].rsplit(".", 1)[0] or "policy"

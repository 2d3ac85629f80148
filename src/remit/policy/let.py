"""`let:` -> expressions that conditions of a document can name.

Each may use those above it, so none can end up using itself. It is checked where it
stands, whether or not it is used, and again with the types of every place that uses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from remit.policy.condition import expand, typed
from remit.policy.fields import Errors, text
from remit.policy.include import Named
from remit.policy.inline import PARAM, Expanded, Scope, builtin
from remit.policy.located import Scalar

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_lets(definitions: Iterable[Named], errors: Errors) -> dict[str, Expanded | None]:
    """The definitions by name, in the order of the document; None for one with a mistake."""
    definitions = tuple(definitions)
    found: dict[str, Expanded | None] = {}
    for each in definitions:
        mistake = _mistake(each.name)
        if mistake:
            errors.add(each.place, mistake)
            continue
        later = {other.name: other for other in definitions if other.name not in found}
        found[each.name] = _read(each, Scope(found, later=later), errors)
    return found


def _mistake(name: str) -> str:
    """Why conditions could not use *name*, and the cure."""
    if not _NAME.fullmatch(name) or not _readable(name):
        return f"{name!r} cannot be named in a condition; use letters, digits and '_'"
    if name == PARAM:
        return "'param' is what templates call their parameters; choose another name"
    if builtin(name):
        return f"{name!r} has a meaning in every condition already; choose another name"
    return ""


def _readable(name: str) -> bool:
    from remit.expr import tree
    from remit.expr.errors import ExprError
    from remit.expr.parse import parse

    try:
        return type(parse(name).tree) is tree.Name
    except ExprError:
        return False


def _read(definition: Named, scope: Scope, errors: Errors) -> Expanded | None:
    where = f"in {definition.name!r}"
    node = definition.node
    if not text(node, repr(definition.name), errors) or not isinstance(node, Scalar):
        return None
    found = expand(node, scope, errors, where, closed=True)
    return found if found and typed(found, errors, where) else None

"""`when`, a window of time, and what they name -> one compiled condition."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from remit.expr import tree
from remit.expr.errors import ExprError
from remit.expr.types import BOOL, Type
from remit.policy.environment import ENVIRONMENT, compile_condition
from remit.policy.fields import Errors, Fields
from remit.policy.inline import Broken, Expanded, Inliner, Scope, shifted
from remit.policy.located import Scalar, plain
from remit.policy.rule import Condition, Window

if TYPE_CHECKING:
    from remit.expr.check import Checked

IN_CONDITION = "in the condition"


def read_condition(fields: Fields, window: Window, scope: Scope) -> Condition | None:
    """What must hold for a rule to apply; None if nothing has to, or if it has a mistake."""
    text = " && ".join(window.conditions)
    if "when" not in fields:
        return Condition(text, compile_condition(text), fields.place) if text else None
    node = fields.members["when"]
    if not fields.text("when") or not isinstance(node, Scalar):
        return None
    if not text and scope.empty:
        return _plain(node, fields.errors)
    return _joined(node, text, scope, fields.errors)


def _plain(node: Scalar, errors: Errors) -> Condition | None:
    """What most conditions are: with nothing to put into it."""
    written = str(node.value)
    try:
        return Condition(written.strip(), compile_condition(written), node.place, node.place_of)
    except ExprError as error:
        errors.add(node.place_of(error.offset), f"{IN_CONDITION}: {error.message}")
        return None


def _joined(node: Scalar, window: str, scope: Scope, errors: Errors) -> Condition | None:
    """The condition in *node*, which holds while that of the *window* does."""
    from remit.expr.check import Checked
    from remit.expr.compile import compile  # noqa: A004 - it compiles

    found = expand(node, scope, errors, IN_CONDITION, before=f"{window} && (" if window else "")
    checked = found and typed(found, errors, IN_CONDITION, expect=BOOL)
    if not found or not checked:
        return None
    text = str(node.value).strip()
    if window:
        text = f"{window} && ({text})"
        parts = (_checked_window(window), checked.tree)
        checked = Checked(
            checked.text, tree.And(operands=parts, at=0, end=len(text), type=BOOL), BOOL
        )
    text += _meanings(found.used, scope)
    return Condition(text, compile(checked), node.place, lambda offset: found.place_of(offset)[0])


@lru_cache(256)
def _checked_window(text: str) -> tree.Node:
    """The tree of a window: many rules may share one."""
    from remit.expr.check import check
    from remit.expr.parse import parse

    return check(parse(text), ENVIRONMENT, BOOL).tree


def _meanings(used: Iterable[str], scope: Scope) -> str:
    """What was put in, as a comment for whoever reads the condition."""
    meanings: list[str] = []
    for name in used:
        let, value = scope.lets.get(name), scope.parameters.get(name.partition(".")[2])
        if let is not None:
            meanings.append(f"{name}: {' '.join(str(let.pieces[0].node.value).split())}")
        elif value is not None:
            shown = value.source if isinstance(value, Scalar) else str(plain(value))
            meanings.append(f"{name}: {' '.join(shown.split())}")
    return f"  // {', '.join(meanings)}" if meanings else ""


def expand(
    node: Scalar,
    scope: Scope,
    errors: Errors,
    where: str,
    *,
    before: str = "",
    closed: bool = False,
) -> Expanded | None:
    """The expression in *node* with all it names put in; None if it has a mistake.

    *before* is what the text begins with, up to a bracket that is closed after it.
    """
    from remit.expr.parse import parse

    written = str(node.value)
    inliner = Inliner(before + written + ")" * bool(before), node, len(before), scope)
    try:
        return inliner.expand(shifted(parse(written).tree, len(before)), closed=closed)
    except Broken:
        return None
    except ExprError as error:
        # What cannot be read knows nothing of what stands before it.
        start = 0 if error.text == written else len(before)
        errors.add(node.place_of(error.offset - start), f"{where}: {error.message}")
        return None


def typed(
    found: Expanded, errors: Errors, where: str, *, expect: Type | None = None
) -> Checked | None:
    """*found* with its types; None if they do not fit."""
    from remit.expr.check import check
    from remit.expr.parse import Expr

    try:
        return check(Expr(found.text, found.tree), ENVIRONMENT, expect)
    except ExprError as error:
        place, own = found.place_of(error.offset)
        used = "" if own else f"; it is used at {found.pieces[0].node.place}"
        errors.add(place, f"{where}: {error.message}{used}")
        return None

"""Values of other formats -> text in the condition language.

Nothing a user wrote is ever spliced: a text becomes a literal with its quotes, backslashes and
unprintable characters escaped, the name of an argument becomes a member or a literal index.

The formats here are read with YAML 1.1 by the systems they come from. A plain value that means
something else there (`yes`, `010`, `2026-01-01`) is refused: nobody can tell which was meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

import yaml

from remit.expr.errors import EvalError, ExprError
from remit.expr.functions.patterns import compiled
from remit.policy.environment import compile_condition
from remit.policy.fields import Errors, kind
from remit.policy.located import Mapping, Node, Place, Scalar, Sequence
from remit.policy.rule import Condition

Test: TypeAlias = Callable[[str, Node, Errors], str]
"""What is compared, and the value as it stands in the file -> a condition; empty if it is none."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"\s*[-+]?[0-9][0-9_.,]*([eE][-+]?[0-9]+)?\s*")


def condition(parts: Iterable[str], place: Place, errors: Errors) -> Condition | None:
    """All of *parts*, as one condition that stands at *place*; None without any."""
    text = " && ".join(filter(None, parts))
    if not text:
        return None
    try:
        return Condition(text, compile_condition(text), place)
    except ExprError as error:
        errors.add(place, f"this cannot be said in a condition: {error.message}; split the rule")
        return None


def quoted(text: str) -> str:
    """*text* as a literal."""
    if "\\" in text[:-1] and text[-1] != "\\" and '"' not in text and text.isprintable():
        return f'r"{text}"'
    return '"' + "".join(map(_escaped, text)) + '"'


def argument(name: str, place: Place, errors: Errors) -> str:
    """The argument of the tool called *name*."""
    if "." in name:
        errors.add(
            place,
            f"{name!r} is no argument of a tool, only a part of one; write this rule in Remit's "
            f"own language, which reads 'args.{name}'",
        )
        return ""
    return f"args.{name}" if _IDENTIFIER.fullmatch(name) else f"args[{quoted(name)}]"


def literal(node: Node, errors: Errors) -> str:
    """The value of *node* as a literal; empty after a mistake."""
    if isinstance(node, Sequence):
        items = [literal(item, errors) for item in node.items]
        return f"[{', '.join(items)}]" if all(items) else ""
    if isinstance(node, Mapping):
        members = {quoted(key): literal(member, errors) for key, member in node.members.items()}
        shown = ", ".join(f"{key}: {member}" for key, member in members.items())
        return f"{{{shown}}}" if all(members.values()) else ""
    if node.value is None:
        errors.add(node.place, "null is no value to compare with; write one, or remove it")
        return ""
    if _ambiguous(node):
        errors.add(
            node.place,
            f"{node.source} is text in YAML 1.2 and something else in YAML 1.1, or the reverse; "
            f"write '{node.source}' in quotes if it is text, else true, false or plain digits",
        )
        return ""
    if isinstance(node.value, str):
        return quoted(node.value)
    return str(node.value).lower() if isinstance(node.value, bool) else repr(node.value)


def equal(name: str, node: Node, errors: Errors) -> str:
    """It is that value, of that type."""
    return _joined(name, "==", literal(node, errors))


def ordered(symbol: str) -> Test:
    """It is a number, or a text, on one side of the value."""

    def compare(name: str, node: Node, errors: Errors) -> str:
        if not isinstance(node, Scalar) or node.value is None or isinstance(node.value, bool):
            errors.add(node.place, f"{kind(node)} has no order; write a number")
            return ""
        if isinstance(node.value, str) and _NUMBER.fullmatch(node.value):
            errors.add(
                node.place,
                f"{node.value!r} is text, and texts are compared letter by letter; "
                "write the number without quotes, digits only",
            )
            return ""
        return _joined(name, symbol, literal(node, errors))

    return compare


def one_of(name: str, node: Node, errors: Errors) -> str:
    """It is one of the values of a list."""
    if not isinstance(node, Sequence) or not node.items:
        what = "an empty list" if isinstance(node, Sequence) else kind(node)
        errors.add(node.place, f"this is a list of values, not {what}; write [a, b]")
        return ""
    return _joined(name, "in", literal(node, errors))


def part(name: str, node: Node, errors: Errors) -> str:
    """It is a text, and the value a part of it."""
    value = _sought(node, errors)
    return value and f"{name}.contains({value})"


def held(name: str, node: Node, errors: Errors) -> str:
    """The value is part of a text, an item of a list or a key of a mapping."""
    value = _sought(node, errors)
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return _joined(value, "in", name)
    return value and f"(type({name}) == string ? {name}.contains({value}) : {value} in {name})"


def fits(name: str, node: Node, errors: Errors) -> str:
    """It is a text, and the regular expression is found in it."""
    value = _expression(node, errors)
    return value and f"{name}.matches({value})"


def fits_at_its_end(name: str, node: Node, errors: Errors) -> str:
    """The same, where white space at the end of the text hides nothing from `$`."""
    value = _expression(node, errors)
    if "$" not in value:
        return value and f"{name}.matches({value})"
    return f"({name}.matches({value}) || {name}.trim().matches({value}))"


def negated(test: Test) -> Test:
    """It is there, and *test* does not hold for it."""

    def opposite(name: str, node: Node, errors: Errors) -> str:
        found = test(name, node, errors)
        return found and f"!({found})"

    return opposite


def _joined(left: str, operator: str, right: str) -> str:
    return f"{left} {operator} {right}" if left and right else ""


def _sought(node: Node, errors: Errors) -> str:
    if isinstance(node, Scalar) and node.value != "":
        return literal(node, errors)
    what = "an empty text is part of every text" if isinstance(node, Scalar) else "one is sought"
    errors.add(node.place, f"{what}, not {kind(node)}; write one value, and a rule for each")
    return ""


def _expression(node: Node, errors: Errors) -> str:
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value:
        errors.add(node.place, f"a regular expression is text, not {kind(node)}; put it in quotes")
        return ""
    try:
        compiled(node.value)
    except EvalError as error:
        errors.add(
            node.place,
            f"{error}; expressions are those of RE2, without lookaround, backreferences and \\Z",
        )
        return ""
    return quoted(node.value)


def _ambiguous(node: Scalar) -> bool:
    """Whether YAML 1.1 reads another value here than YAML 1.2."""
    if node.source[:1] in {"'", '"', "|", ">"}:
        return False
    try:
        other = yaml.safe_load(node.source)
    except (yaml.YAMLError, ValueError):
        return True
    return type(other) is not type(node.value) or other != node.value


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"

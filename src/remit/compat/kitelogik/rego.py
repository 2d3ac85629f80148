"""From a YAML policy of Kite Logik to Rego that decides as we decide it.

`data.kitelogik.userpolicy` has three sets of what applies (`allowing`, `asking`, `denying`:
rule, tier, reason), and for modules written for Kite Logik its `allow`, `deny` and `hitl`.

A rule that allows applies if every part of it holds. One that denies or asks applies unless
a part of it certainly does not: what cannot be compared counts against the call, as it does
here. So for each part there is Rego for "it holds" and for "it does not", and neither is
the `not` of the other. Like is compared with like only; texts are literals, never spliced.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from remit.errors import PolicyError
from remit.policy import names
from remit.policy.formats import KITE_LOGIK, recognise
from remit.policy.formats.names import identifier
from remit.policy.load import load
from remit.policy.located import plain, read
from remit.sources import StrPath
from remit.sources import read as read_file

PACKAGE = "kitelogik.userpolicy"

_HEAD = f"""\
# Written by `compile_yaml`. Change the YAML, not this.

package {PACKAGE}

allow if some found in data.{PACKAGE}.allowing

deny[found.reason] if some found in data.{PACKAGE}.denying

hitl[found.reason] if some found in data.{PACKAGE}.asking
"""
_SETS = {"allow": "allowing", "deny": "denying", "hitl": "asking"}
_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}
_SYMBOLS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Part(NamedTuple):
    """One part of a condition, as lines of Rego; None where there is no such case."""

    holds: str | None
    fails: str | None

    def negated(self) -> Part:
        """The part that holds where this one does not, and the reverse."""
        return Part(self.fails, self.holds)


Rule: TypeAlias = Mapping[str, Any]


def compile_yaml(path: StrPath) -> str:
    """The Rego of the YAML policy at *path*.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is none, or not one of Kite Logik's.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no policy {path}")
    return _compiled(read_file(path), str(path))


def compile_yaml_string(source: str) -> str:
    """The Rego of the YAML policy *source*.

    Raises:
        ValueError: it is none, or not one of Kite Logik's.
    """
    return _compiled(source, "policy.yaml")


def rules_of(source: str | bytes, file: str) -> tuple[Rule, ...] | None:
    """The rules in a policy of Kite Logik, as they are written; None if it is of another kind.

    Raises:
        PolicyError: it is a policy of Kite Logik, and has a mistake.
    """
    root = read(source, file, "a policy")
    if recognise(root) is not KITE_LOGIK:
        return None
    load(source, file)
    return tuple(plain(root)["rules"])


def _compiled(source: str | bytes, file: str) -> str:
    try:
        rules = rules_of(source, file)
        if rules is None:
            load(source, file)
            raise ValueError(f"{file}: only policies of Kite Logik become Rego; this is another")
    except PolicyError as error:
        raise ValueError(str(error)) from error
    return "\n".join([_HEAD, *map(_rule, rules)])


def _rule(rule: Rule) -> str:
    then = rule.get("then", "deny")
    name = identifier(rule["name"])
    parts = list(_parts(rule["when"]))
    found = {"rule": name, "tier": rule.get("risk_tier", "OPERATIONAL")}
    if then == "allow":
        return _clause(f"allowing contains {_json(found)}", [part.holds for part in parts])
    verb = "denies it" if then == "deny" else "asks for an approval"
    found["reason"] = rule.get("reason") or f"rule {name!r} {verb}"
    ruled_out = f"ruled_out contains {_json(name)}"
    clauses = [_clause(ruled_out, [part.fails]) for part in parts if part.fails is not None]
    applies = _clause(f"{_SETS[then]} contains {_json(found)}", [f"not ruled_out[{_json(name)}]"])
    return "\n".join([*clauses, applies])


def _clause(head: str, lines: list[str | None]) -> str:
    if any(line is None for line in lines):
        return f"# {head}: never\n"
    body = "".join(f"\t{line}\n" for line in lines)
    return f"{head} if {{\n{body}}}\n"


def _parts(when: Mapping[str, Any]) -> Iterator[Part]:
    if actions := _list(when.get("action", [])):
        yield _any_of("lower(input.action)", [names.spell(action) for action in actions])
    if roles := _list(when.get("role", [])):
        yield _any_of("input.context.user_role", roles)
    for scope in _list(when.get("scope", [])):
        held = _json(scope)
        yield Part(
            f"{held} in input.context.session_scopes",
            f"every scope in input.context.session_scopes {{ scope != {held} }}",
        )
    for name, tests in when.get("args", {}).items():
        for operator, value in tests.items():
            yield _TESTS[operator](f"input.args[{_json(name)}]", operator, value)


def _any_of(what: str, values: list[Any]) -> Part:
    listed = _json(values)
    return Part(f"{what} in {listed}", f"every other in {listed} {{ {what} != other }}")


def _ordered(what: str, operator: str, value: Any) -> Part:
    kind = "is_string" if isinstance(value, str) else "is_number"
    symbol = _SYMBOLS[operator]
    return Part(
        f"{kind}({what}); {what} {symbol} {_json(value)}",
        f"{kind}({what}); {what} {_OPPOSITE[symbol]} {_json(value)}",
    )


def _equal(what: str, _: str, value: Any) -> Part:
    return Part(f"{what} == {_json(value)}", f"{what} != {_json(value)}")


def _one_of(what: str, operator: str, value: Any) -> Part:
    part = _any_of(what, value)
    return part.negated() if operator == "not_in" else part


def _contains(what: str, operator: str, value: Any) -> Part:
    if not isinstance(value, str):
        return Part(None, None)
    sought = _json(value)
    part = Part(
        f"is_string({what}); contains({what}, {sought})",
        f"is_string({what}); indexof({what}, {sought}) == -1",
    )
    return part.negated() if operator == "not_contains" else part


_TESTS: Mapping[str, Callable[[str, str, Any], Part]] = {
    **dict.fromkeys(_SYMBOLS, _ordered),
    "eq": _equal,
    "in": _one_of,
    "not_in": _one_of,
    "contains": _contains,
    "not_contains": _contains,
}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True)

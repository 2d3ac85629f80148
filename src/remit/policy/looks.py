"""What is looked at in a request to narrow its candidates, as one function.

    name     which of the patterns over a noun it fits, and the candidates these leave
    text     by dictionary
    number   by bisection
    span     a text, by bisection

A loop would take every index apart again for every request: in the function they are
variables. Its code depends on the forms of the looks alone, which most tools share, so that
Python compiles it once for all of them, in less than a millisecond.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any, NamedTuple, TypeAlias, cast

from remit.model import Request

Narrow: TypeAlias = Callable[[Request], tuple[int, int]]
"""From a request to what it does not rule out, and what has to be evaluated."""

REMEMBERED = 1024
"""Combinations of forms whose code is kept."""


class Kind(StrEnum):
    """What is there, and how its index is asked: in the order in which looks are taken."""

    NAME = "name"
    TEXT = "text"
    SPAN = "span"
    NUMBER = "number"


class Form(NamedTuple):
    """All of a look that its code depends on."""

    kind: Kind
    owner: str
    """A chain of attributes of the request."""
    member: bool
    """Whether it is one of a mapping's members that is looked at, and not the owner itself."""
    few: bool
    """Whether so few candidates want it that often none of these is left, and it can be spared."""


class Look(NamedTuple):
    """One look at a request."""

    form: Form
    values: tuple[Any, ...]
    """What its code calls by the names in `_VARIABLES`."""
    rare: Any
    """What its code needs when it finds something unexpected; for `few`, who wants it."""


class End(NamedTuple):
    """Where one of *outright* is left for sure, nothing but *ending* matters any more."""

    outright: int
    ending: int


_VARIABLES = {
    Kind.NAME: ("nouns", "known"),
    Kind.TEXT: ("name", "left", "free"),
    Kind.NUMBER: ("name", "points", "left"),
    Kind.SPAN: ("name", "points", "left"),
}
# What is not there, or of another type, is for the condition itself to judge.
_CODE = {
    Kind.NAME: """
    noun = request.{owner}
    fits = nouns_{n}.get(noun.type)
    if fits is not None:
        fits = fits.get(noun.id)
    if fits is None:
        fits = rare[{n}].fits(noun.type, noun.id)
    found = known_{n}.get(fits)
    if found is None:
        found = rare[{n}].find(fits)
    left &= found
    if not left:
        return 0, 0
""",
    Kind.TEXT: """
    if {worth}:
        value = {value}
        if type(value) is str:
            left &= left_{n}.get(value, free_{n})
        else:
            unsure |= rare[{n}]
""",
    Kind.NUMBER: """
    if {worth}:
        value = {value}
        kind = type(value)
        if kind is int or kind is float:
            left &= left_{n}[bisect(points_{n}, value)]
        else:
            unsure |= rare[{n}]
""",
    Kind.SPAN: """
    if {worth}:
        value = {value}
        if type(value) is str:
            left &= left_{n}[bisect(points_{n}, value)]
        else:
            unsure |= rare[{n}]
""",
}
_KINDS = tuple(Kind)
_END = """
    if left & outright and not left & unsure:
        left &= ending
"""


def join(looks: Iterable[Look], everything: int, unsure: int, end: End | None = None) -> Narrow:
    """The function that takes all of *looks* and leaves the rest of *everything*.

    *unsure* holds what has to be evaluated whatever they find.
    """
    ordered = sorted(looks, key=lambda look: _order(look.form))
    code = _code(tuple(look.form for look in ordered), ends=end is not None)
    values = (value for look in ordered for value in look.values)
    rare = tuple(look.rare for look in ordered)
    # As defaults they lie side by side, where a closure would have a cell for each.
    defaults = (everything, unsure, rare, *(end or ()), *values)
    return FunctionType(code, _GLOBALS, "narrow", defaults)


_GLOBALS = {"bisect": bisect_right, "type": type, "str": str, "int": int, "float": float}


def _order(form: Form) -> tuple[int, Form]:
    """What is quickest and leaves least comes first, and the same forms are in the same order."""
    return _KINDS.index(form.kind), form


@lru_cache(REMEMBERED)
def _code(forms: tuple[Form, ...], *, ends: bool) -> CodeType:
    variables = [f"{name}_{n}" for n, form in enumerate(forms) for name in _VARIABLES[form.kind]]
    given = ["left", "unsure", "rare", *(End._fields if ends else ()), *variables]
    members = dict.fromkeys(form.owner for form in forms if form.member)
    owners = {owner: f"owner_{n}" for n, owner in enumerate(members)}
    looks = [_look(n, form, owners) for n, form in enumerate(forms)]
    if looks:
        # What is left at first is everything, of which each index leaves a part.
        looks[0] = looks[0].replace("left &= ", "left = ")
    names = sum(form.kind is Kind.NAME for form in forms)
    read = [f"    {local} = request.{owner}\n" for owner, local in owners.items()]
    source = (
        f"def narrow(request, {', '.join(given)}):{''.join(looks[:names])}\n{''.join(read)}"
        f"{''.join(looks[names:])}{_END * ends}\n    return left, unsure\n"
    )
    space: dict[str, Any] = {}
    # The source holds what stands in this file and attributes of the model, and nothing else.
    exec(source, space)  # noqa: S102
    return cast("CodeType", space["narrow"].__code__)


def _look(n: int, form: Form, owners: dict[str, str]) -> str:
    """The lines of look number *n*."""
    value = f"{owners[form.owner]}.get(name_{n})" if form.member else f"request.{form.owner}"
    worth = f"left & rare[{n}]" if form.few else "True"
    return _CODE[form.kind].format(n=n, owner=form.owner, value=value, worth=worth)

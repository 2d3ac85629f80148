"""What is looked at in a request to narrow its candidates, as one function.

    name     which of the patterns over a noun it fits, and the candidates these leave
    lack     whether a member is there at all
    text     by dictionary
    count    a number, of few: by its place in a table
    number   by bisection
    span     a text, by bisection

A loop would take every index apart again for every request: in the function they are
variables. Its code depends on the forms of the looks alone, which most tools share, so that
Python compiles it once for all of them, in less than a millisecond.

Where there are many candidates, sets of them are long integers, and to intersect those takes longer
than to look. Then what was found is intersected for the few first that may end the matter, and for
all of them only if none of the few does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any, NamedTuple, TypeAlias, cast

from remit.canonical.jcs import LARGEST_INTEGER
from remit.model import Request

Narrow: TypeAlias = Callable[[Request], tuple[int, int]]
"""From a request to what it does not rule out, and what has to be evaluated."""

REMEMBERED = 1024
"""Combinations of forms whose code is kept."""


class Kind(StrEnum):
    """What is there, and how its index is asked: in the order in which looks are taken."""

    NAME = "name"
    LACK = "lack"
    TEXT = "text"
    COUNT = "count"
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
    counts: int = 0
    """How long its table is, if it has one."""


class Look(NamedTuple):
    """One look at a request."""

    form: Form
    values: tuple[Any, ...]
    """What its code calls by the names in `_VARIABLES`."""
    tested: int = 0
    """The candidates whose conditions are about it."""
    rare: Any = None
    """Finds what is left where the quick way finds nothing.

    Not one of the values: a call touches all of those, and most are not in the processor's caches.
    """


class End(NamedTuple):
    """Where one of *outright* is left for sure, nothing but *ending* matters any more.

    An index then holds pairs, as `of` makes them.
    """

    outright: int
    ending: int

    def of(self, bits: int) -> tuple[int, int]:
        """Those of *bits* that still matter then, and all of them."""
        return bits & self.ending, bits


_VARIABLES = {
    Kind.NAME: ("nouns", "known"),
    Kind.LACK: ("name", "left"),
    Kind.TEXT: ("name", "left", "free"),
    Kind.COUNT: ("name", "left"),
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
    {take}found{taken}
    if not {all}:
        return 0, 0
""",
    Kind.LACK: """
    if {worth} and name_{n} not in {mapping}:
        {take}left_{n}{taken}
    else:
        {all_found}
""",
    Kind.TEXT: """
    if {worth}:
        value = {value}
        if type(value) is str:
            {take}left_{n}.get(value, free_{n}){taken}
        else:
            {nothing_found}
""",
    Kind.COUNT: """
    if {worth}:
        value = {value}
        kind = type(value)
        if {whole}:
            {take}left_{n}[value if 0 < value < {counts} else -(value > 0)]{taken}
        elif {fraction}:
            {take}rare[{n}].find(value){taken}
        else:
            {nothing_found}
""",
    Kind.NUMBER: """
    if {worth}:
        value = {value}
        kind = type(value)
        if {whole}:
            {take}left_{n}[bisect(points_{n}, value)]{taken}
        elif {fraction}:
            {take}rare[{n}].find(value){taken}
        else:
            {nothing_found}
""",
    Kind.SPAN: """
    if {worth}:
        value = {value}
        if type(value) is str:
            {take}left_{n}[bisect(points_{n}, value)]{taken}
        else:
            {nothing_found}
""",
}
# Numbers in mappings are frozen, so they are finite and no longer than a double; an attribute
# may hold any.
_IN_MAPPING = {"whole": "kind is int", "fraction": "kind is float"}
_ATTRIBUTE = {
    "whole": f"kind is int and -{LARGEST_INTEGER} <= value <= {LARGEST_INTEGER}",
    "fraction": "False",
}
_KINDS = tuple(Kind)
_NOTHING_FOUND = "unsure |= tested[{n}]"
_AT_ONCE = {
    "take": "left &= ",
    "taken": "",
    "all": "left",
    "all_found": "pass",
    "nothing_found": _NOTHING_FOUND,
}
_IN_TURN = {
    "take": "left &= (found_{n} := ",
    "taken": ")[0]",
    "all": "found_{n}[1]",
    "all_found": "found_{n} = everything",
    "nothing_found": f"found_{{n}} = everything; {_NOTHING_FOUND}",
}
_END = """
    if left & outright and not left & unsure:
        return left, unsure
    left = everything[1]
"""


def join(looks: Iterable[Look], everything: int, unsure: int, end: End | None = None) -> Narrow:
    """The function that takes all of *looks* and leaves the rest of *everything*.

    *unsure* holds what has to be evaluated whatever they find.
    """
    ordered = sorted(looks, key=lambda look: _order(look.form))
    code = _code(tuple(look.form for look in ordered), ends=end is not None)
    values = [value for look in ordered for value in look.values]
    tested = tuple(look.tested for look in ordered)
    rare = tuple(look.rare for look in ordered)
    # As defaults they lie side by side, where a closure would have a cell for each.
    defaults: tuple[Any, ...] = (everything, unsure, tested, rare, *values)
    if end:
        few_and_all = end.of(everything)
        defaults = (few_and_all[0], unsure, tested, rare, end.outright, few_and_all, *values)
    return FunctionType(code, _GLOBALS, "narrow", defaults)


_GLOBALS = {"bisect": bisect_right, "type": type, "str": str, "int": int, "float": float}


def _order(form: Form) -> tuple[int, Form]:
    """What is quickest and leaves least comes first, and the same forms are in the same order."""
    return _KINDS.index(form.kind), form


@lru_cache(REMEMBERED)
def _code(forms: tuple[Form, ...], *, ends: bool) -> CodeType:
    variables = [f"{name}_{n}" for n, form in enumerate(forms) for name in _VARIABLES[form.kind]]
    ends_with = ("outright", "everything") if ends else ()
    given = ["left", "unsure", "tested", "rare", *ends_with, *variables]
    members = dict.fromkeys(form.owner for form in forms if form.member)
    owners = {owner: f"owner_{n}" for n, owner in enumerate(members)}
    looks = [_look(n, form, owners, ends=ends) for n, form in enumerate(forms)]
    if looks:
        # What is left at first is everything, of which each index leaves a part.
        looks[0] = looks[0].replace("left &= ", "left = ")
    names = sum(form.kind is Kind.NAME for form in forms)
    read = [f"    {local} = request.{owner}\n" for owner, local in owners.items()]
    both = [f"    left &= found_{n}[1]\n" for n in range(len(forms))]
    source = (
        f"def narrow(request, {', '.join(given)}):{''.join(looks[:names])}\n{''.join(read)}"
        f"{''.join(looks[names:])}{(_END + ''.join(both)) * ends}\n    return left, unsure\n"
    )
    space: dict[str, Any] = {}
    # The source holds what stands in this file and attributes of the model, and nothing else.
    exec(source, space)  # noqa: S102
    return cast("CodeType", space["narrow"].__code__)


def _look(n: int, form: Form, owners: dict[str, str], *, ends: bool) -> str:
    """The lines of look number *n*."""
    value = f"{owners[form.owner]}.get(name_{n})" if form.member else f"request.{form.owner}"
    worth = f"left & tested[{n}]" if form.few else "True"
    words = {key: line.format(n=n) for key, line in (_IN_TURN if ends else _AT_ONCE).items()}
    words |= {"value": value, "worth": worth, "mapping": owners.get(form.owner, "")}
    words |= _IN_MAPPING if form.member else _ATTRIBUTE
    return _CODE[form.kind].format(n=n, owner=form.owner, counts=form.counts, **words)

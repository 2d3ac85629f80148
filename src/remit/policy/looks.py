"""What is looked at in a request to narrow its candidates, as one function.

    name     which of the patterns over a noun it fits, and the candidates these leave
    lack     whether a member is there at all
    text     by dictionary
    count    a number, of few: by its place in a table
    number   by bisection
    span     a text, by bisection; what comes again is remembered
    pattern  a text, by the regular expressions in it: last, and only if any candidate wants one

A loop would take every index apart again for every request: in the function they are
variables. Its code depends on the forms of the looks alone, which most tools share, so that
Python compiles it once for all of them, in less than a millisecond. Tools that know the same points
(`codes`) share the function too, and what is a tool's own is one tuple.

Where there are many candidates, sets of them are long integers, and to intersect those takes longer
than to look. Then what was found is intersected for the few first that may end the matter, and for
all of them only if none of the few does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import chain, count, pairwise, repeat
from types import CodeType, FunctionType
from typing import Any, NamedTuple, TypeAlias, cast

from remit.canonical.jcs import LARGEST_INTEGER
from remit.model import Request

Kept: TypeAlias = tuple[Any, ...]
"""What is left of one set of candidates, for each look."""
Narrow: TypeAlias = Callable[[Request, Kept], tuple[int, int]]
"""From a request to what it does not rule out, and what has to be evaluated."""

REMEMBERED = 1024
"""Combinations of forms whose code is kept, and of forms and points whose function is."""

TEXTS = 512
"""Texts whose place is kept, of each set of points."""

LONGEST_TEXT = 256
"""Characters of such a text."""

LONGEST_KEPT = 64
"""Points of one look up to which its function is kept: policies come and go, this stays."""


class Kind(StrEnum):
    """What is there, and how its index is asked: in the order in which looks are taken."""

    NAME = "name"
    LACK = "lack"
    TEXT = "text"
    COUNT = "count"
    SPAN = "span"
    NUMBER = "number"
    PATTERN = "pattern"


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
    name: str = ""
    """Of the member."""
    points: tuple[Any, ...] = ()
    """The texts, or the bounds, among which the place of a value is sought."""
    left: tuple[Any, ...] = ()
    """What is left at each place. Of a name: how what it fits is found, and what that leaves."""
    free: Any = 0
    """What is left where it is none of the texts, or not there. Of patterns: who wants them."""
    tested: int = 0
    """The candidates whose conditions are about it."""
    rare: Any = None
    """Finds what is left where the quick way finds nothing."""


class End(NamedTuple):
    """Where one of *outright* is left for sure, nothing but *ending* matters any more.

    An index then holds pairs, as `of` makes them.
    """

    outright: int
    ending: int

    def of(self, bits: int) -> tuple[int, int]:
        """Those of *bits* that still matter then, and all of them."""
        return bits & self.ending, bits


# What is not there, or of another type, is for the condition itself to judge.
_CODE = {
    Kind.NAME: """
    noun = request.{owner}
    fits = {nouns}.get(noun.type)
    if fits is not None:
        fits = fits.get(noun.id)
    if fits is None:
        fits = {rare}.fits(noun.type, noun.id)
    found = {known}.get(fits)
    if found is None:
        found = {rare}.find(fits)
    {take}found{taken}
    if not {all}:
        return 0, 0
""",
    Kind.LACK: """
    if {worth} and name_{n} not in {mapping}:
        {take}kept[{free}]{taken}
    else:
        {all_found}
""",
    Kind.TEXT: """
    if {worth}:
        value = {value}
        if type(value) is str:
            {take}kept[places_{n}.get(value, {free})]{taken}
        else:
            {nothing_found}
""",
    Kind.COUNT: """
    if {worth}:
        value = {value}
        kind = type(value)
        if {whole}:
            {take}kept[places_{n}[value if 0 < value < {counts} else -(value > 0)]]{taken}
        elif {fraction}:
            {take}{rare}.find(value){taken}
        else:
            {nothing_found}
""",
    Kind.NUMBER: """
    if {worth}:
        value = {value}
        kind = type(value)
        if {whole}:
            {take}kept[start_{n} + bisect(places_{n}, value)]{taken}
        elif {fraction}:
            {take}{rare}.find(value){taken}
        else:
            {nothing_found}
""",
    Kind.SPAN: """
    if {worth}:
        value = {value}
        if type(value) is str:
            {take}kept[places_{n}[value]]{taken}
        else:
            {nothing_found}
""",
    Kind.PATTERN: """
    if left & kept[{free}]:
        value = {value}
        found = kept[start_{n}][value] if type(value) is str else None
        if found is None:
            {nothing_found}
        else:
            {take}found{taken}
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
_NOTHING_FOUND = "unsure |= {tested}"
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
    "all_found": "found_{n} = kept[3]",
    "nothing_found": f"found_{{n}} = kept[3]; {_NOTHING_FOUND}",
}
_END = """
    if left & kept[2] and not left & unsure:
        return left, unsure
    left = kept[3][1]
"""
_BEFORE_LOOKS = 4


def join(
    looks: Iterable[Look], everything: int, unsure: int, end: End | None = None
) -> tuple[Narrow, Kept]:
    """The function that takes all of *looks* and leaves the rest, and what is kept for it.

    At first *everything* is left, and *unsure* has to be evaluated whatever they find.
    """
    ordered = sorted(looks, key=lambda look: _order(look.form))
    # What a call touches may be outside of the processor's caches: what is seldom needed is apart.
    rare, tested = (look.rare for look in ordered), (look.tested for look in ordered)
    outright, few_and_all = (end.outright, end.of(everything)) if end else (0, (everything,))
    seldom = (*rare, *tested, few_and_all[0])
    kept = [unsure, seldom, outright, few_and_all, *(look.free for look in ordered)]
    places = []
    for look in ordered:
        places.append((look.form, look.name, look.points, len(kept)))
        kept += look.left
    short = all(len(look.points) <= LONGEST_KEPT for look in ordered)
    function = _function if short else _function.__wrapped__
    return function(tuple(places), ends=end is not None, sure=not unsure), tuple(kept)


_GLOBALS = {"bisect": bisect_right, "type": type, "str": str, "int": int, "float": float}


def _order(form: Form) -> tuple[int, Form]:
    """What is quickest and leaves least comes first, and the same forms are in the same order."""
    return _KINDS.index(form.kind), form


@lru_cache(REMEMBERED)
def _function(
    places: tuple[tuple[Form, str, tuple[Any, ...], int], ...], *, ends: bool, sure: bool
) -> Narrow:
    """The function for looks of these forms at what has these names, with points from a start."""
    code = _code(tuple(form for form, *_ in places), ends=ends, sure=sure)
    # As defaults they lie side by side, where a closure would have a cell for each.
    defaults: list[Any] = []
    for n, (form, name, points, start) in enumerate(places):
        given = {"name": name, "start": start, "places": _places(form, points, start)}
        defaults += (given[variable.partition("_")[0]] for variable in _variables(n, form))
    return cast("Narrow", FunctionType(code, _GLOBALS, "narrow", tuple(defaults)))


def _variables(n: int, form: Form) -> Iterator[str]:
    """What the code of look number *n* is given."""
    if form.member:
        yield f"name_{n}"
    if form.kind in {Kind.NUMBER, Kind.PATTERN}:
        yield f"start_{n}"
    if form.kind not in {Kind.NAME, Kind.LACK, Kind.PATTERN}:
        yield f"places_{n}"


def _places(form: Form, points: tuple[Any, ...], start: int) -> Any:
    """How the place of a value among *points* is found."""
    if form.kind is Kind.TEXT:
        return {text: place for place, text in enumerate(points, start)}
    if form.kind is Kind.COUNT:
        lengths = (stop - first for first, stop in pairwise((0, *points, form.counts)))
        return tuple(chain.from_iterable(map(repeat, count(start), lengths)))
    return _Stretches(points, start) if form.kind is Kind.SPAN else points


class _Stretches(dict[str, int]):
    """From a text to its place among *points*. Texts that come again are found at once."""

    def __init__(self, points: Sequence[str], start: int) -> None:
        super().__init__()
        self._points = points
        self._start = start

    def __missing__(self, text: str) -> int:
        place = self._start + bisect_right(self._points, text)
        if len(self) >= TEXTS:
            self.clear()
        if len(text) <= LONGEST_TEXT:
            self[text] = place
        return place


@lru_cache(REMEMBERED)
def _code(forms: tuple[Form, ...], *, ends: bool, sure: bool) -> CodeType:
    names = sum(form.kind is Kind.NAME for form in forms)
    given = [each for n, form in enumerate(forms) for each in _variables(n, form)]
    members = dict.fromkeys(form.owner for form in forms if form.member)
    owners = {owner: f"owner_{n}" for n, owner in enumerate(members)}
    looks = [_look(n, form, owners, len(forms), ends=ends) for n, form in enumerate(forms)]
    begin = "    left = kept[1][-1]\n"
    if names:
        # What is left at first is everything, of which a name always leaves a part.
        begin = ""
        looks[0] = looks[0].replace("left &= ", "left = ")
    read = [f"    {local} = request.{owner}\n" for owner, local in owners.items()]
    both = [f"    left &= found_{n}[1]\n" for n in range(len(forms))]
    source = (
        f"def narrow({', '.join(['request', 'kept', *given])}):\n"
        f"    unsure = {0 if sure else 'kept[0]'}\n{begin}{''.join(looks[:names])}\n{''.join(read)}"
        f"{''.join(looks[names:])}{(_END + ''.join(both)) * ends}\n    return left, unsure\n"
    )
    space: dict[str, Any] = {}
    # The source holds what stands in this file and attributes of the model, and nothing else.
    exec(source, space)  # noqa: S102
    return cast("CodeType", space["narrow"].__code__)


def _look(n: int, form: Form, owners: dict[str, str], looks: int, *, ends: bool) -> str:
    """The lines of look number *n* of so many *looks*."""
    value = f"{owners[form.owner]}.get(name_{n})" if form.member else f"request.{form.owner}"
    tested = f"kept[1][{looks + n}]"
    worth = f"left & {tested}" if form.few else "True"
    lines = (_IN_TURN if ends else _AT_ONCE).items()
    words = {key: line.format(n=n, tested=tested) for key, line in lines}
    words |= {"mapping": owners.get(form.owner, "")}
    words |= _IN_MAPPING if form.member else _ATTRIBUTE
    words |= {"value": value, "worth": worth, "rare": f"kept[1][{n}]"}
    place = _BEFORE_LOOKS + looks + 2 * n
    words |= {"nouns": f"kept[{place}]", "known": f"kept[{place + 1}]"}
    words |= {"free": str(_BEFORE_LOOKS + n), "owner": form.owner, "counts": str(form.counts)}
    return _CODE[form.kind].format(n=n, **words)

"""The functions every condition can call, a file for each subject.

All are pure: they look at their arguments and at nothing else. Each refuses
to build a text or a list that is out of all proportion.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from remit.expr.function import Function
from remit.expr.functions import (
    clock,
    convert,
    elsewhere,
    encoders,
    lists,
    mathematics,
    moments,
    network,
    operators,
    optionals,
    paths,
    patterns,
    strings,
    text,
)

_ALL = (
    operators,
    convert,
    strings,
    text,
    patterns,
    lists,
    mathematics,
    moments,
    optionals,
    encoders,
    paths,
    network,
    clock,
    elsewhere,
)


def _by_name() -> Mapping[str, tuple[Function, ...]]:
    table: dict[str, tuple[Function, ...]] = {}
    for each in chain.from_iterable(subject.FUNCTIONS for subject in _ALL):
        table[each.name] = (*table.get(each.name, ()), each)
    return table


STANDARD = _by_name()
"""Every function of the standard library, by name."""

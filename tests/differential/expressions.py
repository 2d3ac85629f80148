"""What generated expressions are about, in our words."""

from __future__ import annotations

from types import SimpleNamespace

from grammar import DATA, TYPES

from remit.canonical import freeze
from remit.expr import BOOL, DOUBLE, DYN, INT, STRING, Environment, ListType, MapType, Variable

_NAMED = {
    "int": INT,
    "double": DOUBLE,
    "string": STRING,
    "bool": BOOL,
    "int list": ListType(INT),
    "int map": MapType(STRING, INT),
    "dyn map": MapType(STRING, DYN),
}
ENVIRONMENT = Environment({name: Variable(_NAMED[each], name) for name, each in TYPES.items()})
ACTIVATION = SimpleNamespace(**{name: freeze(value) for name, value in DATA.items()})

"""Answers for expressions by `cel-expr-python`, the official runtime; run by its environment.

Reads lines of JSON with an expression each, writes lines with a tagged value or an error.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext.ext_bindings import ExtBindings
from cel_expr_python.ext.ext_math import ExtMath
from cel_expr_python.ext.ext_strings import ExtStrings
from grammar import DATA, TYPES

NAMED = {
    "int": cel.Type.INT,
    "double": cel.Type.DOUBLE,
    "string": cel.Type.STRING,
    "bool": cel.Type.BOOL,
    "int list": cel.Type.List(cel.Type.INT),
    "int map": cel.Type.Map(cel.Type.STRING, cel.Type.INT),
    "dyn map": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def tagged(found: Any) -> Any:
    """A value with the name of its type, in words both sides use."""
    kind, value = found.type().name().partition("<")[0], found.value()
    if kind == "LIST":
        return ["list", [tagged(item) for item in value]]
    if kind == "MAP":
        entries = [(key, tagged(item)) for key, item in value.items()]
        return ["map", sorted(([_key(key), item] for key, item in entries), key=repr)]
    if kind == "TIMESTAMP":
        return ["timestamp", str((value - EPOCH) // MICROSECOND)]
    if kind == "DURATION":
        return ["duration", str(value // MICROSECOND)]
    if kind == "BYTES":
        return ["bytes", bytes(value).hex()]
    if kind == "TYPE":
        return ["type", found.plain_value().name().lower()]
    return [kind.lower(), repr(value)]


def _key(key: Any) -> str:
    return repr(key.plain_value() if hasattr(key, "plain_value") else key)


def answer(environment: Any, expr: str) -> Any:
    try:
        program = environment.compile(expr)
    except Exception as error:  # noqa: BLE001 - whatever it is, it did not compile
        return ["refused", str(error).splitlines()[0][:200]]
    try:
        found = program.eval(data=DATA)
        if found.type().name() != "ERROR":
            return tagged(found)
    except Exception as error:  # noqa: BLE001 - some errors are raised, others are values
        return ["error", str(error)[:200]]
    return ["error", str(found.value())[:200]]


def main() -> None:
    environment = cel.NewEnv(
        variables={name: NAMED[kind] for name, kind in TYPES.items()},
        extensions=[ExtStrings(), ExtMath(), ExtBindings()],
    )
    for line in sys.stdin:
        # Flushed, since the next one may take the process down.
        print(json.dumps(answer(environment, json.loads(line)["expr"])), flush=True)


if __name__ == "__main__":
    main()

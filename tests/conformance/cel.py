"""Run the cases of the CEL specification: `python cel.py cases.jsonl`.

Each line of the file is a case: an expression, bindings and a value or an
error. Every case is evaluated in both forms a program has, and they must
agree. Prints a count and each failure.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from remit.expr import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    Duration,
    Environment,
    EvalError,
    ExprError,
    ListType,
    MapType,
    Optional,
    Program,
    Timestamp,
    TypeValue,
    Uint,
    Variable,
    check,
    parse,
    unchecked,
)
from remit.expr import compile as compile_checked
from remit.expr.access import make_map
from remit.expr.values import kind, shown_key

TYPES = {
    each.name: each for each in (BOOL, INT, UINT, DOUBLE, STRING, BYTES, NULL, TIMESTAMP, DURATION)
}
TYPES |= {"list": ListType(DYN), "map": MapType(DYN, DYN)}


def value(tagged: dict[str, Any]) -> Any:
    """The value a case writes with its type as a tag."""
    [(tag, plain)] = tagged.items()
    made = {
        "int": int,
        "uint": lambda text: Uint(int(text)),
        "double": float,
        "bytes": bytes.fromhex,
        "list": lambda items: tuple(map(value, items)),
        "map": lambda entries: make_map(*((value(k), value(v)) for k, v in entries)),
        "type": TypeValue,
        "timestamp": lambda moment: Timestamp(moment[0] * 10**9 + moment[1]),
        "duration": lambda span: Duration(span[0] * 10**9 + span[1]),
    }
    return made[tag](plain) if tag in made else plain


def comparable(found: Any) -> Any:
    """*found* in a form that Python's `==` compares as the cases mean it: by type, NaN included."""
    if isinstance(found, list | tuple):
        return ("list", [comparable(item) for item in found])
    if isinstance(found, dict):
        entries = [(comparable(shown_key(k)), comparable(v)) for k, v in found.items()]
        return ("map", sorted(entries, key=repr))
    if isinstance(found, Optional):
        return ("optional", [comparable(found.value)] if found.present else [])
    if isinstance(found, float):
        return ("double", "nan" if math.isnan(found) else repr(found))
    return (kind(found), found)


def program(case: dict[str, Any]) -> tuple[Program, Any]:
    """The compiled expression of a case, and the activation that holds its bindings."""
    bound = {name: value(tagged) for name, tagged in case["bindings"].items()}
    paths = {name: f"v{number}" for number, name in enumerate(bound)}
    environment = Environment(
        {name: Variable(TYPES[kind(bound[name])], paths[name]) for name in bound}
    )
    expr = parse(case["expr"])
    checked = (unchecked if case.get("unchecked") else check)(expr, environment)
    return compile_checked(checked), SimpleNamespace(**{paths[name]: bound[name] for name in bound})


def outcome(case: dict[str, Any]) -> Any:
    """What evaluating a case gives: something comparable, or the text "error"."""
    try:
        made, activation = program(case)
    except ExprError as error:
        return f"error: {error}"
    results = []
    for evaluate in (made.evaluate, made.exact):
        try:
            results.append(comparable(evaluate(activation)))
        except EvalError as error:
            results.append(f"error: {error}")
    return results[0] if results[0] == results[1] else f"two answers: {results}"


def failures(cases: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each case that fails."""
    for case in cases:
        found = outcome(case)
        wanted = comparable(value(case["value"])) if "value" in case else "error"
        passed = str(found).startswith("error: ") if wanted == "error" else found == wanted
        if not passed:
            place = "/".join((case["file"], case["section"], case["name"]))
            yield f"{place}: {case['expr']!r} gave {found}, not {wanted}"


def main(path: str) -> int:
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    failed = list(failures(cases))
    print(f"passed {len(cases) - len(failed)} failed {len(failed)}")
    for failure in failed:
        print(failure)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

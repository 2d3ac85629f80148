"""Cases of the CEL specification in values of Python that every library's can be compared with.

`int` and `uint` are one here, and so are all type values, since not every library's
values tell them apart; moments and spans are compared by the microsecond.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def failures(peer: Any, path: str) -> dict[str, Any]:
    """How many cases *peer* passes, and the names of the others."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    wrong = ["/".join((c["file"], c["section"], c["name"])) for c in cases if not passes(peer, c)]
    return {"version": peer.version(), "passed": len(cases) - len(wrong), "wrong": wrong}


def passes(peer: Any, case: dict[str, Any]) -> bool:
    try:
        found = peer.evaluate(case["expr"], case["bindings"], unchecked="unchecked" in case)
        shown = shape(found)
    except BaseException:  # a panic of Rust is no Exception
        return "value" not in case
    return "value" in case and shown == wanted(case["value"])


def shape(value: Any) -> Any:
    """*value* in a form that Python's `==` compares by type, NaN included."""
    if isinstance(value, bool) or value is None:
        return (str(value), "")
    if isinstance(value, float):
        return ("double", "nan" if math.isnan(value) else repr(float(value)))
    if isinstance(value, list | tuple):
        return ("list", [shape(item) for item in value])
    if isinstance(value, dict):
        return ("map", sorted(((shape(k), shape(v)) for k, v in value.items()), key=repr))
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return ("timestamp", str((moment - EPOCH) // MICROSECOND))
    if isinstance(value, timedelta):
        return ("duration", str(value // MICROSECOND))
    if isinstance(value, bytes | bytearray):
        return ("bytes", bytes(value).hex())
    if isinstance(value, int | str):
        return ("int" if isinstance(value, int) else "string", str(value))
    return ("type", "")


def wanted(tagged: dict[str, Any]) -> Any:
    """The same of a value that a case writes with its type as a tag."""
    [(tag, plain)] = tagged.items()
    if tag == "list":
        return ("list", [wanted(item) for item in plain])
    if tag == "map":
        return ("map", sorted(((wanted(k), wanted(v)) for k, v in plain), key=repr))
    if tag in {"timestamp", "duration"}:
        return (tag, str((plain[0] * 10**9 + plain[1]) // 1000))
    if tag in {"int", "uint", "bytes"}:
        return ("bytes" if tag == "bytes" else "int", plain)
    if tag == "double":
        return shape(float(plain))
    return ("type", "") if tag == "type" else shape(plain)


def bound(tagged: dict[str, Any], make: dict[str, Any]) -> Any:
    """The value of a binding; *make* says how a library wants what JSON has not."""
    [(tag, plain)] = tagged.items()
    if tag == "list":
        return [bound(item, make) for item in plain]
    if tag == "map":
        return {bound(k, make): bound(v, make) for k, v in plain}
    if tag in {"timestamp", "duration"}:
        span = timedelta(seconds=plain[0], microseconds=plain[1] // 1000)
        return EPOCH + span if tag == "timestamp" else span
    known = {"int": int, "uint": int, "double": float, "bytes": bytes.fromhex, **make}
    return known[tag](plain) if tag in known else plain

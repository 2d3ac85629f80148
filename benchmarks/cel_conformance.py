"""The published cases of the CEL specification, by ours and by two other libraries for Python.

    python benchmarks/cel_conformance.py cases.jsonl

The file is one of JSON lines, each an expression, bindings, and a value or an error,
as `tests/conformance/cel.py` reads it. Each library runs in a process of its own. A
case passes if value and type are right, as far as the library's values tell types
apart (`1` and `1u` are both int to the one in Rust), or if it fails where it must.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import workers

LIBRARIES = {
    "remit": "ours",
    "cel-python": "celpython",
    "common-expression-language": "celrust",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cases", type=Path)
    parser.add_argument("--failures", action="store_true", help="print the names of those, too")
    options = parser.parse_args()
    answers = {
        name: workers.ask(peer, "conform", options.cases.resolve())
        for name, peer in LIBRARIES.items()
    }
    print(workers.heading(answers.values()))
    rows = [
        (name, found.get("passed", found.get("failed")), len(found.get("wrong", ())))
        for name, found in answers.items()
    ]
    print(workers.table(("library", "passed", "failed"), rows))
    for name, found in answers.items() if options.failures else ():
        for case in found.get("wrong", ()):
            print(f"{name}: {case}")
    return 1 if any("failed" in found for found in answers.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

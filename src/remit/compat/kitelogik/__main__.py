"""`python -m remit.compat.kitelogik`: Kite Logik's commands that need no OPA.

init [DIR]                   a new project
compile FILE [-o OUT]        YAML to Rego, on standard output or into a file
check JSON                   what would be decided; exits with 1 if it is not allowed
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from remit.compat.kitelogik.gate import PolicyGate
from remit.compat.kitelogik.models import GovernanceEvent, SessionContext
from remit.compat.kitelogik.rego import compile_yaml
from remit.compat.kitelogik.scaffold import init
from remit.errors import PolicyError

MISUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m remit.compat.kitelogik", description="Kite Logik's commands, over Remit."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("init", help="a new project").add_argument(
        "directory", nargs="?", default="."
    )
    compiling = commands.add_parser("compile", help="YAML to Rego")
    compiling.add_argument("file")
    compiling.add_argument("-o", "--output")
    commands.add_parser("check", help="what would be decided on an event").add_argument("event")
    given = parser.parse_args(arguments)
    try:
        if given.command == "init":
            return _init(given.directory)
        if given.command == "compile":
            return _compile(given.file, given.output)
        return _check(given.event)
    except (OSError, ValueError, TypeError, PolicyError) as error:
        sys.stderr.write(f"{error}\n")
        return MISUSED


def _init(directory: str) -> int:
    for path in init(directory):
        sys.stdout.write(f"wrote {path}\n")
    return 0


def _compile(file: str, output: str | None) -> int:
    text = compile_yaml(file)
    if output is None:
        sys.stdout.write(text)
        return 0
    Path(output).write_text(text, encoding="utf-8")
    sys.stdout.write(f"compiled {file} -> {output}\n")
    return 0


def _check(text: str) -> int:
    fields = json.loads(text)
    if not isinstance(fields, dict):
        raise TypeError("an event is a JSON document")
    context = SessionContext(**fields.pop("context", {}))
    known = {"event_type": "tool_call", "session_id": context.session_id, **fields}
    decision = asyncio.run(PolicyGate().evaluate(GovernanceEvent(**known, context=context)))
    sys.stdout.write(json.dumps(decision.model_dump(), indent=2) + "\n")
    return 0 if decision.allow else 1


if __name__ == "__main__":
    sys.exit(main())

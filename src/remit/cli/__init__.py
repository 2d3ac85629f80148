"""The command `remit`: one module per noun, and nothing that the library does not do.

app      the commands, and how they end
exits    what the exit codes mean
screen   the one way to standard output and standard error
given    what users name and write: policies, ledgers, requests, moments
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `remit` with *arguments*, those of the process if None, and return its exit code."""
    try:
        from remit.cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in {"cyclopts", "rich"}:
            raise
        cure = "pip install 'remit[cli]'"
        print(f"remit: the command line needs {error.name}: {cure}", file=sys.stderr)
        return 2
    return run(sys.argv[1:] if arguments is None else arguments)

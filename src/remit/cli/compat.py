"""`remit compat`: the command lines of systems whose programs run here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, TypeAlias

from cyclopts import Parameter

Arguments: TypeAlias = Annotated[str, Parameter(name="argument", allow_leading_hyphen=True)]


def compat_aegis(*arguments: Arguments) -> int:
    """Do what a command line of Aegis says.

        remit compat aegis audit
        remit compat aegis audit --risk high
        remit compat aegis audit --status blocked
        remit compat aegis audit --export audit_export.jsonl
        remit compat aegis audit --verify
        remit compat aegis validate policy.yaml
        remit compat aegis simulate policy.yaml search:web delete_record:db

    Args:
        arguments: the command line, without `aegis`.
    """
    from remit.compat.aegis.cli.main import main

    return _done(main, arguments)


def compat_kitelogik(*arguments: Arguments) -> int:
    """Do what a command line of Kite Logik says.

        remit compat kitelogik init project
        remit compat kitelogik compile policies/policy.yaml

    Args:
        arguments: the command line, without `kitelogik`.
    """
    from remit.compat.kitelogik.__main__ import main

    return _done(main, arguments)


def _done(main: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> int:
    """The exit code of *main*, also where its parser ends the program."""
    try:
        return main(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0

"""`remit import audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from remit.cli import screen
from remit.cli.exits import Exit, Stop
from remit.cli.given import By, whoever
from remit.errors import LogError


def import_audit(
    file: Annotated[Path, Parameter(name="file")],
    /,
    *,
    ledger: Annotated[Path, Parameter(metavar="FILE")],
    by: By = None,
) -> None:
    """Make a ledger of an audit database of Aegis or Kite Logik.

        remit import audit aegis_audit.db --ledger old.db
        remit log list --ledger old.db --ledger audit.db

    Its rows are noted as what somebody says: nothing of them was governed here. The first record
    has the digest of the file. If a row cannot be read, no ledger is made (exit code 4).

    Args:
        file: the database.
        ledger: the ledger file to make.
        by: who imports it; whoever is logged in, if not said.
    """
    from remit.compat import importing

    try:
        found = importing.import_audit(file, ledger, by=whoever(by))
    except LogError as error:
        raise Stop(Exit.UNREADABLE, str(error)) from error
    screen.say(
        "wrote ", (str(ledger), "bold"), f": {screen.count(found.rows, 'row')} of {found.system}"
    )

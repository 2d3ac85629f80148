"""`remit log import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from remit.cli import screen
from remit.cli.exits import Exit, Stop
from remit.cli.log.ledger import LEDGER, Ledger, checking, note
from remit.cli.log.verify import WHOLE, File, opened, state_of, trust_in
from remit.ledgers.bundle import Bundle
from remit.ledgers.sqlite_restore import restore


def import_bundle(
    bundle: Annotated[Path, Parameter(name="BUNDLE")],
    /,
    *,
    key: File = None,
    checkpoint: File = None,
    ledger: Ledger = LEDGER,
) -> None:
    """Make a ledger file of a bundle, to list, show and export its records.

        remit log import audit.tar --key audit.pub --ledger audit-of-may.db
        remit log list --ledger audit-of-may.db --ledger audit.db

    What was made is verified; if it is not whole, none is made. It holds the same bytes as
    the ledger that was exported, has no signing key, and takes no records.

    Args:
        bundle: the folder or tar file that was exported.
        key: the verifying key to trust; the one in the bundle if not said.
        checkpoint: one that was kept elsewhere.
        ledger: the ledger file to make.
    """
    if not isinstance(ledger, Path):
        raise Stop(Exit.USAGE, f"{ledger} is a database: a bundle is imported into a file")
    with checking(bundle) as log:
        if not isinstance(log, Bundle):
            raise Stop(Exit.USAGE, f"{bundle} is a ledger, and no bundle of one")
        trust = trust_in(key, bundle, log)
        kept = None if checkpoint is None else note(checkpoint, "a checkpoint")
        if kept is not None:
            opened(kept, log, checkpoint)
        if ledger.exists():
            raise Stop(Exit.FAILED, f"{ledger} is there already")
        found = restore(log.parts(), ledger, trust, checkpoint=kept)
        state = state_of(found, trust, strict=False)
        if state != WHOLE:
            worst = f": {found.findings[0].message}" if found.findings else ""
            raise Stop(Exit.FAILED, f"{bundle} is {state}{worst}; nothing was imported")
    screen.say(f"wrote {ledger}: {screen.count(found.size, 'record')} of {log.origin}")

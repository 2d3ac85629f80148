"""`remit key rotate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter

from remit.audit.trust import Trust
from remit.cli import screen
from remit.cli.exits import Exit, Stop
from remit.cli.given import By, whoever
from remit.cli.log.ledger import LEDGER, Ledger, reading, writing
from remit.databases.postgres_address import Address
from remit.errors import LogError
from remit.ledgers import keys

KeyFile: TypeAlias = Annotated[Path | None, Parameter(metavar="FILE", show_default=False)]


def rotate(*, signer: KeyFile = None, by: By = None, ledger: Ledger = LEDGER) -> None:
    """Replace the key that signs a ledger, so that whoever trusts the old one can follow.

        remit key rotate
        remit key rotate --ledger postgresql://db.example/audit --signer audit.key

    The ledger is verified first. Then it says in a record of its own which key signs from
    now on, and both keys sign that; the head of the log they signed is printed. The new key
    takes the place of the old one, which is gone. Give the new verifying key to everybody
    who verifies: to whoever trusts the old one alone, it is worth what it was. A rotation
    that was interrupted is completed by the next.

    Args:
        signer: the file with the signing key, where it does not lie beside the ledger.
        by: who does it; you, as the system knows you, if not said. It stays in the ledger.
        ledger: the ledger file or database.
    """
    who = whoever(by)
    if signer is None and isinstance(ledger, Address):
        raise Stop(
            Exit.USAGE, f"no key lies beside {ledger}: name the one to replace with --signer"
        )
    secret = signer or keys.signing_path(Path(str(ledger)))
    with reading(ledger) as log:
        found = log.verify(_trust(secret)).findings
        broken = next((one for one in found if one.breaks), None)
        if broken is not None:
            message = f"{ledger} is not whole, and its key was not replaced: {broken.message}"
            raise Stop(Exit.FAILED, message)
        with writing(ledger, secret) as opened:
            head = opened.rotate_key(by=who)
    sys.stdout.write(head)
    screen.warn(f"{secret} is new; give everybody {keys.public_path(secret)}")


def _trust(secret: Path) -> Trust:
    try:
        return keys.Signer(secret).trust()
    except LogError as error:
        raise Stop(Exit.INVALID, str(error)) from error
    except OSError as error:
        raise Stop(Exit.INVALID, f"{secret}: {error.strerror}") from error

"""`remit key show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from remit.audit.cosignature import WitnessKey
from remit.audit.note import PublicKey
from remit.cli import screen
from remit.cli.exits import Exit, Stop
from remit.cli.given import Json
from remit.cli.log.ledger import LEDGER, Ledger, checking, note
from remit.databases.postgres_address import Address
from remit.errors import LogError
from remit.ledgers.keys import parse_public


def show(
    file: Annotated[Path | None, Parameter(name="FILE", show_default=False)] = None,
    /,
    *,
    ledger: Ledger = LEDGER,
    as_json: Json = False,
) -> None:
    """Show which key checks a log, and which it replaced; never a secret.

        remit key show
        remit key show audit.key

    Args:
        file: a key, signing or verifying; that of the ledger if not said.
        ledger: the ledger file, or a bundle that was exported.
        as_json: print a JSON document.
    """
    key, *replaced = _keys(file, ledger)
    if as_json:
        screen.emit({**_document(key), "replaced": [_document(one) for one in replaced]})
        return
    screen.say(str(key))
    for one in replaced:
        screen.say(f"replaced {one}", indent=2)


def _keys(file: Path | None, ledger: Ledger) -> tuple[PublicKey, ...]:
    if file is None:
        if isinstance(ledger, Address):
            raise Stop(Exit.USAGE, f"no key lies beside {ledger}: name the file it is in")
        with checking(ledger) as log:
            trust = log.trust()
            return trust.keys + trust.retired
    try:
        return parse_public(note(file, "a key"))
    except LogError as error:
        raise Stop(Exit.INVALID, f"{file}: {error}") from error


def _document(key: PublicKey) -> dict[str, str]:
    kind = "witness" if isinstance(key, WitnessKey) else "log"
    return {"kind": kind, "name": key.name, "hash": key.hash.hex(), "key": str(key)}

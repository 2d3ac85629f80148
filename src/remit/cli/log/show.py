"""`remit log show`."""

from __future__ import annotations

from remit.cli import screen
from remit.cli.exits import Exit, Stop
from remit.cli.given import Json
from remit.cli.log.ledger import LEDGER, Ledger, reading
from remit.cli.log.record import document
from remit.cli.log.record import show as show_record
from remit.ledgers.query import Filter

LARGEST = 2**63 - 1


def show(which: str, /, *, ledger: Ledger = LEDGER, as_json: Json = False) -> None:
    """Show all of one record, or of every record of a call.

        remit log show 17
        remit log show 5d1c09aa21e07c44-3 --json

    Args:
        which: the index of a record, or the id of a call.
        ledger: the ledger file.
        as_json: print JSON Lines.
    """
    with reading(ledger) as log:
        if which.isascii() and which.isdecimal() and int(which) <= LARGEST:
            found = list(log.select(Filter(start=int(which), limit=1)))
            records = [stored for stored in found if stored.index == int(which)]
        else:
            records = list(log.select(Filter(call=which)))
        if not records:
            raise Stop(Exit.FAILED, f"{ledger} has no record and no call {which}")
        for position, stored in enumerate(records):
            if as_json:
                screen.emit_line(document(stored))
                continue
            if position:
                screen.say()
            show_record(stored)

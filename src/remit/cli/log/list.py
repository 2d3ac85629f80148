"""`remit log list`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter, validators

from remit.audit.stored import Stored
from remit.cli import screen
from remit.cli.given import Json
from remit.cli.log.ledger import LEDGER, Ledger, reading
from remit.cli.log.record import document
from remit.cli.log.wanted import EVERYTHING, Wanted
from remit.cli.moment import shown

# What the effect was, the kind says.
COLUMNS = ("record", "time (UTC)", "kind", "risk", "subject", "action", "rules")
Count = Annotated[int, Parameter(metavar="N", validator=validators.Number(gte=0))]


def list_records(
    *,
    wanted: Wanted = EVERYTHING,
    limit: Count = 50,
    ledger: Ledger = LEDGER,
    as_json: Json = False,
) -> None:
    """List records: the newest, in the order in which they happened.

        remit log list --effect deny --since 7d
        remit log list --subject agent:support --action refund --limit 0
        remit log list --session ticket-1 --json

    Args:
        wanted: which records.
        limit: how many at most; 0 for all.
        ledger: the ledger file.
        as_json: print JSON Lines.
    """
    everything, newest = wanted.filter(), wanted.filter(limit=limit + 1, newest_first=True)
    with reading(ledger) as log:
        # One more than is shown tells whether there are more.
        found = list(log.select(newest)) if limit else []
        records = iter(found[limit - 1 :: -1]) if limit else log.select(everything)
        if as_json:
            for stored in records:
                screen.emit_line(document(stored))
        elif rows := [_row(stored) for stored in records]:
            screen.table(COLUMNS, rows, flexible=3)
        else:
            screen.say("no such record")
    if len(found) > limit > 0:
        screen.warn(f"these are the newest {limit}; --limit 0 lists all")


def _row(stored: Stored) -> tuple[screen.Part, ...]:
    leaf = stored.facts()
    time = shown(leaf.at).replace("T", " ")[:19]
    why = ", ".join(leaf.rules) or leaf.error
    kind, risk = screen.styled(leaf.kind), screen.styled(leaf.risk)
    return (str(stored.index), time, kind, risk, leaf.subject, leaf.action, why)

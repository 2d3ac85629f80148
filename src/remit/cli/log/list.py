"""`remit log list`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, validators

from remit.audit.stored import Stored
from remit.cli import screen
from remit.cli.given import Json
from remit.cli.log.ledger import LEDGER, Ledgers, naming, reading
from remit.cli.log.record import document
from remit.cli.log.wanted import EVERYTHING, Wanted
from remit.cli.moment import shown
from remit.databases.postgres_address import Address
from remit.ledgers.merged import Merged, MergedLog
from remit.ledgers.query import Filter

# What the effect was, the kind says.
COLUMNS = ("record", "time (UTC)", "kind", "risk", "subject", "action", "rules")
Count = Annotated[int, Parameter(metavar="N", validator=validators.Number(gte=0))]


def list_records(
    *,
    wanted: Wanted = EVERYTHING,
    limit: Count = 50,
    ledger: Ledgers = (LEDGER,),
    as_json: Json = False,
) -> None:
    """List records: the newest, in the order in which they happened.

        remit log list --effect deny --since 7d
        remit log list --subject agent:support --action refund --limit 0
        remit log list --session ticket-1 --json
        remit log list --ledger support.db --ledger billing.db

    Args:
        wanted: which records.
        limit: how many at most; 0 for all.
        ledger: the ledger file or database; several are listed together, by their clocks.
        as_json: print JSON Lines.
    """
    everything, newest = wanted.filter(), wanted.filter(limit=limit + 1, newest_first=True)
    several = len(ledger) > 1
    logs = MergedLog({str(one): _Source(one) for one in ledger})
    # One more than is shown tells whether there are more.
    found = list(logs.select(newest)) if limit else []
    records = iter(found[limit - 1 :: -1]) if limit else logs.select(everything)
    if as_json:
        for one in records:
            named = {"ledger": one.ledger} if several else {}
            screen.emit_line(named | _document(one))
    elif rows := [_row(one, several=several) for one in records]:
        columns = ("ledger", *COLUMNS) if several else COLUMNS
        screen.table(columns, rows, flexible=3)
    else:
        screen.say("no such record")
    if len(found) > limit > 0:
        screen.warn(f"these are the newest {limit}; --limit 0 lists all")


class _Source:
    """A ledger that is opened when it is asked, and named when it cannot be read."""

    def __init__(self, path: Path | Address) -> None:
        self.path = path

    def select(self, wanted: Filter, /) -> Iterator[Stored]:
        with reading(self.path) as log:
            for stored in log.select(wanted):
                # A record that cannot be read says so here, where it is known of which ledger.
                stored.facts()
                yield stored


def _document(one: Merged) -> dict[str, Any]:
    with naming(one.ledger):
        return document(one.stored)


def _row(one: Merged, *, several: bool) -> tuple[screen.Part, ...]:
    leaf = one.stored.facts()
    time = shown(leaf.at).replace("T", " ")[:19]
    why = ", ".join(leaf.rules) or leaf.error
    kind, risk = screen.styled(leaf.kind), screen.styled(leaf.risk)
    row = (str(one.stored.index), time, kind, risk, leaf.subject, leaf.action, why)
    return (one.ledger, *row) if several else row

"""`remit runs list`, `show` and `tail`."""

from __future__ import annotations

import time
from typing import Annotated, Any

from cyclopts import Parameter

from remit.audit.record import ENDS, Kind
from remit.cli import screen
from remit.cli.exits import Exit, Stop
from remit.cli.given import Json
from remit.cli.log.ledger import LEDGER, Ledger, reading
from remit.cli.log.list import Count
from remit.cli.log.record import document
from remit.cli.log.wanted import EVERYTHING, Wanted
from remit.cli.moment import shown
from remit.cli.runs import drawn
from remit.cli.runs.told import Happening, Told, alone, beginnings, read
from remit.ledgers.query import Filter

COLUMNS = ("run", "began (UTC)", "subject", "name", "outcome", "seconds", "calls", "tokens", "cost")
LOOK_EVERY = 0.5


def list_runs(
    *,
    wanted: Wanted = EVERYTHING,
    limit: Count = 20,
    ledger: Ledger = LEDGER,
    as_json: Json = False,
) -> None:
    """List runs: the newest, in the order in which they began.

        remit runs list --since 1d
        remit runs list --subject agent:support --json

    Args:
        wanted: of which subject, session or time.
        limit: how many at most; 0 for all.
        ledger: the ledger file.
        as_json: print JSON Lines.
    """
    asked = wanted.filter(limit=limit or None, newest_first=True)
    with reading(ledger) as log:
        found = [alone(log, begun) for begun in beginnings(log, asked)][::-1]
    if as_json:
        for run in found:
            screen.emit_line(_document(run))
    elif found:
        screen.table(COLUMNS, [_row(run) for run in found], flexible=6)
    else:
        screen.say("no such run")


def show_run(which: str, /, *, ledger: Ledger = LEDGER, as_json: Json = False) -> None:
    """Show a run as a tree: what happened in it and in the runs inside it, when, at what cost.

        remit runs show 5d1c09aa21e07c44-3

    Args:
        which: the id of the run.
        ledger: the ledger file.
        as_json: print a JSON document.
    """
    with reading(ledger) as log:
        run = read(log, which)
    if run is None:
        raise Stop(Exit.FAILED, f"{ledger} has no run {which}")
    if as_json:
        screen.emit(_document(run))
    else:
        drawn.draw(run)


def tail_runs(
    *,
    everything: Annotated[bool, Parameter(name="--all", negative=(), show_default=False)] = False,
    ledger: Ledger = LEDGER,
    as_json: Json = False,
) -> None:
    """Print what happens in runs as it happens, until interrupted.

        remit runs tail
        remit runs tail --json

    Args:
        everything: begin with what has happened already.
        ledger: the ledger file.
        as_json: print JSON Lines, as `remit log list --json` does.
    """
    with reading(ledger) as log:
        start = 0 if everything else log.size()
    while True:
        with reading(ledger) as log:
            for stored in log.select(Filter(start=start)):
                start = stored.index + 1
                leaf = stored.facts()
                if as_json:
                    screen.emit_line(document(stored))
                elif leaf.run and leaf.kind not in ENDS:
                    facts = (stored.details() or {}).get("args", {})
                    screen.say(leaf.run, *drawn.line(Happening(leaf, facts), leaf.at)[1:])
        time.sleep(LOOK_EVERY)


def _row(run: Told) -> tuple[screen.Part, ...]:
    used: dict[str, Any] = run.ended or {}
    seconds = f"{run.seconds:.2f}" if run.seconds is not None else ""
    calls = sum(used.get("calls", {}).values()) if run.ended else _calls(run)
    outcome = (run.outcome, "green" if run.outcome == "ended" else "red")
    cost = f"${used['cost']:.4f}" if used.get("cost") else ""
    at = shown(run.at).replace("T", " ")[:19]
    tokens = str(used.get("tokens") or "")
    return (run.id, at, run.subject, run.name, outcome, seconds, str(calls), tokens, cost)


def _calls(run: Told) -> int:
    started = (each.leaf for each in run.happenings if each.leaf.kind is Kind.STARTED)
    return sum(not leaf.action.startswith("run.") for leaf in started)


def _document(run: Told) -> dict[str, Any]:
    return {
        "id": run.id,
        "parent": run.parent or None,
        "name": run.name,
        "subject": run.subject,
        "session": run.session or None,
        "began": shown(run.at),
        "seconds": run.seconds,
        "outcome": run.outcome,
        "used": run.ended,
        "happened": [_told(each) for each in run.happenings],
        "inside": [_document(each) for each in run.inside],
    }


def _told(happening: Happening) -> dict[str, Any]:
    leaf, end = happening.leaf, happening.end
    return {
        "what": happening.what,
        "kind": leaf.kind,
        "at": shown(leaf.at),
        "seconds": happening.seconds,
        "facts": happening.facts,
        "rules": leaf.rules,
        "end": end.kind if end else None,
        "error": end.error or None if end else None,
    }

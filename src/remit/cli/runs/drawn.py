"""A run as a tree of lines."""

from __future__ import annotations

from remit.audit.record import Kind
from remit.cli import screen
from remit.cli.moment import shown
from remit.cli.runs.told import Happening, Told
from remit.visible import facts_line

LONGEST = 160
"""Characters of what is told that fit a line."""


def draw(run: Told) -> None:
    """Print *run* and everything in it."""
    screen.say(*_heading(run))
    _draw_inside(run, "")


def heading(run: Told) -> tuple[screen.Part, ...]:
    """The run in a line."""
    return _heading(run)


def line(happening: Happening, start: int) -> tuple[screen.Part, ...]:
    """What happened, in a line; *start* is when its run began, in microseconds."""
    leaf = happening.leaf
    after = f"{(leaf.at - start) / 1e6:>8.2f} s  "
    took = f"  {happening.seconds:.2f} s" if happening.seconds is not None else ""
    if leaf.kind is Kind.NOTED:
        return (
            after,
            (f"{happening.what:<10}", "cyan"),
            facts_line(happening.facts, LONGEST),
            took,
        )
    ended = happening.end.kind if happening.end else leaf.kind
    why = f" ({', '.join(leaf.rules)})" if leaf.rules else ""
    error = f" {happening.end.error}" if happening.end and happening.end.error else ""
    call = f"{leaf.action}({facts_line(happening.facts, LONGEST)})"
    return (after, call, " ", screen.styled(ended.value), error, why, took)


def _heading(run: Told) -> tuple[screen.Part, ...]:
    named = f" {run.name}" if run.name else ""
    took = f"  {run.seconds:.2f} s" if run.seconds is not None else ""
    outcome = (run.outcome, "green" if run.outcome == "ended" else "red")
    at = shown(run.at).replace("T", " ")[:19]
    return ((f"run {run.id}", "bold"), f"  {run.subject}{named}  {at}  ", outcome, took, _used(run))


def _used(run: Told) -> str:
    used = run.ended or {}
    parts = [f"  {used['tokens']:,} tokens"] if used.get("tokens") else []
    if used.get("cost"):
        parts.append(f"  ${used['cost']:.4f}")
    if used.get("unpriced"):
        parts.append(f"  {screen.count(used['unpriced'], 'model call')} of unknown cost")
    return "".join(parts)


def _draw_inside(run: Told, indent: str) -> None:
    rows: list[Happening | Told] = sorted([*run.happenings, *run.inside], key=_when)
    for number, row in enumerate(rows, 1):
        last = number == len(rows)
        branch, below = ("└─ ", "   ") if last else ("├─ ", "│  ")
        if isinstance(row, Told):
            screen.say(indent + branch, *_heading(row))
            _draw_inside(row, indent + below)
        else:
            screen.say(indent + branch, *line(row, run.at))


def _when(row: Happening | Told) -> int:
    return row.leaf.at if isinstance(row, Happening) else row.at

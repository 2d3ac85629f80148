"""Records as lines, for people without a collector: text for the eye, JSON for a log.

    guard = Guard(policy, ledger=ledger, readers=[ConsoleReader()])

Both write one line a record, at once, in which nothing is left that a terminal would obey or
hide. As in OpenTelemetry, content is left out unless it is switched on: see `names`.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, TextIO

from remit.audit.record import Kind, Record
from remit.telemetry import names
from remit.visible import facts_line, json_line, shown, visible

LONGEST = 160
"""Characters of what is told that fit a line of text."""


class ConsoleReader:
    """A `Reader` that writes a line of text for each record.

    Args:
        stream: where to; None stands for standard error.
        content: whether arguments, messages and outputs are shown as well.
    """

    def __init__(self, stream: TextIO | None = None, *, content: bool = False) -> None:
        self._lines = _Lines(stream)
        self._content = content

    def __call__(self, record: Record, /) -> None:
        """Write *record*."""
        self._lines.write(visible(_text(record, content=self._content)))


class JsonReader:
    """A `Reader` that writes a JSON object in one line for each record.

    Args:
        stream: where to; None stands for standard error.
        content: whether arguments, messages and outputs are written as well.
    """

    def __init__(self, stream: TextIO | None = None, *, content: bool = False) -> None:
        self._lines = _Lines(stream)
        self._content = content

    def __call__(self, record: Record, /) -> None:
        """Write *record*."""
        self._lines.write(json_line(_document(record, content=self._content)))


class _Lines:
    """Whole lines, whichever thread writes them."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        stream = self._stream or sys.stderr
        with self._lock:
            stream.write(line + "\n")
            stream.flush()


def _text(record: Record, *, content: bool) -> str:
    request, decision = record.request, record.decision
    action = request.action.name
    facts = facts_line(_facts(record, content=content), LONGEST)
    head = f"{shown(record.at // 1000)}  {_of(record):<24}  {request.subject}  "
    if record.kind is Kind.NOTED:
        return f"{head}{action.removeprefix('run.'):<10} {facts}".rstrip()
    rules = f" ({', '.join(decision.rules)})" if decision and decision.rules else ""
    why = f": {decision.reason}" if decision and record.kind is Kind.REFUSED and content else ""
    error = f" {record.body['error']}" if record.kind is Kind.RAISED else ""
    return f"{head}{action}({facts}) {record.kind.value}{error}{rules}{why}"


def _of(record: Record) -> str:
    run = record.request.run.get("id")
    return f"run {run}" if run else f"call {record.call}"


def _document(record: Record, *, content: bool) -> dict[str, Any]:
    request, decision = record.request, record.decision
    document: dict[str, Any] = {
        "time": shown(record.at // 1000),
        "kind": record.kind.value,
        "action": request.action.name,
        "call": record.call,
        "run": request.run.get("id"),
        "subject": str(request.subject),
        "session": request.session.id or None,
        "facts": _facts(record, content=content),
        "error": record.body.get("error"),
    }
    if decision is not None:
        document["decision"] = {
            "effect": decision.effect.value,
            "rules": decision.rules,
            "policy": decision.policy,
            "reason": decision.reason if content else None,
        }
    return {name: fact for name, fact in document.items() if fact not in (None, {})}


def _facts(record: Record, *, content: bool) -> dict[str, Any]:
    """What was told; without *content*, names and numbers only."""
    facts = record.request.action.properties
    if content:
        return dict(facts)
    what = record.request.action.name.removeprefix("run.")
    if record.kind is not Kind.NOTED:
        return {}
    known = {"model": names.MODEL_CALL, "end": names.RUN_END, "start": names.RUN_START}
    named = known.get(what) or names.EVENTS.get(what)
    shown_facts = named.facts if named else {}
    return {name: fact for name, fact in facts.items() if name in shown_facts or name == "seconds"}

"""Waxell Observe: an observed function, and in it a tool and a step. Run by `facades.py`."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from facade import Calls, Kept, book, found
from loopback import seen, server

POLICY = """
remit: 1
name: bench
rules:
  - {id: runs, action: "run.*", effect: allow}
  - {id: tools, action: "*", resource: "tool:*", effect: allow}
  - {id: late, action: run.step, when: run.steps > 1000000, effect: deny}
"""
MOST = {"memory": 10**6, "durable": 10**6, "theirs": 300}
"""Runs timed: the server of theirs answers four times in each."""

RUN, TOOL, STEP = "@observe", "@tool in a run", "step in a run"
RECORDS = {RUN: 5, TOOL: 2, STEP: 1}
"""What ours keeps of each. Of a run: twice two of the checks, and its end."""

Due = Callable[[Calls, int], None]
"""Looks for what the calls have left, and so many more runs."""


@contextmanager
def ours(variant: str) -> Iterator[tuple[Any, Due]]:
    """Our names, over a guard with a policy."""
    import remit

    def due(calls: Calls, more: int) -> None:
        wanted = sum(RECORDS[name] * made for name, made in calls.made.items())
        found("records", wanted + more * RECORDS[RUN], kept.size())

    with book(variant) as kept:
        remit.use(remit.Guard(remit.Policy.parse(POLICY), ledger=kept.ledger))
        yield importlib.import_module("remit.compat.waxell"), due


@contextmanager
def theirs(_variant: str) -> Iterator[tuple[Any, Due]]:
    """Theirs, whose policies are a server's."""

    def due(calls: Calls, more: int) -> None:
        waxell.shutdown()
        runs, steps = seen(address, "/api/v1/observe/runs/start/"), seen(address, "step_name")
        found("runs", calls.made[RUN] + more, runs)
        found("steps", calls.made[STEP], steps)

    with TemporaryDirectory() as home, server() as address:
        os.environ |= {"HOME": home, "WAXELL_API_URL": address, "WAXELL_API_KEY": "wax_sk_none"}
        logging.disable(logging.CRITICAL)
        waxell = importlib.import_module("waxell_observe")
        waxell.init(api_url=address, api_key="wax_sk_none", instrument=[], instrument_infra=False)
        yield waxell, due


def main(variant: str, count: int) -> None:
    calls = Calls(count)
    run: Kept
    part: Kept
    run, part = {
        "memory": ("memory", "memory"),
        "durable": ("disk", "disk"),
        "theirs": ("server", "buffer"),
    }[variant]  # type: ignore[assignment]
    with (theirs if variant == "theirs" else ours)(variant) as (waxell, due):
        ran = {RUN: 0, TOOL: 0}

        @waxell.observe(agent_name="bench")
        def agent(question: str) -> str:
            ran[RUN] += 1
            return question

        @waxell.tool(tool_type="function")
        def look(what: str) -> str:
            ran[TOOL] += 1
            return what

        @waxell.observe(agent_name="bench")
        def inside() -> None:
            calls.time(TOOL, part, lambda: look("x"))
            calls.time(STEP, part, lambda: waxell.step("read", output={"rows": 3}))

        calls.time(RUN, run, lambda: agent("how?"), MOST[variant])
        inside()
        for name, times in ran.items():
            found(f"calls of {name}", calls.made[name], times)
        due(calls, 1)
    calls.answer(variant, "waxell-observe")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

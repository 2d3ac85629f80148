"""Waxell Observe: an observed function, and in it a tool and a step. Run by `facades.py`."""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from tempfile import TemporaryDirectory
from typing import Any

import measure
from loopback import server

POLICY = """
remit: 1
name: bench
rules:
  - {id: runs, action: "run.*", effect: allow}
  - {id: tools, action: "*", resource: "tool:*", effect: allow}
  - {id: late, action: run.step, when: run.steps > 1000000, effect: deny}
"""
MOST = {"memory": 1_000_000, "sqlite": 1_000_000, "theirs": 300}
"""Calls timed: those that wait for a server take long."""


@contextmanager
def ours(variant: str) -> Iterator[Any]:
    """Our names, over a guard with a policy."""
    import remit

    with TemporaryDirectory() as folder:
        ledger: Any = remit.MemoryLedger()
        if variant == "sqlite":
            ledger = remit.SqliteLedger(f"{folder}/ledger.db")
        remit.use(remit.Guard(remit.Policy.parse(POLICY), ledger=ledger))
        yield importlib.import_module("remit.compat.waxell")
        if variant == "sqlite":
            ledger.close()


@contextmanager
def theirs(_variant: str) -> Iterator[Any]:
    """Theirs, whose policies are a server's."""
    with TemporaryDirectory() as home, server() as address:
        os.environ |= {"HOME": home, "WAXELL_API_URL": address, "WAXELL_API_KEY": "wax_sk_none"}
        logging.disable(logging.CRITICAL)
        waxell = importlib.import_module("waxell_observe")
        waxell.init(api_url=address, api_key="wax_sk_none", instrument=[], instrument_infra=False)
        yield waxell
        waxell.shutdown()


def main(variant: str, count: int) -> None:
    count = min(count, MOST[variant])
    found = {}
    with (theirs if variant == "theirs" else ours)(variant) as waxell:
        ran = []

        @waxell.observe(agent_name="bench")
        def agent(question: str) -> str:
            ran.append(question)
            return question

        @waxell.tool(tool_type="function")
        def look(what: str) -> str:
            return what

        def observed() -> None:
            agent("how?")

        measure.calls(observed, min(count, 20))
        found["@observe"] = measure.summary(measure.calls(observed, count))
        assert len(ran) == count + min(count, 20)

        @waxell.observe(agent_name="bench")
        def inside() -> None:
            for name, call in (
                ("@tool in a run", lambda: look("x")),
                ("step in a run", lambda: waxell.step("read", output={"rows": 3})),
            ):
                measure.calls(call, min(count, 20))
                found[name] = measure.summary(measure.calls(call, count))

        inside()
    package = "waxell-observe" if variant == "theirs" else "remit"
    print(json.dumps({"version": f"{package} {_version(package)}", "calls": found}))


def _version(package: str) -> str:
    if package == "remit":
        from remit import __version__

        return __version__
    return version(package)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

"""waxell-observe, pointed at a server on loopback that allows everything at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version as _version
from pathlib import Path
from typing import Any

from loopback import server

from peers import Observing


def version() -> str:
    return f"waxell-observe {_version('waxell-observe')}"


@contextmanager
def observing(variant: str, folder: Path) -> Iterator[Observing]:
    """*variant*: `checked` as it is by default, `unchecked` without its policy check."""
    with server() as address:
        os.environ |= {
            "WAXELL_API_URL": address,
            "WAXELL_API_KEY": "wax_sk_none",
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
        }
        import waxell_observe as waxell

        waxell.init(api_url=address, api_key="wax_sk_none", instrument=[], instrument_infra=False)
        ran: list[int] = []

        @waxell.observe(agent_name="bench", enforce_policy=variant == "checked")
        def nothing() -> None:
            ran.append(1)

        @waxell.observe(agent_name="bench", enforce_policy=False, capture_io=False)
        def inside(work: Callable[[], Any]) -> Any:
            return work()

        yield Observing(nothing, lambda: waxell.step("read"), inside, lambda: len(ran))
        waxell.shutdown()

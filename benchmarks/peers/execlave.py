"""execlave-sdk, pointed at a server on loopback; its control channel is switched off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version as _version
from pathlib import Path

from loopback import server

from peers import Observing


def version() -> str:
    return f"execlave-sdk {_version('execlave-sdk')}"


@contextmanager
def observing(variant: str, _folder: Path) -> Iterator[Observing]:
    """*variant*: `buffered` as it is by default, `inline` with `async_mode` off.

    It has no steps; the nearest thing is a trace inside a trace.
    """
    from execlave import Execlave

    with server() as address:
        client = Execlave(
            api_key="exe_none",
            base_url=address,
            async_mode=variant == "buffered",
            enable_control_channel=False,
        )
        ran: list[int] = []

        @client.trace(agent_id="bench")
        def nothing() -> None:
            ran.append(1)

        def step() -> None:
            client.start_trace(agent_id="bench", parent_trace_id="tr_1", span_type="step").finish()

        yield Observing(nothing, step, lambda work: work(), lambda: len(ran))
        client.shutdown()

"""Execlave: a check, and a trace from beginning to end. Started by `benchmarks/facades.py`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from tempfile import TemporaryDirectory
from typing import Any

import measure
from loopback import server

TEXT = "How do I reset my password? I have tried the link twice, and it has expired."


@contextmanager
def ours(variant: str) -> Iterator[Any]:
    """Our client, with a policy that looks at every input."""
    from remit import MemoryLedger, SqliteLedger
    from remit.compat.execlave import ControlPlane, Execlave

    with TemporaryDirectory() as folder:
        ledger: Any = MemoryLedger()
        if variant == "sqlite":
            ledger = SqliteLedger(f"{folder}/ledger.db")
        plane = ControlPlane(ledger)
        plane.add_policy(name="injection", policyType="injection_scan")
        client = Execlave("exe_none", control_plane=plane)
        yield client
        client.shutdown()
        if variant == "sqlite":
            ledger.close()


@contextmanager
def theirs(_variant: str) -> Iterator[Any]:
    """Theirs, whose policies are a server's; without the cache, which decides nothing."""
    from execlave import Execlave

    with server() as address:
        client = Execlave(
            api_key="exe_none",
            base_url=address,
            enable_control_channel=False,
            policy_cache_ttl_seconds=0,
        )
        yield client
        client.shutdown()


def main(variant: str, count: int) -> None:
    found = {}
    with (theirs if variant == "theirs" else ours)(variant) as client:

        def check() -> None:
            assert client.enforce_policy(agent_id="bench", input=TEXT)["allowed"] is True

        def trace() -> None:
            with client.start_trace(agent_id="bench") as made:
                made.set_input(TEXT).set_output(TEXT).set_model("m-1").set_tokens(10, 20)

        for name, call in (("enforce_policy", check), ("start_trace", trace)):
            measure.calls(call, min(count, 50))
            found[name] = measure.summary(measure.calls(call, count))
    package = "execlave-sdk" if variant == "theirs" else "remit"
    print(json.dumps({"version": f"{package} {_version(package)}", "calls": found}))


def _version(package: str) -> str:
    if package == "remit":
        from remit import __version__

        return __version__
    return version(package)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

"""Execlave: a check, a decorated function, and a trace by hand. Run by `facades.py`.

Every check is about another text: theirs remembers for a minute what its server has allowed,
and would ask nobody about the same.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from facade import Calls, Kept, book, found
from loopback import seen, server

TEXT = "How do I reset my password? I have tried the link twice, and it has expired."
CHECK, DECORATED, BY_HAND = "enforce_policy", "@trace", "start_trace"
RECORDS = {CHECK: 2, DECORATED: 2, BY_HAND: 3}
"""What ours keeps of each; of a trace its beginning and its end, and the call of a model."""

Due = Callable[[Calls], None]


@contextmanager
def ours(variant: str) -> Iterator[tuple[Any, Due]]:
    """Our client, with a policy that looks at every input."""
    from remit.compat.execlave import ControlPlane, Execlave

    def due(calls: Calls) -> None:
        client.shutdown()
        wanted = sum(RECORDS[name] * made for name, made in calls.made.items())
        found("records", before + wanted, kept.size())

    with book(variant) as kept:
        plane = ControlPlane(kept.ledger)
        plane.add_policy(name="injection", policyType="injection_scan")
        before = kept.ledger.size()
        client = Execlave("exe_none", control_plane=plane)
        yield client, due


@contextmanager
def theirs(_variant: str) -> Iterator[tuple[Any, Due]]:
    """Theirs, whose policies are a server's."""
    from execlave import Execlave

    def due(calls: Calls) -> None:
        client.shutdown()
        found("checks", calls.made[CHECK], seen(address, "/api/v1/policies/enforce"))
        traces = calls.made[DECORATED] + calls.made[BY_HAND]
        found("traces", traces, seen(address, "traceId"))

    with server() as address:
        client = Execlave(api_key="exe_none", base_url=address, enable_control_channel=False)
        yield client, due


def main(variant: str, count: int) -> None:
    calls, ran = Calls(count), 0
    check: Kept
    trace: Kept
    check, trace = {
        "memory": ("memory", "memory"),
        "durable": ("disk", "disk"),
        "theirs": ("server", "buffer"),
    }[variant]  # type: ignore[assignment]
    texts = (f"{TEXT} {number}" for number in itertools.count())
    with (theirs if variant == "theirs" else ours)(variant) as (client, due):

        def enforce() -> None:
            allowed = client.enforce_policy(agent_id="bench", input=next(texts))
            assert allowed["allowed"] is True

        @client.trace  # type: ignore[untyped-decorator]
        def answer(question: str) -> str:
            nonlocal ran
            ran += 1
            return question

        def by_hand() -> None:
            with client.start_trace(agent_id="bench") as made:
                made.set_input(TEXT).set_output(TEXT).set_model("m-1").set_tokens(10, 20)

        calls.time(CHECK, check, enforce)
        calls.time(DECORATED, trace, lambda: answer(TEXT))
        calls.time(BY_HAND, trace, by_hand)
        found("calls that ran", calls.made[DECORATED], ran)
        due(calls)
    calls.answer(variant, "execlave-sdk")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

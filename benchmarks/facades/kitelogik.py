"""Kite Logik: governed functions and toolboxes, and events that a gate is asked about.

Started by `benchmarks/facades.py`. Theirs decides nothing without OPA or an evaluator that a
program brings, so it gets one that has its answers ready; ours decides by the project's YAML. Both
are also given the same OPA: a process on loopback that allows everything. Theirs keeps nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from tempfile import TemporaryDirectory
from typing import Any

from facade import Calls, Kept, book, found
from loopback import server

SCOPES = ["read_customer", "approve_refund_under_100"]
REFUSED = 5000.0
MOST_OPA = 500
MOST_SYNCHRONOUS = 100
"""Calls timed of those that take theirs tens of milliseconds each."""

Timed = dict[str, tuple[Kept, Callable[[], Awaitable[Any]]]]


def ready(root: str) -> Any:
    """An evaluator for theirs that costs next to nothing: two answers, made beforehand."""
    models = import_module(f"{root}.tether.models")

    def answer(*, allow: bool) -> Any:
        return models.PolicyDecision(
            allow=allow,
            deny=not allow,
            risk_tier=models.RiskTier.OPERATIONAL,
            requires_hitl=False,
            reason="ready",
        )

    yes, no = answer(allow=True), answer(allow=False)

    class Ready:
        async def health(self) -> bool:
            return True

        async def evaluate(self, asked: Any) -> Any:
            return no if asked.args.get("amount") == REFUSED else yes

        evaluate_event = evaluate

    return Ready()


class Program:
    """A session of the package that is imported as *root*, under *gate*."""

    def __init__(self, root: str, gate: Any, kept: Kept) -> None:
        self.kite, self.gate, self.kept = import_module(root), gate, kept
        self.models = import_module(f"{root}.tether.models" if root == "kitelogik" else root)
        self.context = self.kite.SessionContext(
            session_id="bench", user_role="support_agent", session_scopes=SCOPES
        )
        self.ran = 0

    def tools(self) -> tuple[Any, Any]:
        """The same function, asynchronous and not."""

        async def refund(customer_id: str, amount: float) -> str:
            self.ran += 1
            return f"${amount:.2f} back to {customer_id}"

        def refund_here(customer_id: str, amount: float) -> str:
            self.ran += 1
            return f"${amount:.2f} back to {customer_id}"

        return refund, refund_here

    def here(self) -> Timed:
        """What is timed with an evaluator in this process."""
        kite, gate, context = self.kite, self.gate, self.context
        refund, _ = self.tools()
        governed = kite.governed(gate, context, action="approve_refund")(refund)
        toolbox = kite.GovernedToolbox(gate, context)
        toolbox.register("approve_refund", refund)
        event = self.models.GovernanceEvent(
            event_type="tool_call",
            session_id="bench",
            action="approve_refund",
            args={"customer_id": "c1", "amount": 42.0},
            context=context,
        )

        async def allowed() -> None:
            assert await governed("c1", 42.0) == "$42.00 back to c1"

        async def refused() -> None:
            try:
                await governed("c1", REFUSED)
            except kite.GovernanceError:
                return
            raise AssertionError("it was refunded")

        async def boxed() -> None:
            given = {"customer_id": "c1", "amount": 42.0}
            assert await toolbox.call("approve_refund", given) == "$42.00 back to c1"

        async def evaluated() -> None:
            assert (await gate.evaluate(event)).allow

        return {
            "governed": (self.kept, allowed),
            "governed, refused": (self.kept, refused),
            "GovernedToolbox.call": (self.kept, boxed),
            "PolicyGate.evaluate": ("nothing", evaluated),
        }

    def asking(self) -> Timed:
        """What is timed with an OPA to ask."""
        governed = self.kite.governed(self.gate, self.context, action="approve_refund")
        refund, _ = self.tools()
        asked = governed(refund)

        async def allowed() -> None:
            assert await asked("c1", 42.0) == "$42.00 back to c1"

        return {"governed, OPA asked": (self.kept, allowed)}

    def synchronous(self) -> Callable[[], None]:
        """A governed function that is called without a loop."""
        _, refund = self.tools()
        governed = self.kite.governed(self.gate, self.context, action="approve_refund")(refund)

        def call() -> None:
            assert governed("c1", 42.0) == "$42.00 back to c1"

        return call


def measured(calls: Calls, timed: Timed, most: int = 10**6) -> None:
    """Time them, on one loop."""

    async def run() -> None:
        for name, (kept, call) in timed.items():
            await calls.atime(name, kept, call, most)

    asyncio.run(run())


def main(variant: str, count: int) -> None:
    logging.disable(logging.CRITICAL)
    calls, theirs = Calls(count), variant == "theirs"
    root = "kitelogik" if theirs else "remit.compat.kitelogik"
    kite = import_module(root)
    kept: Kept = "nothing" if theirs else "memory" if variant == "memory" else "disk"
    with TemporaryDirectory() as folder, server() as opa:
        os.chdir(folder)
        if theirs:
            check(*timed(calls, root, kept, kite.PolicyGate(ready(root))))
            check(*asked(calls, root, kept, kite.PolicyGate(kite.OPAClient(opa))))
        else:
            with book(variant) as mine:
                gate = kite.PolicyGate(kite.OPAClient(), ledger=mine.ledger)
                more = kite.PolicyGate(kite.OPAClient(opa), ledger=mine.ledger)
                check(*timed(calls, root, kept, gate))
                check(*asked(calls, root, kept, more))
                governed = calls.made.total() - calls.made["PolicyGate.evaluate"]
                found("records", 2 * governed - calls.made["governed, refused"], mine.size())
    calls.answer(variant, "kitelogik")


def timed(calls: Calls, root: str, kept: Kept, gate: Any) -> tuple[int, int]:
    """How many calls should have run with an evaluator in this process, and how many have."""
    before = calls.made.copy()
    program = Program(root, gate, kept)
    measured(calls, program.here())
    calls.time("governed, synchronous", kept, program.synchronous())
    made = calls.made - before
    idle = made["governed, refused"] + made["PolicyGate.evaluate"]
    return made.total() - idle, program.ran


def asked(calls: Calls, root: str, kept: Kept, gate: Any) -> tuple[int, int]:
    """The same, with an OPA to ask."""
    before = calls.made.copy()
    program = Program(root, gate, kept)
    measured(calls, program.asking(), MOST_OPA)
    calls.time("governed, synchronous, OPA asked", kept, program.synchronous(), MOST_SYNCHRONOUS)
    return (calls.made - before).total(), program.ran


def check(wanted: int, ran: int) -> None:
    found("calls that ran", wanted, ran)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

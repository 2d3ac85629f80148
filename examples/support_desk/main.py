"""The demo: an agent, four tools, a policy, a ledger. Then what happened, from the records."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from agents import Agent, RunConfig, Runner

import remit
from remit import FixedApprover, Guard, Session, SqliteLedger, Subject, TerminalApprover
from remit.adapters.openai_agents import tool

from . import report, script
from .shop import Shop

POLICY = Path(__file__).with_name("remit.yaml")
MANAGER = Subject("user", "maria", {"roles": ["manager"]})


async def work(shop: Shop, guard: Guard, *, scripted: bool) -> None:
    """One run of the agent, for one customer."""
    governed = tool(guard)
    agent = Agent(
        name="support-agent",
        instructions=script.INSTRUCTIONS,
        tools=[
            governed(shop.find_orders),
            governed(shop.refund),
            governed(shop.send_email),
            governed(shop.delete_customer),
        ],
        model=script.model() if scripted else None,
    )
    # For whom the agent acts. Ada cannot approve what is done for her.
    session = Session(id="ticket-1", user="user:ada")
    with remit.acting_as("support-agent", session=session):
        await Runner.run(agent, script.PROMPT, run_config=RunConfig(tracing_disabled=scripted))


def main(*, interactive: bool = False, folder: Path | None = None) -> int:
    """Let the agent work, and report. 0 if it has stayed within its remit.

    Args:
        interactive: ask whoever sits at the terminal, instead of a manager who always agrees.
        folder: where shop and ledger are put; none means a new temporary folder.
    """
    folder = folder or Path(tempfile.mkdtemp(prefix="remit-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    scripted = not os.environ.get("OPENAI_API_KEY")
    shop = Shop.create(folder / "shop.db")
    before = report.facts(shop)
    approver = (
        TerminalApprover(MANAGER) if interactive else FixedApprover(approve=True, approver=MANAGER)
    )
    with SqliteLedger(folder / "ledger.db") as ledger:
        first = ledger.size()
        guard = Guard(remit.load(POLICY), ledger=ledger, approver=approver)
        asyncio.run(work(shop, guard, scripted=scripted))
        ledger.checkpoint()
        steps, verdict = report.read(ledger, first), ledger.verify()

    facts = list(report.judge(before, report.facts(shop), steps, scripted=scripted))
    well = report.publish(script.PROMPT, steps, facts, verdict)
    print(f"Shop and ledger are in {folder}")
    return 0 if well else 1

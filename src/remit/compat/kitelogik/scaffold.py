"""`init`: a project that is governed as a new one of Kite Logik is, without a server."""

from __future__ import annotations

from pathlib import Path

from remit.compat.kitelogik.native import POLICIES
from remit.compat.kitelogik.regorus_client import bundle
from remit.sources import StrPath

AGENT = '''\
"""Three calls, and what the policy in policies/policy.yaml makes of them."""

import asyncio

from remit.compat.kitelogik import GovernanceError, GovernedToolbox, PolicyGate, SessionContext

gate = PolicyGate()  # policies/policy.yaml, in this process; records in .remit/ledger.db
context = SessionContext(
    session_id="session-001",
    user_role="support_agent",
    session_scopes=["read_customer", "approve_refund"],
)


async def get_customer(customer_id: str) -> str:
    """Look up a customer."""
    return f"{customer_id}: Acme Corp, enterprise"


async def approve_refund(customer_id: str, amount: float) -> str:
    """Pay money back."""
    return f"refunded ${amount:.2f} to {customer_id}"


toolbox = GovernedToolbox(gate=gate, context=context)
toolbox.register("get_customer", get_customer)
toolbox.register("approve_refund", approve_refund)


async def main() -> None:
    for name, args in [
        ("get_customer", {"customer_id": "cust_001"}),
        ("approve_refund", {"customer_id": "cust_001", "amount": 50.0}),
        ("approve_refund", {"customer_id": "cust_001", "amount": 500.0}),
    ]:
        try:
            print("ALLOW", await toolbox.call(name, args))
        except GovernanceError as error:
            print("BLOCK", error)


if __name__ == "__main__":
    asyncio.run(main())
'''


def init(directory: StrPath = ".") -> list[Path]:
    """Write a new project into *directory*: the files it has now.

    Raises:
        FileExistsError: one of them is there already, and none was written.
    """
    folder = Path(directory)
    policies = folder / "policies"
    texts = {
        policies / "policy.yaml": (POLICIES / "policy.yaml").read_text(encoding="utf-8"),
        **{policies / name: text for name, text in bundle().items()},
        folder / "agent.py": AGENT,
    }
    for path in texts:
        if path.exists():
            raise FileExistsError(f"{path} is there already; nothing was written")
    policies.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return list(texts)

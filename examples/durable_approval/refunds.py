"""The program: it refunds what is due, and ends when it has to wait. Start it again any time."""

import argparse
import sqlite3

from day import at

import remit

parser = argparse.ArgumentParser()
parser.add_argument("--at", required=True, help="what time it is, such as 09:00")
clock = at(parser.parse_args().at)

ledger = remit.SqliteLedger("audit.db", clock=clock)
inbox = remit.Inbox(ledger, clock=clock)
guard = remit.Guard(remit.load("remit.yaml"), ledger=ledger, approver=inbox, clock=clock)

bank = sqlite3.connect("bank.db")
bank.execute("CREATE TABLE IF NOT EXISTS payment (item TEXT, amount INT)")


@guard.protect(action="refund")
def refund(order: str, amount: int) -> str:
    with bank:
        bank.execute("INSERT INTO payment VALUES (?, ?)", (order, amount))
    return f"paid ${amount} back for {order}"


# The session has an id that lasts: that is how a call finds its question again.
with remit.acting_as("agent:refunds", session=remit.Session("ticket-7", user="ursula")):
    try:
        print(refund("o-1", 400))
    except remit.Pending as pending:
        print(f"not yet: approval {pending.approval_request.id} waits for a manager")
    except remit.Denied as denial:
        print(f"no: {denial}")

paid = [f"${amount} for {order}" for order, amount in bank.execute("SELECT * FROM payment")]
print(f"the bank has paid {', '.join(paid) or 'nothing'}")
bank.close()
ledger.close()

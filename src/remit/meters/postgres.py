"""The meter in a PostgreSQL database: shared by machines.

    meter = PostgresMeter("postgresql://db.example/agents")
    guard = Guard(policy, ledger=ledger, meter=meter)

What it counts by is the clock of the database, so machines need not agree on the time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from remit.databases.postgres_address import Address
from remit.databases.postgres_session import Connection, Session
from remit.meters import postgres_schema
from remit.meters.postgres_store import Store
from remit.meters.threaded import ThreadedMeter
from remit.meters.worker import Worker

PATIENCE = 5.0
LEASE = 60.0


class PostgresMeter(ThreadedMeter):
    """Counts in the database at *dsn*, in tables of its own, which are made if need be.

    Args:
        dsn: a `postgresql://` address. A pooler in between may pool transactions.
        lease: seconds until what a process has set aside comes back once it is gone.
        patience: seconds to wait for the database, or for another that is counting.
        clock: Unix time in nanoseconds; None: that of the database.
    """

    def __init__(
        self,
        dsn: str,
        *,
        lease: float = LEASE,
        patience: float = PATIENCE,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self.address = Address(dsn, patience, writes=True)
        _create(self.address)
        store = partial(Store, self.address, lease, clock)
        super().__init__(Worker(str(self.address), store, lease))


def _create(address: Address) -> None:
    async def work(connection: Connection) -> None:
        await postgres_schema.create(connection, address)

    session = Session(address)
    try:
        session.run(work)
    finally:
        session.close()

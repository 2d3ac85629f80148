"""The meter in a SQLite file: shared by the threads and processes of a machine.

meter = SqliteMeter("meter.db")
guard = Guard(policy, ledger=ledger, meter=meter)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from remit.meters import sqlite_store
from remit.meters.sqlite_store import Store
from remit.meters.threaded import ThreadedMeter
from remit.meters.worker import Worker

PATIENCE = 5.0
LEASE = 60.0


class SqliteMeter(ThreadedMeter):
    """Counts in the file at *path*, which is made if it is not there.

    Args:
        path: the file. Its folder must exist.
        lease: seconds until what a process has set aside comes back once it is gone.
        patience: seconds to wait for another process that is counting.
        clock: Unix time in nanoseconds.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        lease: float = LEASE,
        patience: float = PATIENCE,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.path = Path(path).absolute()
        sqlite_store.create(self.path, patience)
        store = partial(Store, self.path, patience, lease, clock)
        super().__init__(Worker(str(self.path), store, lease))

"""Records of several runs, kept in one go."""

from __future__ import annotations

from collections.abc import Sequence

from remit.audit.record import Record
from remit.changing import keep_together
from remit.guard import Guard
from remit.readers import tell


def kept_together(guard: Guard, records: Sequence[Record]) -> bool:
    """Keep *records* of runs of *guard*, all or none; False if its ledger takes them one by one.

    Raises:
        Unavailable: none could be recorded.
    """
    if not keep_together(guard.ledger, records):
        return False
    for record in records:
        tell(guard.readers, record)
    return True

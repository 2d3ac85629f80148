"""What is done to a ledger as a whole is a record of it, like anything else."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from remit.audit.record import Entry, Kind, Record, encode
from remit.model import Action, Request, Subject


def change(action: str, args: Mapping[str, Any], by: Subject, at: int) -> Entry:
    """The record that *by* changed something Remit works by; *at* is in Unix nanoseconds."""
    request = Request(by, Action(action, args), at=at)
    record = Record(Kind.CHANGED, secrets.token_hex(8), at, request)
    return encode(record, secrets.token_bytes(16))

"""What is done to a ledger as a whole is a record of it, like anything else."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from remit.audit.record import Entry, Kind, Record, encode
from remit.model import Action, Request, Subject


def change(action: str, args: Mapping[str, Any], by: Subject, at: int) -> Entry:
    """The record that *by* changed something Remit works by, as it is kept."""
    return encode(changed(action, args, by, at), secrets.token_bytes(16))


def changed(action: str, args: Mapping[str, Any], by: Subject, at: int) -> Record:
    """The same before it is bytes; *at* is in Unix nanoseconds."""
    return Record(Kind.CHANGED, secrets.token_hex(8), at, Request(by, Action(action, args), at=at))

"""Where a ledger in a database is. Needs nothing installed, so that it can always be named."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import msgspec

SCHEMES = ("postgresql://", "postgres://")


class Unreachable(ConnectionError):
    """There is no connection to be had: trying again at once would not help."""


class Address(msgspec.Struct, frozen=True):
    """Where a database is, and how long to wait for it."""

    dsn: str
    patience: float
    """Seconds for a connection or a lock. A statement has twice as long, all of them thrice."""
    writes: bool = False

    def __post_init__(self) -> None:
        if not self.dsn.startswith(SCHEMES):
            raise ValueError("the address of a database begins with postgresql://")
        # Says so now if it cannot be read at all.
        str(self)

    def settings(self) -> dict[str, str]:
        """What is asked of the server, whatever its own defaults are."""
        once, twice = (str(int(self.patience * n * 1000)) for n in (1, 2))
        asked = {"application_name": "remit", "lock_timeout": once, "statement_timeout": twice}
        if not self.writes:
            return asked
        # A writer whose machine is gone holds up the others no longer than this.
        idle = {"idle_in_transaction_session_timeout": twice}
        return asked | idle | {"synchronous_commit": "on"}

    def __str__(self) -> str:
        # Neither a user nor a password belongs into a message.
        parts = urlsplit(self.dsn)
        host = parts.hostname or parse_qs(parts.query).get("host", ["localhost"])[0]
        return f"postgresql://{host}/{parts.path.strip('/')}"

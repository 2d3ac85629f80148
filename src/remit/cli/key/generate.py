"""`remit key generate`."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from remit.audit.cosignature import WitnessSigner
from remit.audit.note import SigningKey
from remit.cli import screen
from remit.cli.exits import Exit, Stop
from remit.errors import LogError
from remit.ledgers import keys


def generate(
    prefix: Annotated[Path, Parameter(name="FILE")],
    /,
    *,
    name: Annotated[str | None, Parameter(metavar="NAME", show_default=False)] = None,
    witness: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
) -> None:
    """Make a pair of keys: FILE.key signs and stays secret, FILE.pub is for everybody.

        remit key generate audit --name example.org/audit
        remit key generate witness --witness --name example.org/witness

    A ledger in a file makes its own. One in a database is told which to use:
    `PostgresLedger(dsn, signer="audit.key")`.

    Args:
        prefix: where to, without the suffix.
        name: what the key is called in signatures; made up from FILE if not said. Best the
            host and path of whoever signs, so that no other has it.
        witness: make the pair of a witness, who cosigns the checkpoints of others.
    """
    name = name or f"{prefix.name}-{secrets.token_hex(4)}"
    try:
        kind = WitnessSigner if witness else SigningKey
        made = kind.from_seed(name, secrets.token_bytes(32))
    except LogError as error:
        raise Stop(Exit.USAGE, str(error)) from error
    secret, public = prefix.with_name(f"{prefix.name}.key"), prefix.with_name(f"{prefix.name}.pub")
    for path in (secret, public):
        if path.exists():
            raise Stop(Exit.FAILED, f"{path} is there already; a key is never overwritten")
    try:
        keys.write(secret, made.secret_text(), 0o600)
        keys.write(public, str(made.verifying), 0o644)
    except OSError as error:
        raise Stop(Exit.INVALID, f"{secret} cannot be written: {error.strerror}") from error
    screen.say(f"wrote {secret}, to be kept secret")
    screen.say(f"wrote {public}: {made.verifying}")

"""The key pair beside a ledger: `<ledger>.key` signs, `<ledger>.pub` is for everybody.

Both are text in the encoding of signed notes. Whoever comes first makes them;
processes that come at the same moment end up with the same pair.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from remit.audit.note import SigningKey, VerifyingKey
from remit.errors import LogError


def signing_path(ledger: Path) -> Path:
    """Where the key is that signs the checkpoints of *ledger*."""
    return ledger.with_name(ledger.name + ".key")


def verifying_path(ledger: Path) -> Path:
    """Where the key is that checks them."""
    return ledger.with_name(ledger.name + ".pub")


def ensure(ledger: Path, origin: str) -> None:
    """Make the pair beside *ledger*, called after its *origin*, unless it is there."""
    secret, public = signing_path(ledger), verifying_path(ledger)
    # The secret is there before its public half, so this order of looking cannot be fooled.
    if public.exists() and not secret.exists():
        # Somebody took it away. A new one would look like a forger's.
        raise LogError(f"{public} has lost its {secret.name}: put it back, or pass signer=")
    if not secret.exists():
        name = "".join("-" if char.isspace() or char == "+" else char for char in origin)
        made = SigningKey.from_seed(name, secrets.token_bytes(32))
        _create(secret, made.secret_text(), 0o600)
    if not public.exists():
        _create(public, str(load_signing(ledger).verifying), 0o644)


def load_signing(ledger: Path) -> SigningKey:
    """The key that signs the checkpoints of *ledger*."""
    path = signing_path(ledger)
    try:
        return SigningKey.parse(path.read_text("utf-8"))
    except (LogError, UnicodeDecodeError) as error:
        raise LogError(f"{path}: {error}") from error


def load_verifying(ledger: Path) -> VerifyingKey:
    """The key that checks the checkpoints of *ledger*."""
    path = verifying_path(ledger)
    try:
        return VerifyingKey.parse(path.read_text("utf-8"))
    except (LogError, UnicodeDecodeError) as error:
        raise LogError(f"{path}: {error}") from error


def _create(path: Path, text: str, mode: int) -> None:
    # A link appears whole or not at all, and never replaces what another process put there.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()

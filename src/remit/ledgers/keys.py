"""The key pair beside a ledger: `<ledger>.key` signs, `<ledger>.pub` is for everybody.

Both are text in the encoding of signed notes. The first line of `<ledger>.pub` is the
key that signs now; below it are those it replaced, for checkpoints of their time.
While a key is being replaced, the next one waits in `<ledger>.key.next`.

Whoever comes first makes them; processes that come at the same moment end up with the same pair.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from remit.audit.cosignature import WitnessKey, WitnessSigner
from remit.audit.note import PRIVATE, PublicKey, SigningKey, VerifyingKey
from remit.audit.trust import Trust
from remit.errors import LogError


def signing_path(ledger: Path) -> Path:
    """Where the key is that signs the checkpoints of *ledger*."""
    return ledger.with_name(ledger.name + ".key")


def verifying_path(ledger: Path) -> Path:
    """Where the key is that checks them."""
    return ledger.with_name(ledger.name + ".pub")


def public_path(secret: Path) -> Path:
    """Where the verifying key lies that belongs to the signing key at *secret*."""
    return secret.with_suffix(".pub")


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
    return read_signing(signing_path(ledger))


def read_signing(path: Path) -> SigningKey:
    """The signing key in the file at *path*."""
    try:
        return SigningKey.parse(path.read_text("utf-8"))
    except (LogError, UnicodeDecodeError) as error:
        raise LogError(f"{path}: {error}") from error


def load_verifying(ledger: Path) -> VerifyingKey:
    """The key that checks the checkpoints of *ledger*."""
    return load_trust(ledger).keys[0]


def load_trust(ledger: Path) -> Trust:
    """The same, with the keys that it replaced."""
    return read_trust(verifying_path(ledger))


def read_trust(path: Path) -> Trust:
    """The keys in the file at *path*: the one to trust, and those that it replaced."""
    try:
        return Trust.parse(path.read_text("utf-8"))
    except (LogError, UnicodeDecodeError) as error:
        raise LogError(f"{path}: {error}") from error


class Signer:
    """The key that signs now: one that was handed over, or that in a file, read each time.

    Another process may replace the key while this one runs.
    """

    def __init__(self, key: SigningKey | Path) -> None:
        self._key = key
        self._retired: tuple[VerifyingKey, ...] = ()

    def __call__(self) -> SigningKey:
        """The key; says so if it is damaged, rather than let it sign what nobody can check."""
        key = self._key if isinstance(self._key, SigningKey) else read_signing(self._key)
        _ = key.verifying
        return key

    def trust(self) -> Trust:
        """The key that checks what it signs, and those it replaced, as far as that is known."""
        if isinstance(self._key, SigningKey):
            return Trust((self._key.verifying,), self._retired)
        public = public_path(self._key)
        return read_trust(public) if public.exists() else Trust((self().verifying,))

    def rotate(
        self, announce: Callable[[SigningKey, SigningKey], object], new: SigningKey | None
    ) -> None:
        """Have *announce* tell the log who signs from now on, and let that key sign.

        Whoever is interrupted in between can do it again.
        """
        old = self()
        if isinstance(self._key, SigningKey):
            if new is None:
                raise ValueError("a key that was handed over is replaced by another: pass new=")
            announce(old, new)
            self._key, self._retired = new, (old.verifying, *self._retired)
            return
        made = _next_key(self._key, old, new)
        announce(old, made)
        _put_in_place(self._key, old, made)


def _next_key(secret: Path, old: SigningKey, new: SigningKey | None) -> SigningKey:
    path = secret.with_name(secret.name + ".next")
    if not path.exists():
        made = new or SigningKey.from_seed(old.name, secrets.token_bytes(32))
        _create(path, made.secret_text(), 0o600)
    return read_signing(path)


def _put_in_place(secret: Path, old: SigningKey, new: SigningKey) -> None:
    public = public_path(secret)
    trust = read_trust(public) if public.exists() else Trust((old.verifying,))
    if trust.keys[0] != new.verifying:
        grown = Trust((new.verifying,), trust.keys + trust.retired)
        write(public, str(grown), 0o644)
    secret.with_name(secret.name + ".next").replace(secret)


def parse_public(text: str) -> tuple[PublicKey, ...]:
    """The public keys in *text*, which may be of a log or of a witness, and a signing key."""
    secret = text.startswith(PRIVATE)
    try:
        return (WitnessSigner.parse(text).verifying if secret else WitnessKey.parse(text),)
    except LogError:
        pass  # it is that of a log, or says below what is wrong with it
    if secret:
        return (SigningKey.parse(text).verifying,)
    trust = Trust.parse(text)
    return trust.keys + trust.retired


def write(path: Path, text: str, mode: int) -> None:
    """Put *text* at *path*, in place of what is there; readers see the one or the other."""
    _draft(path, text, mode).replace(path)


def _create(path: Path, text: str, mode: int) -> None:
    # A link appears whole or not at all, and never replaces what another process put there.
    draft = _draft(path, text, mode)
    try:
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _draft(path: Path, text: str, mode: int) -> Path:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    return draft

"""`CredentialBroker`: short-lived tokens that say what a session may do, and nothing more.

A token is good while it, and every token it was derived from, is neither expired nor
revoked. It vouches for a session that is the one it was issued to and claims no scope
it does not have. Tokens are kept by their digest: who reads the memory, the ledger or a
record of a request learns no token.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from remit.compat.kitelogik.models import FrozenList
from remit.compat.kitelogik.requests import name_of
from remit.model import Session

DEEPEST = 8
"""Delegations that may lie between the first token and the last."""


@dataclass(frozen=True, slots=True)
class SessionToken:
    """What `issue` and `delegate` hand out. `is_valid` speaks of this token alone."""

    token_id: str = field(repr=False)
    session_id: str
    scopes: list[str]
    issued_at: datetime
    expires_at: datetime
    revoked: bool = False
    parent_token_id: str | None = field(default=None, repr=False)
    delegation_depth: int = 0

    def is_valid(self) -> bool:
        """Whether it is neither revoked nor expired."""
        return not self.revoked and datetime.now(UTC) < self.expires_at

    def has_scope(self, scope: str) -> bool:
        """Whether it is valid and has *scope*."""
        return self.is_valid() and scope in self.scopes


class CredentialBroker:
    """Issues tokens, and says which are good."""

    def __init__(self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, SessionToken] = {}

    def issue(
        self, session_id: str, scopes: Sequence[str], ttl_seconds: int = 3600
    ) -> SessionToken:
        """A token for *session_id* with *scopes*.

        Raises:
            ValueError: scopes are no list of texts.
        """
        now = self._clock()
        token = SessionToken(
            token_id=_new(),
            session_id=session_id,
            scopes=_scopes(scopes),
            issued_at=now,
            expires_at=now + timedelta(seconds=ttl_seconds),
        )
        return self._keep(token)

    def delegate(
        self, parent_token_id: str, requested_scopes: Sequence[str], session_id: str
    ) -> SessionToken:
        """A token with some of the scopes of another, which it cannot outlive.

        Raises:
            ValueError: the other is not good, or has not all of the scopes, or is too far down.
        """
        parent = self.validate(parent_token_id)
        if parent is None:
            raise ValueError("the parent token is invalid or expired")
        scopes = _scopes(requested_scopes)
        if not scopes:
            raise ValueError("a token that is derived has at least one scope")
        if beyond := sorted(set(scopes) - set(parent.scopes)):
            raise ValueError(f"forbidden: the parent token has not the scopes {', '.join(beyond)}")
        if parent.delegation_depth >= DEEPEST:
            raise ValueError(f"at most {DEEPEST} delegations lie between two tokens")
        child = replace(
            parent,
            token_id=_new(),
            session_id=session_id,
            scopes=scopes,
            issued_at=self._clock(),
            parent_token_id=parent_token_id,
            delegation_depth=parent.delegation_depth + 1,
        )
        return self._keep(child)

    def validate(self, token_id: str) -> SessionToken | None:
        """The token, if it and all above it are good."""
        with self._lock:
            return self._good(name_of(token_id))

    def get_scopes(self, token_id: str) -> list[str]:
        """What the token may do; nothing, if it is not good."""
        token = self.validate(token_id)
        return list(token.scopes) if token else []

    def revoke(self, token_id: str) -> bool:
        """Let the token, and all that were derived from it, be good no more; False if unknown."""
        with self._lock:
            name = name_of(token_id)
            token = self._tokens.get(name)
            if token is None:
                return False
            self._tokens[name] = replace(token, revoked=True)
            return True

    def revoke_session(self, session_id: str) -> int:
        """The same for all tokens of a session; how many were good until now."""
        with self._lock:
            found = [
                (name, token)
                for name, token in self._tokens.items()
                if token.session_id == session_id and not token.revoked
            ]
            self._tokens |= {name: replace(token, revoked=True) for name, token in found}
            return len(found)

    def vouches_for(self, session: Session) -> bool:
        """Whether the token that *session* names is good, its own, and has the scopes it claims."""
        with self._lock:
            token = self._good(str(session.facts.get("token", "")))
            return (
                token is not None
                and token.session_id == session.id
                and set(session.scopes) <= set(token.scopes)
                and session.depth >= token.delegation_depth
            )

    def _keep(self, token: SessionToken) -> SessionToken:
        with self._lock:
            self._tokens[name_of(token.token_id)] = token
        return token

    def _good(self, name: str) -> SessionToken | None:
        now = self._clock()
        line = list(self._line(name))
        if not line or any(token.revoked or token.expires_at <= now for token in line):
            return None
        return line[0]

    def _line(self, name: str) -> Iterator[SessionToken]:
        """The token called *name* and those it was derived from; nothing, if one is not there."""
        found: list[SessionToken] = []
        wanted: str | None = name
        while wanted is not None:
            token = self._tokens.get(wanted)
            if token is None:
                return
            found.append(token)
            parent = token.parent_token_id
            wanted = None if parent is None else name_of(parent)
        yield from found


def _new() -> str:
    return f"tok_{secrets.token_hex(16)}"


def _scopes(scopes: Sequence[str]) -> FrozenList:
    if isinstance(scopes, str) or not all(isinstance(scope, str) for scope in scopes):
        raise ValueError(f"scopes are a list of texts, not {scopes!r}")
    return FrozenList(scopes)

"""How long payloads are kept, and what is erased when.

Leaves stay for ever; what may be personal is in the payloads beside them. They go when
they are old enough, or when the person they are about asks, and a record of the log
says which, how many, why and by whom.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

SIX_MONTHS = timedelta(days=184)
"""The longest six months there are. Article 26(6) of the EU AI Act (Regulation (EU) 2024/1689)
has deployers of high-risk systems keep the logs these write for at least six months, unless
other law, that on personal data above all, says otherwise; Article 19(1) has providers do so."""

PRESETS = {"six-months": SIX_MONTHS, "none": timedelta(0)}


@dataclass(frozen=True, slots=True)
class Retention:
    """What is not erased yet, whoever asks."""

    minimum: timedelta = SIX_MONTHS
    """No payload younger than this is erased."""

    def __post_init__(self) -> None:
        if self.minimum < timedelta(0):
            raise ValueError("nothing is kept for less than no time")

    @classmethod
    def preset(cls, name: str) -> Retention:
        """`six-months`, or `none` where an erasure cannot wait."""
        return cls(PRESETS[name])


SIX_MONTHS_AT_LEAST = Retention()


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Which payloads are to go: those that all of this is true of."""

    older_than: timedelta | None = None
    subject: str | None = None
    """Of all calls of this subject: `agent:billing-bot`."""
    session: str | None = None
    """Of all calls of this session, by its id."""
    user: str | None = None
    """Of all calls on behalf of this person, or that they made: their id, as `session.user` has it.
    What they answered as an approver is somebody else's call."""
    abandoned: bool = False
    """Also of calls that never ended, and that broke off while they asked."""
    reason: str = ""
    """Stays in the ledger: no name belongs here."""

    def __post_init__(self) -> None:
        if not self.criteria:
            raise ValueError("say what to erase")
        if "" in {self.subject, self.session, self.user}:
            raise ValueError("nobody has an empty id")
        if self.older_than is not None and self.older_than < timedelta(0):
            raise ValueError("nothing is older than the future")

    @property
    def criteria(self) -> tuple[str, ...]:
        """What was asked for, without saying whom it is about."""
        names = ("older_than", "subject", "session", "user")
        return tuple(name for name in names if getattr(self, name) is not None)


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure came to."""

    count: int
    """Payloads that are gone, or would be."""
    too_young: int
    """Payloads that were asked for, and have to be kept for now."""
    under_way: int
    """Payloads of calls that have not ended, and of questions that still wait."""
    scrubbed: bool = True
    """Whether their bytes are gone from the file, and not just out of reach."""

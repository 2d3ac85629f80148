"""Which records are meant: the options that `list` and `export` share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from remit.audit.record import Kind
from remit.cli.exits import Exit, Stop
from remit.cli.moment import moment
from remit.ledgers.query import Filter
from remit.model import Effect, Risk

Time = Annotated[str | None, Parameter(metavar="TIME")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Records that have all of these."""

    run: Annotated[str | None, Parameter(metavar="ID")] = None
    """of this run."""
    session: Annotated[str | None, Parameter(metavar="ID")] = None
    """of this session: all its runs."""
    call: Annotated[str | None, Parameter(metavar="ID")] = None
    """of this call."""
    subject: Annotated[str | None, Parameter(metavar="TYPE:ID")] = None
    """about this subject; an id without a type is that of an agent."""
    action: Annotated[str | None, Parameter(metavar="NAME")] = None
    """about this action."""
    kind: Kind | None = None
    """of this kind."""
    effect: Effect | None = None
    """with this effect."""
    risk: Risk | None = None
    """with this risk."""
    rule: Annotated[str | None, Parameter(metavar="ID")] = None
    """that this rule decided."""
    since: Time = None
    """from then on: 2026-05-01, 2026-05-01T09:30Z, or 15m, 2h, 7d ago."""
    until: Time = None
    """before then."""

    def filter(self, *, limit: int | None = None, newest_first: bool = False) -> Filter:
        """The question that a ledger understands."""
        subject = self.subject
        if subject is not None and ":" not in subject:
            subject = f"agent:{subject}"
        return Filter(
            run=self.run,
            session=self.session,
            call=self.call,
            subject=subject,
            action=self.action,
            kind=self.kind,
            effect=self.effect,
            risk=self.risk,
            rule=self.rule,
            since=_moment(self.since, "--since"),
            until=_moment(self.until, "--until"),
            limit=limit,
            newest_first=newest_first,
        )


EVERYTHING = Wanted()


def _moment(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    try:
        return moment(text)
    except ValueError as error:
        raise Stop(Exit.USAGE, f"{option}: {error}") from error

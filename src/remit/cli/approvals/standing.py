"""`remit approvals grant`, `delegate`, `standing` and `revoke`."""

from __future__ import annotations

import time
from typing import Annotated

from cyclopts import Parameter

from remit.audit.case import Grant, Standing
from remit.cli import screen
from remit.cli.approvals.answer import Reason
from remit.cli.approvals.desk import MYSELF, Answerer, answering
from remit.cli.exits import Exit, Stop
from remit.cli.given import Json
from remit.cli.log.ledger import LEDGER, Ledger, reading
from remit.cli.moment import seconds, shown
from remit.model import Subject

COLUMNS = ("id", "until (UTC)", "given by", "what", "when")
For = Annotated[str, Parameter(name="--for", metavar="TIME")]
AnySession = Annotated[bool, Parameter(name="--any-session", negative=(), show_default=False)]


def grant(
    which: str,
    /,
    *,
    lasting: For,
    when: Annotated[str, Parameter(metavar="CEL", show_default=False)] = "",
    any_session: AnySession = False,
    reason: Reason = "",
    answerer: Answerer = MYSELF,
    ledger: Ledger = LEDGER,
) -> None:
    """Approve calls like this one before they are made, for as long as policy lets you.

        remit approvals grant 5d1c --for 2h --when 'args.amount < 200'

    Like this one: by the same subject, the same action under the same terms, in the same session.

    Args:
        which: the id of an approval that shows what such a call is.
        lasting: for how long: 45m, 2h.
        when: a condition that each of them has to meet as well.
        any_session: in other sessions, too.
        reason: why.
        answerer: who approves.
        ledger: the ledger it is kept in.
    """
    from remit.expr.errors import ExprError

    with answering(ledger, answerer) as desk:
        try:
            given = desk.grant(
                which,
                answerer.subject(),
                _seconds(lasting),
                session=not any_session,
                when=when,
                reason=reason,
            )
        except ExprError as error:
            raise Stop(Exit.INVALID, f"--when: {error}") from error
        screen.say(f"grant {given.id} holds until {shown(given.until // 1000)}")


def delegate(
    to: Annotated[str, Parameter(metavar="USER")],
    /,
    *,
    lasting: For,
    reason: Reason = "",
    answerer: Answerer = MYSELF,
    ledger: Ledger = LEDGER,
) -> None:
    """Let somebody answer in your place for a while.

        remit approvals delegate dora --for 5d --as maria --role manager

    Args:
        to: who may: user:dora, or dora.
        lasting: for how long: 8h, 5d.
        reason: why.
        answerer: in whose place.
        ledger: the ledger it is kept in.
    """
    deputy = Subject.parse(to if ":" in to else f"user:{to}")
    with answering(ledger, answerer) as desk:
        right = desk.delegate(answerer.subject(), deputy, _seconds(lasting), reason=reason)
        until = shown(right.until // 1000)
        screen.say(f"{deputy} may answer for {right.by} until {until} (delegation {right.id})")


def list_standing(*, ledger: Ledger = LEDGER, as_json: Json = False) -> None:
    """List what was approved in advance, and who may answer for whom.

        remit approvals standing

    Args:
        ledger: the ledger they are kept in.
        as_json: print JSON Lines.
    """
    with reading(ledger) as log:
        found = [each for each in log.standing() if each.until > time.time_ns()]
    if as_json:
        for each in found:
            screen.emit_line(each)
    elif found:
        screen.table(COLUMNS, [_row(each) for each in found], flexible=2)
    else:
        screen.say("nothing was given")


def revoke(
    which: str,
    /,
    *,
    reason: Reason = "",
    answerer: Answerer = MYSELF,
    ledger: Ledger = LEDGER,
) -> None:
    """Take back a grant or a delegation. What has started is not stopped.

        remit approvals revoke 7f3a90c1d2e4b586

    Args:
        which: its id, as `remit approvals standing` shows it.
        reason: why.
        answerer: who takes it back.
        ledger: the ledger it is kept in.
    """
    with answering(ledger, answerer) as desk:
        desk.revoke(which, answerer.subject(), reason=reason)
        screen.say(f"{which} holds no longer")


def _row(each: Standing) -> tuple[screen.Part, ...]:
    until = shown(each.until // 1000).replace("T", " ")[:19]
    if isinstance(each, Grant):
        session = f" in session {each.session}" if each.session else ""
        return each.id, until, str(each.by), f"{each.subject} {each.action}{session}", each.when
    return each.id, until, str(each.by), f"{each.to} answers in their place", ""


def _seconds(text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise Stop(Exit.USAGE, f"--for: {error}") from error

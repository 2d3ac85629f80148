"""`remit approvals inbox`."""

from __future__ import annotations

import sys

from remit.cli import given
from remit.cli.approvals.desk import MYSELF, Answerer, answering
from remit.cli.exits import Exit, Stop
from remit.cli.log.ledger import LEDGER, Ledger


def inbox(
    *,
    policy: given.Policies = (given.POLICY,),
    answerer: Answerer = MYSELF,
    ledger: Ledger = LEDGER,
) -> None:
    """Answer what waits, full screen: questions on the left, one of them on the right.

        remit approvals inbox --as maria --role manager

    The keys are a (approve), d (deny), e (other arguments), r (respond in its place) and q (quit);
    each asks for a reason first. With b like questions of one run are one line, which a and d
    answer together; b again shows them one by one. What is asked meanwhile appears within a second.

    Args:
        policy: decides on calls with other arguments.
        answerer: who answers.
        ledger: the ledger they are kept in.
    """
    try:
        from remit.cli.approvals.full_screen import InboxApp
    except ModuleNotFoundError as error:
        cure = "pip install 'remit[tui]'"
        raise Stop(Exit.FAILED, f"the full screen needs {error.name}: {cure}") from error
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Stop(Exit.USAGE, "there is no terminal to fill; see remit approvals list")
    with answering(ledger, answerer) as desk:
        InboxApp(desk, answerer.subject(), policy).run()

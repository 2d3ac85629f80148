"""Who is asked to lift a denial. Those named here answer now; waiting is the inbox's job.

question, terminal, callback, fixed
          what people are shown, and approvers that are there
desk, batch, inbox, status, docketing
          questions that wait in a ledger
channel, webhook, slack, email
          people are told elsewhere that a question waits
signing, answers, link, pages
          what they answer comes back
"""

from __future__ import annotations

from remit.approvers.callback import CallbackApprover
from remit.approvers.fixed import FixedApprover
from remit.approvers.terminal import TerminalApprover

__all__ = ["CallbackApprover", "FixedApprover", "TerminalApprover"]

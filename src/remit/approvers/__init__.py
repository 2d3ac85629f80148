"""Who is asked to lift a denial. Each answers now; waiting for an answer is the inbox's job."""

from __future__ import annotations

from remit.approvers.callback import CallbackApprover
from remit.approvers.fixed import FixedApprover
from remit.approvers.terminal import TerminalApprover

__all__ = ["CallbackApprover", "FixedApprover", "TerminalApprover"]

"""Where Aegis has `CallbackApprovalHandler`."""

from __future__ import annotations

from remit.compat.aegis.runtime.approval import CallbackApprovalHandler

__all__ = ["CallbackApprovalHandler"]

"""What runs actions, asks people, and keeps the audit log."""

from __future__ import annotations

from remit.compat.aegis.runtime.approval import (
    ApprovalHandler,
    AutoApprovalHandler,
    CallbackApprovalHandler,
    CLIApprovalHandler,
)
from remit.compat.aegis.runtime.approval_webhook import WebhookApprovalHandler
from remit.compat.aegis.runtime.audit import AuditLogger
from remit.compat.aegis.runtime.engine import Runtime
from remit.compat.aegis.runtime.hooks import RuntimeHooks
from remit.compat.aegis.runtime.watcher import PolicyWatcher

__all__ = [
    "ApprovalHandler",
    "AuditLogger",
    "AutoApprovalHandler",
    "CLIApprovalHandler",
    "CallbackApprovalHandler",
    "PolicyWatcher",
    "Runtime",
    "RuntimeHooks",
    "WebhookApprovalHandler",
]

"""What connects a runtime to the world: executors, and tools for agents."""

from __future__ import annotations

from remit.compat.aegis.adapters.base import BaseExecutor

__all__ = ["BaseExecutor"]

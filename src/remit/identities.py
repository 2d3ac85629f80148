"""Ids of calls: no two are the same, in any process."""

from __future__ import annotations

import itertools
import os


def _renew_ids() -> None:
    """Start a new series, in this process and in every child it forks."""
    global _prefix, _count  # noqa: PLW0603 - a process has one series of call ids
    _prefix = os.urandom(8).hex()
    _count = itertools.count(1)


_prefix: str
_count: itertools.count[int]
_renew_ids()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_ids)


def new_id() -> str:
    """An id that no other call or run has."""
    return f"{_prefix}-{next(_count)}"

"""The guard of a program that configures none: policy from `remit.yaml`, the rest in `.remit/`.

Both are looked for in the working directory when the first protected function
is called, not when it is defined, so that importing a module does nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar, overload

from remit.approvers.terminal import TerminalApprover
from remit.canonical import Opaque
from remit.guard import Guard
from remit.model import Resource
from remit.ports import Meter
from remit.protection import Protection

F = TypeVar("F", bound=Callable[..., Any])

POLICY = Path("remit.yaml")
LEDGER = Path(".remit", "ledger.db")
METER = Path(".remit", "meter.db")

_lock = threading.Lock()
_guard: Guard | None = None
_recording: Guard | None = None


def default_guard() -> Guard:
    """The guard that `remit.protect` uses, made at the first call.

    Raises:
        PolicyError: there is no `remit.yaml` here, or it cannot be used.
    """
    from remit.ledgers.sqlite import SqliteLedger
    from remit.sources import load

    global _guard  # noqa: PLW0603 - a program has one default
    with _lock:
        if _guard is None:
            policy = load(POLICY)
            LEDGER.parent.mkdir(exist_ok=True)
            _guard = Guard(
                policy,
                ledger=SqliteLedger(LEDGER),
                approver=TerminalApprover(),
                meter=_meter() if any(each.limits for each in policy.documents) else None,
            )
        return _guard


def use(guard: Guard) -> None:
    """Make *guard* the one that everything uses which is given none."""
    global _guard  # noqa: PLW0603 - a program has one default
    with _lock:
        _guard = guard


def recording_guard() -> Guard:
    """The default guard, or, where there is no policy here, one that allows nothing and records.

    A run that is only observed needs no policy.
    """
    from remit.ledgers.sqlite import SqliteLedger
    from remit.policy import Policy

    global _recording  # noqa: PLW0603 - a program has one default
    if _guard is not None or POLICY.exists():
        return default_guard()
    with _lock:
        if _recording is None:
            LEDGER.parent.mkdir(exist_ok=True)
            _recording = Guard(Policy(), ledger=SqliteLedger(LEDGER))
        return _recording


def _meter() -> Meter:
    from remit.meters.sqlite import SqliteMeter

    return SqliteMeter(METER)


@overload
def protect(function: F, /) -> F: ...


@overload
def protect(
    *,
    action: str | None = None,
    resource: Resource | str | None = None,
    opaque: Collection[str | type] = (),
    guard: Callable[[], Guard] = default_guard,
) -> Callable[[F], F]: ...


def protect(
    function: Any = None,
    /,
    *,
    action: str | None = None,
    resource: Resource | str | None = None,
    opaque: Collection[str | type] = (),
    guard: Callable[[], Guard] = default_guard,
) -> Any:
    """`Guard.protect`, by the guard that *guard* finds at each call.

    None means that of a program that configures none. A program with a guard for each
    tenant says which one it is here.
    """

    def decorate(target: Any) -> Any:
        return Protection.of(
            target, guard, action=action, resource=resource, opaque=Opaque.of(opaque)
        )

    return decorate if function is None else decorate(function)

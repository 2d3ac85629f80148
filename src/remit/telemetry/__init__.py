"""Records, for whoever watches: OpenTelemetry, a console, a log. Each is a `Reader`.

    Guard(policy, ledger=ledger, readers=[OpenTelemetry(), ConsoleReader()])

opentelemetry  OpenTelemetry: spans, events and metrics         remit[otel]
propagation    injected, continued: W3C trace context           remit[otel]
lines          ConsoleReader, JsonReader: a line a record
names          what our records are called elsewhere, and what of them is content
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from remit.telemetry.lines import ConsoleReader, JsonReader

if TYPE_CHECKING:
    from remit.telemetry.opentelemetry import OpenTelemetry
    from remit.telemetry.propagation import continued, injected

_OTEL = {"OpenTelemetry": "opentelemetry", "continued": "propagation", "injected": "propagation"}

__all__ = ["ConsoleReader", "JsonReader", "OpenTelemetry", "continued", "injected"]


def __getattr__(name: str) -> Any:
    if name not in _OTEL:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_OTEL[name]}"), name)

"""W3C trace context across the edges of a process: `traceparent`, `tracestate`, `baggage`.

with continued(request.headers):          # a run started here is the caller's child
with remit.run("answer"):
client.post(url, headers=injected())      # whoever is called continues it
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

try:
    from opentelemetry import context, propagate
except ImportError as error:
    raise ImportError("OpenTelemetry is not installed: pip install 'remit[otel]'") from error


def injected(headers: Mapping[str, str] | None = None) -> dict[str, str]:
    """*headers*, with those that name the current span: the run's, or the call's."""
    carrier = dict(headers or {})
    propagate.inject(carrier)
    return carrier


@contextmanager
def continued(headers: Mapping[str, str]) -> Iterator[None]:
    """Let what begins inside the block be part of the trace that *headers* name.

    Headers that name none, or are broken, begin a trace of their own.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    token = context.attach(propagate.extract(lowered))
    try:
        yield
    finally:
        context.detach(token)

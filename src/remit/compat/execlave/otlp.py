"""`mode="otlp"`: runs as OpenTelemetry spans, sent to a collector, which gets no key of ours."""

from __future__ import annotations

from typing import Any


def exporter(endpoint: str | None, environment: str) -> Any:
    """Exports what is recorded to the collector at *endpoint*.

    Raises:
        ValueError: there is no endpoint.
        ImportError: it needs an extra.
    """
    if not endpoint:
        raise ValueError('otlp_endpoint is required when mode="otlp"')
    raise NotImplementedError(environment)


def close(exporter: Any) -> None:
    """Send what waits."""
    exporter.provider.shutdown()

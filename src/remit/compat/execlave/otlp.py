"""`mode="otlp"`: traces as OpenTelemetry spans, sent to a collector, which gets no key of ours."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from remit.ports import Reader

PATIENCE = 5.0
"""Seconds that a collector may take."""

_log = logging.getLogger("Execlave")


class Export:
    """Sends spans to the collector at *endpoint*, over HTTP.

    Args:
        endpoint: its address, without `/v1/traces`.
        environment: is part of the name of the service.

    Raises:
        ValueError: there is no endpoint.
        ImportError: it needs the extra `otel`.
    """

    def __init__(self, endpoint: str | None, environment: str) -> None:
        if not endpoint:
            raise ValueError('otlp_endpoint is required when mode="otlp"')
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise ImportError("exporting traces needs: pip install 'remit[otel]'") from error
        from remit.telemetry import OpenTelemetry

        named = {"service.name": f"Execlave-{environment}", "deployment.environment": environment}
        provider = TracerProvider(resource=Resource.create(named))
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=PATIENCE)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        self.reader: Reader = OpenTelemetry(tracer_provider=provider)
        self._flush: Callable[[], Any] = provider.force_flush
        self._close: Callable[[], Any] = provider.shutdown

    def flush(self) -> None:
        """Send what waits. Never raises."""
        _quietly(self._flush)

    def close(self) -> None:
        """Send what waits, and end. Never raises."""
        _quietly(self._close)


def _quietly(work: Callable[[], Any]) -> None:
    try:
        work()
    except Exception:  # noqa: BLE001 - a collector's mistake is nobody else's
        _log.exception("spans could not be exported")

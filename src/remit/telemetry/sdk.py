"""The SDK as its own variables set it up, for applications that have not done so."""

from __future__ import annotations

import os
from typing import Any

CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
OTLP = "otlp_proto_http"


def configure() -> None:
    """Set up the SDK as the `OTEL_*` variables say; OTLP over HTTP where they name no exporter.

    An application that has set one up keeps its own.

    Raises:
        ImportError: there is no SDK, or not the exporter asked for.
    """
    try:
        from opentelemetry import trace
        from opentelemetry.sdk._configuration import _OTelSDKConfigurator as Configurator
        from opentelemetry.sdk.trace import TracerProvider
    except ImportError as error:
        raise ImportError("there is no OpenTelemetry SDK: pip install 'remit[otel]'") from error

    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    unnamed = {
        "trace_exporter_names": "OTEL_TRACES_EXPORTER",
        "metric_exporter_names": "OTEL_METRICS_EXPORTER",
    }
    names = {key: [OTLP] for key, variable in unnamed.items() if not os.environ.get(variable)}
    try:
        configurator: Any = Configurator
        configurator().configure(**names)
    except RuntimeError as error:
        raise ImportError(f"the OpenTelemetry SDK could not be set up: {error}") from error


def wants_content() -> bool:
    """Whether the variable for that asks for content."""
    wanted = os.environ.get(CONTENT, "").strip().lower()
    return wanted in {"true", "span_only", "event_only", "span_and_event"}

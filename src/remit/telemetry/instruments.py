"""The metrics: what was called, decided and used, how long it took, what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.metrics import Counter, Histogram, Meter

from remit.telemetry import names
from remit.telemetry.attributes import Attributes

_KEPT = frozenset({names.OPERATION, names.AGENT, names.TOOL, names.MODEL, names.PROVIDER})
_KEPT_OF_MODEL = _KEPT | {"gen_ai.response.model", names.ERROR}


class Instruments:
    """Counts and times what the spans show."""

    def __init__(self, meter: Meter) -> None:
        self._of: dict[str, Histogram | Counter] = {
            key: _instrument(meter, metric) for key, metric in names.METRICS.items()
        }

    def decided(self, action: str, effect: str) -> None:
        """A decision was made."""
        self._add("decisions", 1, {names.ACTION: action, names.EFFECT: effect})

    def called(self, action: str, outcome: str) -> None:
        """A call has come to its end, or was refused."""
        self._add("calls", 1, {names.ACTION: action, names.OUTCOME: outcome})

    def executed(self, tool: Attributes, seconds: float) -> None:
        """A tool ran."""
        self._record("call", seconds, tool)

    def ran(self, run: Attributes, facts: Mapping[str, Any], seconds: float) -> None:
        """A run has come to its end."""
        self._record("run", seconds, run)
        self._record("run_calls", sum(facts.get("calls", {}).values()), run)
        self._record("run_model_calls", facts.get("model_calls", 0), run)

    def asked_model(self, facts: Mapping[str, Any], attributes: Attributes) -> None:
        """A model has answered."""
        shared = {name: attributes[name] for name in _KEPT_OF_MODEL if name in attributes}
        if isinstance(seconds := facts.get("seconds"), int | float):
            self._record("model_call", seconds, shared)
        if isinstance(first := facts.get("first_token"), int | float):
            self._record("first_token", first, shared)
        for kind in ("input", "output"):
            if isinstance(used := facts.get(f"{kind}_tokens"), int) and used:
                self._record("tokens", used, {**shared, names.TOKEN_TYPE: kind})
        if isinstance(cost := facts.get("cost"), int | float) and cost > 0:
            self._add("cost", cost, shared)

    def _record(self, key: str, amount: float, attributes: Attributes) -> None:
        histogram = self._of[key]
        assert isinstance(histogram, Histogram)
        histogram.record(amount, attributes)

    def _add(self, key: str, amount: float, attributes: Attributes) -> None:
        counter = self._of[key]
        assert isinstance(counter, Counter)
        counter.add(amount, attributes)


def kept(attributes: Attributes) -> Attributes:
    """Those of *attributes* that have few values."""
    return {name: attributes[name] for name in _KEPT if name in attributes}


def _instrument(meter: Meter, metric: names.Metric) -> Histogram | Counter:
    if metric.kind == "counter":
        return meter.create_counter(metric.name, metric.unit, metric.says)
    return meter.create_histogram(
        metric.name, metric.unit, metric.says, explicit_bucket_boundaries_advisory=metric.bounds
    )

"""How a trace ended, and the records that say so, once somebody needs them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from remit.audit.record import Record
from remit.canonical import Frozen
from remit.compat.execlave.facts import model_of, named, settled
from remit.compat.execlave.privacy import Scrubbing, injection
from remit.compat.execlave.unseen import UnseenRun

if TYPE_CHECKING:
    from remit.compat.execlave.trace import Trace

EMPTY: tuple[Any, ...] = (None, [], {})


class Ending(msgspec.Struct):
    """The end of a *run*, which `ended` this way `at` that moment.

    Looking for personal data takes time, and whoever has finished need not wait for it: all that
    was told is frozen, or cannot change, so what becomes of it may wait.
    """

    trace: Trace
    run: UnseenRun
    told: dict[str, Any]
    ended: dict[str, Any]
    at: int
    milliseconds: int
    metadata: dict[str, Any]
    tags: list[str]
    counted: Frozen | None
    """All that was counted in the run; None if it was over before anybody looked at it."""
    records: deque[Record] | None = None

    @property
    def id(self) -> str:
        """That of the trace."""
        return self.run.trace_id if self.run.seen else self.trace.trace_id

    def made(self) -> deque[Record]:
        """The records that are to be kept still.

        Raises:
            ValueError: they cannot be made. They will not be better later.
        """
        if self.records is None:
            try:
                self.records = deque(self._make())
            except Exception as error:
                raise ValueError(f"it has no records: {error}") from error
        return self.records

    def _make(self) -> list[Record]:
        run, model = self.run, model_of(self.told)
        counted = self.counted
        if counted is None:
            # It began and ended, and nothing but its outbox has looked at it.
            seconds = (self.at - run.began) / 1e9
            counted = Frozen({**counted_in(run, model), "seconds": seconds})
        examined = self._examined(self._facts())
        present = {name: each for name, each in examined.items() if each not in EMPTY}
        end = run.record("end", present, counted=counted, at=self.at)
        return [run.record("model", model, at=self.at), end] if model else [end]

    def _facts(self) -> dict[str, Any]:
        trace, told = self.trace, self.told
        facts = {
            "trace_id": self.run.trace_id,
            "duration_ms": self.milliseconds,
            "environment": trace.environment,
            "parent_trace_id": trace.parent_trace_id,
            "span_type": trace.span_type,
            "tags": self.tags,
            **self.ended,
        }
        if "arguments" in told:
            facts |= named(*told["arguments"])
        facts |= {name: settled(told[name]) for name in ("input", "output") if name in told}
        if self.metadata:
            facts["metadata"] = self.metadata
        return facts

    def _examined(self, facts: dict[str, Any]) -> dict[str, Any]:
        """*facts*, scanned and scrubbed as the client was told to."""
        exe, found = self.trace.exe, dict[str, Any]()
        if exe.enable_injection_scan and "input" in facts:
            found |= injection(facts["input"])
        privacy = exe.scrubber
        if privacy.enabled:
            scrub = Scrubbing(privacy)
            content = privacy.fields | {"message", "metadata", "tags", "effect_evidence"}
            facts |= {name: scrub(facts[name]) for name in content if name in facts}
            found |= scrub.metadata()
        if found:
            facts["metadata"] = {**facts.get("metadata", {}), **found}
        return facts


def counted_in(run: UnseenRun, model: dict[str, Any]) -> Frozen:
    """All that was counted in *run*, with the call of a *model* that was told of it."""
    if model:
        run.spend(tokens=model["input_tokens"] + model["output_tokens"], cost=model["cost"])
        run.told["model"] = run.told.get("model", 0) + 1
    return run.counted()

"""Records as OpenTelemetry sees them: a span for a run, a call, a model call; events; metrics.

    invoke_agent support                       run.start ... run.end
    ├─ event remit.step                        run.step
    ├─ chat m-1                                run.model
    └─ execute_tool refund                     started ... returned
       ├─ event remit.asked                    asked: the span begins here
       └─ remit.decision.effect = allow ...

Spans begin and end when their records say. Their parents are found by the ids in the
records, so that threads and tasks do not confuse them; while the code of a run or a call is
running its span is the current one, so that other people's spans and requests belong to it.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from remit.audit.record import ENDS, Kind, Record
from remit.telemetry import attributes, names
from remit.telemetry.sdk import configure, wants_content

try:
    from opentelemetry import context, metrics, trace
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode
except ImportError as error:
    raise ImportError("OpenTelemetry is not installed: pip install 'remit[otel]'") from error

from remit.telemetry.instruments import Instruments, kept
from remit.telemetry.open import Open, OpenSpans

MOST_OPEN = 10_000
PEOPLE = frozenset({Kind.ASKED, Kind.ANSWERED})
"""A question to people, which has the id of the call that asks it, and what they say."""


class OpenTelemetry:
    """A `Reader` that hands records to OpenTelemetry.

    Args:
        tracer_provider: None stands for the global one.
        meter_provider: None stands for the global one.
        content: whether arguments, messages, prompts, answers, outputs and reasons are
            exported, and not only names and numbers.
        most_open: how many runs and calls may be under way; more, and the oldest are cut off.
    """

    def __init__(
        self,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
        content: bool = False,
        most_open: int = MOST_OPEN,
    ) -> None:
        self.content = content
        self._tracer = trace.get_tracer("remit", tracer_provider=tracer_provider)
        self._instruments = Instruments(metrics.get_meter("remit", meter_provider=meter_provider))
        self._open = OpenSpans(most_open)
        # The SDK flushes at exit; what runs then was registered before and comes later.
        atexit.register(self.close)

    @classmethod
    def from_environment(cls) -> OpenTelemetry:
        """What the `OTEL_*` variables ask for, unless the application has set up an SDK already.

        Raises:
            ImportError: there is no SDK, or not the exporter asked for.
        """
        configure()
        return cls(content=wants_content())

    def __call__(self, record: Record, /) -> None:
        """Take note of *record*."""
        action = record.request.action.name
        if record.kind is Kind.NOTED:
            self._noted(record, action.removeprefix("run."))
            return
        if record.decision is not None and record.kind not in ENDS | {Kind.ANSWERED}:
            self._instruments.decided(action, attributes.effect(record.decision))
        if record.move is not None and record.kind in PEOPLE:
            # An inbox keeps it, and whoever asks may be gone when it is answered: no span waits.
            self._event(self._span_of(record), record)
        elif action == "run.start":
            self._checked_start(record)
        elif action.startswith(names.CHECKED):
            self._checked(record)
        else:
            self._called(record)

    @contextmanager
    def inside(self, identity: str, /) -> Iterator[None]:
        """Let the span of the run or call *identity* be the current one."""
        opened = self._open.get(identity)
        if opened is None:
            yield
            return
        token = context.attach(trace.set_span_in_context(opened.span))
        try:
            yield
        finally:
            context.detach(token)

    def close(self) -> None:
        """End the spans that are under way. Happens by itself when the program ends."""
        atexit.unregister(self.close)
        self._open.close()

    # What is noted in a run.

    def _noted(self, record: Record, what: str) -> None:
        if what == "start":
            span = self._start_run(record).span
            self._tell(span, names.RUN_START, record)
        elif what == "end":
            self._end_run(record)
        elif what == "model":
            self._asked_model(record)
        else:
            self._told(record, what)

    def _told(self, record: Record, what: str) -> None:
        span, facts = self._span_of(record), record.request.action.properties
        named = names.EVENTS.get(what) or names.Named(f"remit.{what}")
        told = attributes.of_facts(named, facts, content=self.content)
        told |= attributes.of_decision(record, content=self.content)
        span.add_event(named.name, told, record.at)
        if what == "tag":
            span.set_attribute(f"{names.TAG}{facts.get('key')}", str(facts.get("value")))

    def _asked_model(self, record: Record) -> None:
        facts = record.request.action.properties
        known = {
            names.OPERATION: names.CHAT,
            **attributes.of_facts(names.MODEL_CALL, facts, content=self.content),
            names.RUN: record.call,
        }
        known.pop("remit.seconds", None)
        seconds = facts.get("seconds")
        took = int(seconds * 1e9) if isinstance(seconds, int | float) else 0
        span = self._tracer.start_span(
            f"{known[names.OPERATION]} {known.get(names.MODEL, '')}".rstrip(),
            self._parent(record.call),
            SpanKind.CLIENT,
            known,
            start_time=record.at - took,
        )
        if names.ERROR in known:
            span.set_status(Status(StatusCode.ERROR, str(known[names.ERROR])))
        span.end(record.at)
        self._instruments.asked_model(facts, known)

    # Runs.

    def _start_run(self, record: Record) -> Open:
        known = attributes.of_run(record)
        name = f"{names.INVOKE_AGENT} {known.get(names.AGENT, '')}".rstrip()
        parent = self._parent(str(known.get(names.PARENT, "")))
        at = record.at
        span = self._tracer.start_span(name, parent, SpanKind.INTERNAL, known, start_time=at)
        opened = Open(span, at)
        self._open.add(str(known[names.RUN]), opened)
        return opened

    def _end_run(self, record: Record) -> None:
        opened = self._open.take(record.call)
        if opened is None:
            return
        facts = record.request.action.properties
        self._tell(opened.span, names.RUN_END, record)
        opened.span.set_attribute("remit.run.calls", sum(facts.get("calls", {}).values()))
        known = kept(attributes.of_run(record))
        if error := facts.get("error"):
            opened.span.set_status(Status(StatusCode.ERROR, str(error)))
            known[names.ERROR] = str(error)
        opened.span.end(record.at)
        self._open.cut_off(opened.unstarted)
        self._instruments.ran(known, facts, (record.at - opened.began) / 1e9)

    def _checked_start(self, record: Record) -> None:
        """Policy was asked whether the run may start: its answer is on the run's span."""
        if record.kind in ENDS:
            return
        run = str(record.request.run.get("id", ""))
        opened = self._open.get(run) or self._start_run(record)
        opened.span.set_attributes(attributes.of_decision(record, content=self.content))
        if record.kind is Kind.STARTED:
            self._tell(opened.span, names.RUN_START, record)
            return
        self._event(opened.span, record)
        if record.kind is Kind.REFUSED:
            self._open.take(run)
            self._refused(opened.span, record)

    def _checked(self, record: Record) -> None:
        """Policy was asked whether the run may go on: its answer is an event."""
        if record.kind not in ENDS:
            self._event(self._span_of(record), record)

    # Calls.

    def _called(self, record: Record) -> None:
        if record.kind in ENDS:
            self._end_call(record)
            return
        opened = self._open.get(record.call) or self._start_call(record)
        opened.span.set_attributes(attributes.of_decision(record, content=self.content))
        if record.kind is Kind.STARTED:
            opened.began = record.at
            self._is_started(record)
            return
        self._event(opened.span, record)
        if record.kind is Kind.REFUSED:
            self._open.take(record.call)
            self._is_started(record)
            self._refused(opened.span, record)
            self._instruments.called(record.request.action.name, record.kind.value)

    def _start_call(self, record: Record) -> Open:
        known = attributes.of_call(record, content=self.content)
        run = str(record.request.run.get("id", ""))
        at = record.at if record.kind is Kind.STARTED else record.request.at or record.at
        span = self._tracer.start_span(
            f"{names.EXECUTE_TOOL} {record.request.action.name}",
            self._parent(run),
            SpanKind.INTERNAL,
            known,
            start_time=at,
        )
        opened = Open(span, at)
        if record.kind is Kind.ASKED and (of := self._open.get(run)) is not None:
            of.unstarted.add(record.call)
        self._open.add(record.call, opened)
        return opened

    def _is_started(self, record: Record) -> None:
        if record.request.approvals and (run := self._open.get(record.request.run.get("id", ""))):
            run.unstarted.discard(record.call)

    def _end_call(self, record: Record) -> None:
        opened = self._open.take(record.call)
        if opened is None:
            return
        known = kept(attributes.of_call(record, content=False))
        if record.kind is Kind.RAISED:
            error = str(record.body.get("error", ""))
            known[names.ERROR] = error
            opened.span.set_attribute(names.ERROR, error)
            if self.content:
                opened.span.set_attribute(names.MESSAGE, str(record.body.get("message", "")))
            opened.span.set_status(Status(StatusCode.ERROR, error))
        opened.span.end(record.at)
        self._instruments.executed(known, (record.at - opened.began) / 1e9)
        self._instruments.called(record.request.action.name, record.kind.value)

    # What they share.

    def _tell(self, span: Span, named: names.Named, record: Record) -> None:
        facts = record.request.action.properties
        span.set_attributes(attributes.of_facts(named, facts, content=self.content))

    def _event(self, span: Span, record: Record) -> None:
        """A refusal, a question, an answer, a check."""
        what = "check" if record.kind is Kind.STARTED else record.kind.value
        told: dict[str, Any] = attributes.of_decision(record, content=self.content)
        told[names.ACTION] = record.request.action.name
        if record.kind in PEOPLE:
            told[names.APPROVAL] = record.call
        span.add_event(f"remit.{what}", told, record.at)

    def _refused(self, span: Span, record: Record) -> None:
        span.set_attribute(names.ERROR, "Denied")
        span.set_status(Status(StatusCode.ERROR, "Denied"))
        span.end(record.at)

    def _span_of(self, record: Record) -> Span:
        """The span of the run that *record* is of; without one, the current one."""
        opened = self._open.get(str(record.request.run.get("id", "")))
        return opened.span if opened is not None else trace.get_current_span()

    def _parent(self, run: str) -> context.Context | None:
        """The context of what begins in *run*; None is the current one.

        That is the better parent where it is part of the run, in a span of the application.
        """
        opened = self._open.get(run)
        if opened is None:
            return None
        current = trace.get_current_span().get_span_context()
        if current.trace_id == opened.span.get_span_context().trace_id:
            return None
        return trace.set_span_in_context(opened.span)

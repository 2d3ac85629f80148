"""What a run tells is in the ledger, at an OTLP collector and in `remit runs show`: all of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading

import pytest
from cli_shell import Shell
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from otlp_collector import Collector, attributes

import remit
from remit import Guard, Policy, SqliteLedger
from remit.telemetry import OpenTelemetry

FORMS = ("sync", "async", "generator", "async generator", "thread")
RULES = """
remit: 1
rules:
  - {id: go, action: run.*, effect: allow}
  - {id: search, action: search, effect: allow}
"""


def told_by(form):
    """What the body of *form* tells, each with a mark of its own."""
    return {
        "run.step": f"{form} step",
        "run.tag": f"{form} tag",
        "run.score": f"{form} score",
        "run.message": f"{form} message",
        "run.decision": f"{form} decision",
        "run.retrieval": f"{form} retrieval",
        "run.model": f"{form} model",
        "run.metadata": f"{form} metadata",
        "run.reasoning": f"{form} reasoning",
        "run.again": f"{form} retry",
        "run.input": f"{form} turn",
        "run.pause": f"{form} pause",
        "run.phase": f"{form} phase",
        "run.phase_end": f"{form} phase",
    }


def tell(form):
    told = told_by(form)
    remit.step(told["run.step"])
    remit.tag("mark", told["run.tag"])
    remit.score(told["run.score"], 0.5)
    remit.message("user", told["run.message"])
    remit.decision(told["run.decision"], "left")
    remit.retrieval(told["run.retrieval"], ["page 3"])
    remit.current_run().model(told["run.model"], input_tokens=3, output_tokens=4)
    remit.metadata("fact", told["run.metadata"])
    remit.reasoning(told["run.reasoning"])
    remit.retry(told["run.again"])
    with remit.human_turn(told["run.input"]) as turn:
        turn.answer = "yes"
    with remit.pause(told["run.pause"]), remit.phase(told["run.phase"]):
        pass


def bodies(form, guard, runs):
    """What a run of *form* does, and the same for an event loop; *runs* gets its id."""

    @guard.protect
    def search(what: str):
        return what

    @guard.protect(action="search")
    async def asearch(what: str):
        return what

    def told():
        runs.append(remit.current_run().id)
        tell(form)

    def body():
        told()
        assert search(f"{form} tool") == f"{form} tool"

    async def abody():
        told()
        await asyncio.sleep(0)
        assert await asearch(f"{form} tool") == f"{form} tool"

    return body, abody


def execute(form, guard):
    """One run of a body of *form*; its id."""
    observe = remit.observe(agent=form.replace(" ", "-"), guard=guard)
    runs = []
    body, abody = bodies(form, guard, runs)

    @observe
    def sync():
        body()

    @observe
    async def asynchronous():
        await abody()

    @observe
    def generator():
        yield 1
        body()
        yield 2

    @observe
    async def asynchronous_generator():
        yield 1
        await abody()
        yield 2

    @observe
    def threaded():
        thread = threading.Thread(target=remit.keep_context(body))
        thread.start()
        thread.join()

    async def read():
        return [item async for item in asynchronous_generator()]

    {
        "sync": sync,
        "async": lambda: asyncio.run(asynchronous()),
        "generator": lambda: list(generator()),
        "async generator": lambda: asyncio.run(read()),
        "thread": threaded,
    }[form]()
    return runs[0]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The ids of a run of every form, the ledger that has them, and the collector."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    with Collector() as collector:
        tracers, meters = providers(collector.address)
        telemetry = OpenTelemetry(tracer_provider=tracers, meter_provider=meters, content=True)
        with SqliteLedger(path) as ledger:
            guard = Guard(Policy.parse(RULES), ledger=ledger, readers=[telemetry])
            runs = {form: execute(form, guard) for form in FORMS}
        telemetry.close()
        tracers.shutdown()
        meters.shutdown()
        yield runs, path, collector


def providers(address):
    tracers = TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{address}/v1/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{address}/v1/metrics"))
    return tracers, MeterProvider(metric_readers=[reader])


@pytest.mark.parametrize("form", FORMS)
def test_the_ledger_has_all_of_it(world, form):
    runs, path, _ = world
    with SqliteLedger(path) as ledger:
        stored = list(ledger.select(remit.ledgers.query.Filter(run=runs[form])))
    found = {}
    for each in stored:
        found.setdefault(each.facts().action, []).append(str(each.details()))
    for action, mark in {**told_by(form), "search": f"{form} tool"}.items():
        assert any(mark in details for details in found[action])
    assert [each.facts().kind for each in stored if each.facts().action == "search"] == [
        "started",
        "returned",
    ]


@pytest.mark.parametrize("form", FORMS)
def test_the_collector_has_all_of_it(world, form):
    runs, _, collector = world
    spans = [span for span in collector.spans() if attributes(span)["remit.run.id"] == runs[form]]
    run, call, chat = (
        next(span for span in spans if span.name.startswith(operation))
        for operation in ("invoke_agent", "execute_tool", "chat")
    )
    told = told_by(form)
    exported = {event.name: attributes(event) for event in run.events}
    assert exported["remit.step"]["remit.name"] == told["run.step"]
    assert exported["remit.tag"] == {"remit.key": "mark", "remit.value": told["run.tag"]}
    assert attributes(run)["remit.tag.mark"] == told["run.tag"]
    score = exported["gen_ai.evaluation.result"]
    assert score["gen_ai.evaluation.name"] == told["run.score"]
    assert exported["remit.message"]["remit.content"] == told["run.message"]
    for what in ("again", "input", "metadata", "pause", "phase", "phase_end", "reasoning"):
        assert told[f"run.{what}"] in exported[f"remit.{what}"].values()
    assert exported["remit.input"]["remit.answer"] == "yes"
    assert exported["remit.decision"]["remit.name"] == told["run.decision"]
    assert exported["remit.retrieval"]["gen_ai.retrieval.query.text"] == told["run.retrieval"]
    assert chat.name == f"chat {told['run.model']}"
    assert attributes(call)["remit.decision.rules"] == ["search"]
    assert f"{form} tool" in attributes(call)["gen_ai.tool.call.arguments"]
    assert call.parent_span_id == chat.parent_span_id == run.span_id
    assert call.trace_id == chat.trace_id == run.trace_id
    assert len(spans) == 3


def test_the_collector_has_the_metrics_and_no_credentials(world):
    _, _, collector = world
    assert collector.metrics() >= {
        "gen_ai.invoke_agent.duration",
        "gen_ai.execute_tool.duration",
        "gen_ai.client.token.usage",
        "remit.calls",
        "remit.decisions",
    }
    assert not any("authorization" in map(str.lower, headers) for headers in collector.headers)


@pytest.mark.parametrize("form", FORMS)
def test_runs_show_has_all_of_it(world, form, capsys, monkeypatch):
    runs, path, _ = world
    for name in ("REMIT_POLICY", "REMIT_LEDGER", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    shown = Shell(capsys)("runs", "show", runs[form], "--ledger", str(path)).out
    for mark in {**told_by(form), "search": f"search(what={form} tool) returned"}.values():
        assert mark in shown


def test_a_program_that_ends_has_sent_all_of_it():
    """Nothing is flushed by hand, and a run that was cut off is told as well."""
    program = """
import remit
from remit import Guard, MemoryLedger, Policy
from remit.telemetry import OpenTelemetry
reader = OpenTelemetry.from_environment()
guard = Guard(Policy.parse("remit: 1\\nrules: []\\n"), ledger=MemoryLedger(), readers=[reader])
with remit.run("whole", agent="whole", guard=guard):
    remit.step("read")
remit.run("cut", agent="cut", guard=guard).__enter__()
"""
    with Collector() as collector:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-project=desk",
            "OTEL_SERVICE_NAME": "desk",
        }
        run = [sys.executable, "-c", program]
        subprocess.run(run, env={**os.environ, **variables}, check=True)
        names = {span.name for span in collector.spans()}
    assert names == {"invoke_agent whole", "invoke_agent cut"}
    assert {headers.get("x-project") for headers in collector.headers} == {"desk"}
    assert "gen_ai.invoke_agent.duration" in collector.metrics()

"""What a run told is in OpenTelemetry, in the right place, and no more than asked for."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

import remit
from remit import Denied, FixedApprover, Guard, Inbox, MemoryLedger, Policy, Session
from remit.telemetry import OpenTelemetry, continued, injected, names

RULES = """
remit: 1
rules:
  - {id: go, action: 'run.*', effect: allow}
  - {id: small, action: refund, when: args.amount <= 100, effect: allow, risk: low}
  - {id: large, action: refund, when: args.amount > 100, effect: ask, approvers: ['user:ann']}
  - {id: closed, action: run.start, when: run.name == 'night', effect: deny, reason: closed}
"""


class World:
    def __init__(self, **options):
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        meters = MeterProvider(metric_readers=[self.reader])
        self.telemetry = OpenTelemetry(
            tracer_provider=self.provider, meter_provider=meters, **options
        )
        approver = FixedApprover(approve=True, approver=remit.Subject("user", "ann"))
        self.guard = Guard(
            Policy.parse(RULES),
            ledger=MemoryLedger(),
            approver=approver,
            readers=[self.telemetry],
        )
        self.tracer = self.provider.get_tracer("app")

    def spans(self):
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def metrics(self):
        data = self.reader.get_metrics_data()
        return {
            metric.name: [(dict(point.attributes), point) for point in metric.data.data_points]
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def refund(self, body=lambda: None):
        @self.guard.protect
        def refund(amount: int):
            body()
            return amount

        return refund


@pytest.fixture
def world():
    made = World()
    yield made
    made.telemetry.close()


def events(span):
    return [event.name for event in span.events]


def parent_of(span):
    return span.parent and span.parent.span_id


def test_a_run_is_a_span_and_what_it_told_are_its_events(world):
    with remit.run("triage", agent="support", guard=world.guard, session=Session(id="s-1")) as run:
        remit.step("read", output="the customer's secret")
        remit.tag("customer", "c-17")
        remit.score("tone", 0.9, comment="fine")
        remit.score("polite", True)
        remit.message("user", "hello")
    span = world.spans()["invoke_agent support"]
    assert events(span) == [
        "remit.step", "remit.tag", "gen_ai.evaluation.result", "gen_ai.evaluation.result",
        "remit.message",
    ]  # fmt: skip
    known = span.attributes
    assert known["gen_ai.operation.name"] == "invoke_agent"
    assert (known["remit.run.id"], known["remit.run.name"]) == (run.id, "triage")
    assert (known["gen_ai.conversation.id"], known["remit.tag.customer"]) == ("s-1", "c-17")
    assert known["remit.run.steps"] == 1
    tone, polite = (dict(event.attributes) for event in span.events[2:4])
    assert tone["gen_ai.evaluation.score.value"] == 0.9
    assert polite["gen_ai.evaluation.score.label"] == "true"


def test_spans_and_events_have_the_times_of_the_records(world):
    with remit.run(agent="support", guard=world.guard):
        remit.step("read")
        world.refund()(5)
    records = world.guard.ports.ledger.records
    begun, step, started, returned, ended = (record.at for record in records)
    run, call = world.spans()["invoke_agent support"], world.spans()["execute_tool refund"]
    assert (run.start_time, run.end_time) == (begun, ended)
    assert run.events[0].timestamp == step
    assert (call.start_time, call.end_time) == (started, returned)


def test_a_call_carries_its_decision_and_what_it_raised(world):
    def fail():
        raise LookupError("card 4111")

    with remit.run(agent="support", guard=world.guard), pytest.raises(LookupError):
        world.refund(fail)(5)
    call = world.spans()["execute_tool refund"]
    known = call.attributes
    assert known["remit.decision.effect"] == "allow"
    assert known["remit.decision.rules"] == ("small",)
    assert known["remit.decision.risk"] == "low"
    assert known["remit.policy.digest"] == world.guard.ports.decider.digest
    assert (known["error.type"], call.status.status_code) == ("LookupError", StatusCode.ERROR)
    assert known["remit.call.id"] == world.guard.ports.ledger.records[1].call


def test_a_question_to_people_and_their_answer_are_events_of_the_call(world):
    with remit.run(agent="support", guard=world.guard):
        world.refund()(500)
    call = world.spans()["execute_tool refund"]
    assert events(call) == ["remit.asked", "remit.answered"]
    assert call.attributes["remit.approval.approved"] is True
    asked = next(r for r in world.guard.ports.ledger.records if r.kind == "asked")
    assert call.start_time == asked.request.at <= call.events[0].timestamp


def test_a_question_that_an_inbox_keeps_and_its_answer_are_events_of_the_run(world):
    ledger, told = MemoryLedger(), []
    yes = FixedApprover(approve=True, approver=remit.Subject("user", "ann"))
    for channel in (None, yes):
        guard = Guard(
            world.guard.ports.decider,
            ledger=ledger,
            approver=Inbox(ledger, channel=channel),
            readers=[told.append, world.telemetry],
        )
        with remit.run(agent="support", guard=guard), suppress(remit.Pending):
            guard.protect(lambda amount: amount, action="refund")(500)
    waiting, call, answered = world.exporter.get_finished_spans()
    assert events(waiting) == ["remit.asked"]
    assert waiting.events[0].attributes["remit.approval.id"] == told[1].call
    assert waiting.events[0].attributes["remit.decision.effect"] == "ask"
    assert (call.name, call.attributes["remit.approval.id"]) == (
        "execute_tool refund",
        told[1].call,
    )
    assert events(answered) == ["remit.answered"]
    assert told == ledger.records


def test_what_an_inbox_keeps_of_a_run_is_told_as_it_is_recorded_of_others(world):
    """People are shown what they decide on; a reader is not."""
    ledger, told = MemoryLedger(), []
    rules = "remit: 1\nrules: [{id: a, action: run.start, effect: ask, approvers: ['user:ann']}]"
    guard = Guard(Policy.parse(rules), ledger=ledger, approver=Inbox(ledger), readers=[told.append])
    with (
        pytest.raises(remit.Pending),
        remit.run(guard=guard, check=["start"], given={"card": "4111"}),
    ):
        pytest.fail("ran")
    (case,) = guard.ports.inbox.cases()
    assert case.question.request.action.properties["input"] == {"card": "4111"}
    assert [each.kind.value for each in told] == ["asked"]
    assert "4111" not in repr(told)


def test_a_refused_call_is_a_span_that_failed(world):
    with remit.run(agent="support", guard=world.guard), pytest.raises(Denied):
        world.guard.call(world.guard.request("delete"), lambda: pytest.fail("ran"))
    call = world.spans()["execute_tool delete"]
    assert (call.attributes["error.type"], events(call)) == ("Denied", ["remit.refused"])
    assert call.attributes["remit.decision.effect"] == "deny"


def test_a_run_that_may_not_start_is_a_span_that_failed(world):
    with (
        pytest.raises(Denied),
        remit.run("night", agent="support", guard=world.guard, check=["start"]),
    ):
        pytest.fail("ran")
    span = world.spans()["invoke_agent support"]
    assert (span.attributes["error.type"], span.attributes["remit.decision.effect"]) == (
        "Denied",
        "deny",
    )
    assert len(world.telemetry._open) == 0


def test_a_model_call_is_a_span_as_long_as_it_took(world):
    with remit.run(agent="support", guard=world.guard) as run:
        run.model(
            "m-1", input_tokens=1000, output_tokens=20, cost=0.25, seconds=1.5, first_token=0.3,
            provider="openai", finish="stop", input="secret", answered="m-1-0613",
        )  # fmt: skip
    chat = world.spans()["chat m-1"]
    assert chat.end_time - chat.start_time == 1_500_000_000
    assert chat.attributes["gen_ai.usage.input_tokens"] == 1000
    assert chat.attributes["gen_ai.provider.name"] == "openai"
    assert chat.attributes["gen_ai.response.model"] == "m-1-0613"
    assert chat.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert "secret" not in str(dict(chat.attributes))
    metrics = world.metrics()
    assert {shared["gen_ai.token.type"]: point.sum for shared, point in metrics[
        "gen_ai.client.token.usage"]} == {"input": 1000, "output": 20}  # fmt: skip
    assert metrics["remit.cost"][0][1].value == 0.25
    assert metrics["gen_ai.client.operation.time_to_first_chunk"][0][1].sum == 0.3


def test_calls_and_decisions_are_counted(world):
    refund = world.refund()
    with remit.run(agent="support", guard=world.guard):
        refund(1)
        refund(2)
        refund(500)
    metrics = world.metrics()
    decided = {
        (shared["remit.action"], shared["remit.decision.effect"]): point.value
        for shared, point in metrics["remit.decisions"]
    }
    assert decided == {("refund", "allow"): 3, ("refund", "ask"): 1}
    assert metrics["gen_ai.execute_tool.duration"][0][1].count == 3
    assert metrics["gen_ai.invoke_agent.tool_calls"][0][1].sum == 3
    ids = {world.guard.ports.ledger.records[0].call}
    assert not ids & {str(value) for rows in metrics.values() for shared, _ in rows
                      for value in shared.values()}  # fmt: skip


def test_runs_and_calls_are_children_of_the_run_they_are_in(world):
    with (
        remit.run(agent="outer", guard=world.guard),
        remit.run(agent="inner", guard=world.guard),
    ):
        world.refund()(1)
    spans = world.spans()
    outer, inner, call = (
        spans[name] for name in ("invoke_agent outer", "invoke_agent inner", "execute_tool refund")
    )
    assert parent_of(outer) is None
    assert parent_of(inner) == outer.context.span_id
    assert parent_of(call) == inner.context.span_id


def test_while_code_runs_its_span_is_the_current_one_and_no_longer(world):
    seen = []

    def look():
        with world.tracer.start_as_current_span("request"):
            seen.append(injected()["traceparent"])

    with remit.run(agent="support", guard=world.guard):
        world.refund(look)(1)
        with world.tracer.start_as_current_span("app"):
            world.refund()(2)
    assert not trace.get_current_span().get_span_context().is_valid
    spans = world.exporter.get_finished_spans()
    request, first, second, app, run = spans
    assert parent_of(request) == first.context.span_id
    assert parent_of(second) == app.context.span_id
    assert parent_of(app) == parent_of(first) == run.context.span_id
    assert f"{run.context.trace_id:032x}" in seen[0]


def test_a_run_continues_the_trace_it_is_started_in(world):
    headers = {"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    with continued(headers), remit.run(agent="called", guard=world.guard):
        passed_on = injected({"accept": "*/*"})
    with remit.run(agent="alone", guard=world.guard), continued({"traceparent": "nonsense"}):
        pass
    called, alone = world.spans()["invoke_agent called"], world.spans()["invoke_agent alone"]
    assert f"{called.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{parent_of(called):016x}" == "b7ad6b7169203331"
    assert passed_on["accept"] == "*/*"
    assert passed_on["traceparent"].split("-")[2] == f"{called.context.span_id:016x}"
    assert alone.context.trace_id != called.context.trace_id


def test_parallel_calls_have_the_right_parents(world):
    meet = threading.Barrier(4)
    refund = world.refund(meet.wait)

    @remit.observe(guard=world.guard)
    def work(n):
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(remit.keep_context(refund), (n, n)))

    with ThreadPoolExecutor(2) as pool:
        for agent in ("a", "b"):
            with remit.acting_as(agent):
                pool.submit(remit.keep_context(work), 1)
    spans = world.exporter.get_finished_spans()
    runs = {span.context.span_id for span in spans if span.name.startswith("invoke")}
    calls = [span for span in spans if span.name.startswith("execute")]
    assert len(calls) == 4
    assert sorted([parent_of(call) for call in calls]) == sorted([*runs, *runs])


def test_parallel_tasks_have_the_right_parents(world):
    @world.guard.protect
    async def search(amount: int):
        await asyncio.sleep(0)
        with world.tracer.start_as_current_span(f"inside {amount}"):
            await asyncio.sleep(0)

    policy = "remit: 1\nrules:\n  - {id: s, action: search, effect: allow}\n"
    guard = Guard(Policy.parse(policy), ledger=MemoryLedger(), readers=[world.telemetry])
    search = guard.protect(search.__wrapped__)

    async def main():
        async with remit.run(agent="many", guard=guard):
            await asyncio.gather(*(search(n) for n in range(5)))

    asyncio.run(main())
    spans = world.exporter.get_finished_spans()
    run = world.spans()["invoke_agent many"]
    calls = {span.context.span_id for span in spans if span.name == "execute_tool search"}
    insides = [span for span in spans if span.name.startswith("inside")]
    assert {parent_of(span) for span in insides} == calls
    assert len(calls) == len(insides) == 5
    assert {parent_of(s) for s in spans if s.name == "execute_tool search"} == {run.context.span_id}


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_generators_span_is_not_current_in_the_code_that_reads_it(world, asynchronous):
    seen = []
    observe = remit.observe(agent="gen", guard=world.guard)

    def look():
        seen.append(trace.get_current_span().get_span_context().is_valid)

    @observe
    def numbers():
        look()
        yield 1
        yield 2

    @observe
    async def anumbers():
        look()
        yield 1
        yield 2

    async def read():
        async for _ in anumbers():
            look()

    if asynchronous:
        asyncio.run(read())
    else:
        for _ in numbers():
            look()
    assert seen == [True, False, False]
    assert "invoke_agent gen" in world.spans()


@pytest.mark.parametrize("asynchronous", [False, True])
def test_what_a_governed_generator_does_is_inside_its_call(world, asynchronous):
    def look(where):
        with world.tracer.start_as_current_span(where):
            pass

    @world.guard.protect(action="refund")
    def pages(amount):
        look("inside")
        yield 1

    @world.guard.protect(action="refund")
    async def apages(amount):
        look("inside")
        yield 1

    async def read():
        async for _ in apages(1):
            look("outside")

    with remit.run(agent="support", guard=world.guard):
        if asynchronous:
            asyncio.run(read())
        else:
            for _ in pages(1):
                look("outside")
    spans = world.spans()
    assert parent_of(spans["inside"]) == spans["execute_tool refund"].context.span_id
    assert parent_of(spans["outside"]) == spans["invoke_agent support"].context.span_id


def test_a_model_call_that_is_decided_on_is_an_event_and_no_tool(world):
    with remit.run(agent="support", guard=world.guard), pytest.raises(Denied):
        world.guard.call(world.guard.request("model.call", input="secret"), lambda: None)
    (span,) = world.exporter.get_finished_spans()
    assert events(span) == ["remit.refused"]
    assert span.events[0].attributes["remit.action"] == "model.call"


@pytest.mark.parametrize("in_run", [True, False])
@pytest.mark.parametrize("said", ["fine", "secret"])
def test_a_model_call_that_is_watched_and_checked_is_one_span(world, in_run, said):
    import model_answers as answers
    import openai
    from provider_server import serving

    rules = (
        "remit: 1\ndefault: allow\nrules: [{id: no, action: model.response, effect: deny,"
        " when: args.output.contains('secret')}]"
    )
    guard = Guard(Policy.parse(rules), ledger=MemoryLedger(), readers=[world.telemetry])
    remit.instrument("openai", guard=guard, check=True)
    try:
        with serving() as server, openai.OpenAI(api_key="key", base_url=server.url) as client:
            server.answer(answers.chat(said))
            run = remit.run(agent="support", guard=guard) if in_run else nullcontext()
            denied = pytest.raises(Denied) if said == "secret" else nullcontext()
            with run, denied:
                client.chat.completions.create(
                    model="gpt-4o", messages=[{"role": "user", "content": "?"}]
                )
    finally:
        remit.uninstrument()
    spans = [span.name for span in world.exporter.get_finished_spans()]
    assert spans == ["chat gpt-4o", *(["invoke_agent support"] if in_run else [])]


def test_what_is_cut_off_is_ended_and_forgotten():
    world = World(most_open=3)
    runs = [remit.run(agent=f"a{n}", guard=world.guard) for n in range(8)]
    for run in runs:
        run.__enter__()
    for run in reversed(runs):
        run._stack.close()
    assert len(world.telemetry._open) == 3
    cut = world.exporter.get_finished_spans()
    assert [span.attributes["remit.cut_off"] for span in cut] == [True] * 5
    assert all(span.end_time >= span.start_time for span in cut)
    world.telemetry.close()
    assert len(world.telemetry._open) == 0
    assert len(world.exporter.get_finished_spans()) == 8


def test_a_call_that_nobody_has_answered_ends_with_its_run(world):
    guard = Guard(
        Policy.parse(RULES), ledger=MemoryLedger(), approver=Silent(), readers=[world.telemetry]
    )
    with remit.run(agent="support", guard=guard), pytest.raises(remit.Pending):
        guard.call(guard.request("refund", amount=500), lambda: pytest.fail("ran"))
    assert world.spans()["execute_tool refund"].attributes["remit.cut_off"] is True
    assert len(world.telemetry._open) == 0


class Silent:
    def ask(self, question):
        return ()


def test_a_process_that_was_forked_ends_no_span_of_the_one_it_came_from():
    program = """
import os, sys, remit
from remit import Guard, MemoryLedger, Policy
from remit.telemetry import OpenTelemetry
reader = OpenTelemetry.from_environment()
guard = Guard(Policy.parse("remit: 1\\nrules: []\\n"), ledger=MemoryLedger(), readers=[reader])
run = remit.run("outer", agent="outer", guard=guard)
run.__enter__()
child = os.fork()
if child:
    os.waitpid(child, 0)
    run.__exit__(None, None, None)
"""
    variables = {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "none"}
    run = [sys.executable, "-c", program]
    done = subprocess.run(
        run, env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["name"] == "invoke_agent outer"
    assert "cut_off" not in done.stdout


SECRET = "sesame"


def everything(guard):
    with remit.run("triage", agent="support", guard=guard, capture=True, given={"q": SECRET}) as r:
        remit.step("read", output=SECRET, note=SECRET)
        remit.metadata("key", SECRET)
        remit.decision("route", SECRET, options=[SECRET], reasoning=SECRET, confidence=0.8)
        remit.reasoning(SECRET, evidence=[SECRET], conclusion=SECRET)
        remit.retrieval(SECRET, [SECRET], source="wiki")
        remit.retry(SECRET, attempt=2, error=SECRET)
        remit.message("user", SECRET)
        with remit.human_turn(SECRET) as turn, remit.pause(SECRET):
            turn.answer = SECRET
        r.model("m-1", input=[SECRET], response=SECRET, error="Timeout", message=SECRET)
        r.tell("anything", fact=SECRET)
        with pytest.raises(Denied):
            guard.call(guard.request(f"{'delete'}", text=SECRET), lambda: None)
        guard.call(guard.request("refund", amount=1, note=SECRET), lambda: SECRET)


@pytest.mark.parametrize("content", [False, True])
def test_content_is_exported_only_where_it_is_switched_on(content):
    world = World(content=content)
    everything(world.guard)
    world.telemetry.close()
    exported = "".join(span.to_json() for span in world.exporter.get_finished_spans())
    assert (SECRET in exported) is content
    if content:
        call = world.spans()["execute_tool refund"]
        assert json.loads(call.attributes["gen_ai.tool.call.arguments"]) == {
            "amount": 1,
            "note": SECRET,
        }
    assert SECRET not in str(world.metrics())


def test_it_fails_no_call_if_it_fails_itself(world, caplog):
    class Broken:
        def __call__(self, record):
            raise RuntimeError("reader")

        def inside(self, identity):
            raise RuntimeError("scope")

    guard = Guard(Policy.parse(RULES), ledger=MemoryLedger(), readers=[Broken(), world.telemetry])
    with remit.run(agent="support", guard=guard):
        assert guard.call(guard.request("refund", amount=1), lambda: 7) == 7
    assert "invoke_agent support" in world.spans()
    assert "a reader failed" in caplog.text


def test_the_page_names_everything_that_is_exported():
    page = (Path(__file__).parents[1] / "docs" / "telemetry.md").read_text(encoding="utf-8")
    told = [*names.EVENTS.values(), names.MODEL_CALL, names.RUN_END]
    exported = {
        *(each for named in told for each in (named.name, *named.facts.values())),
        *(each for named in names.EVENTS.values() for each in named.content.values()),
        *(metric.name for metric in names.METRICS.values()),
    }
    unsaid = {each for each in exported if f"`{each}`" not in page}
    assert unsaid == {names.INVOKE_AGENT, names.CHAT}


def test_the_standard_variables_set_up_the_sdk():
    program = """
import remit
from remit import Guard, MemoryLedger, Policy
from remit.telemetry import OpenTelemetry
reader = OpenTelemetry.from_environment()
assert not reader.content
guard = Guard(Policy.parse("remit: 1\\nrules: []\\n"), ledger=MemoryLedger(), readers=[reader])
with remit.run("triage", agent="support", guard=guard):
    remit.step("read")
"""
    variables = {
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_SERVICE_NAME": "desk",
    }
    run = [sys.executable, "-c", program]
    done = subprocess.run(
        run, env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    span = json.loads(done.stdout)
    assert span["name"] == "invoke_agent support"
    assert span["resource"]["attributes"]["service.name"] == "desk"
    variables["OTEL_SDK_DISABLED"] = "true"
    done = subprocess.run(
        run, env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""

"""A trace is a run from its beginning on, whether or not anybody looks at it."""

from __future__ import annotations

import inspect
import threading

import execlave_calls
import pytest
from execlave_calls import ends

from remit import who_acts
from remit.compat.execlave.traced import _gathering

client, plane = execlave_calls.client, execlave_calls.plane


def told(plane, *actions):
    names = actions or ("run.start", "run.end", "run.model", "enforce")
    return [each for each in plane.ledger.records if each.request.action.name in names]


def names(plane):
    return [each.request.action.name for each in told(plane)]


def test_a_trace_that_goes_on_has_its_start_on_record(client, plane):
    looked = threading.Event()
    append = plane.ledger.append
    plane.ledger.append = lambda record: (append(record), looked.set())[0]
    exe = client()
    trace = exe.start_trace(agent_id="bot")
    assert looked.wait(10)
    assert names(plane) == ["run.start"]
    trace.finish()
    exe.flush()
    assert names(plane) == ["run.start", "run.end"]


def test_a_start_is_on_record_before_what_is_governed_inside(client, plane):
    exe = client()
    with exe.start_trace(agent_id="bot"):
        exe.enforce_policy("bot", "x")
    exe.flush()
    assert names(plane) == ["run.start", "enforce", "enforce", "run.end"]


def test_a_trace_that_is_over_has_the_times_it_had(client, plane):
    exe = client()
    before = exe.guard.ports.clock()
    with exe.start_trace(agent_id="bot", trace_id="tr_1") as trace:
        trace.set_model("m").set_tokens(3, 4)
    after = exe.guard.ports.clock()
    exe.flush()
    start, model, end = told(plane)
    assert before <= start.at <= model.at == end.at <= after
    facts = end.request.action.properties
    assert facts["seconds"] == (end.at - start.at) / 1e9
    assert (facts["tokens"], facts["model_calls"]) == (7, 1)
    assert start.request.action.properties["trace_id"] == "tr_1"
    assert start.call == model.call == end.call == trace.run.id


def test_a_trace_in_a_trace_is_its_child_and_counts_in_it(client, plane):
    exe = client()
    with exe.start_trace(agent_id="outer"), exe.start_trace(agent_id="inner") as inner:
        inner.set_tokens(5)
    inner_end, outer_end = ends(exe)
    outer_start, inner_start = told(plane, "run.start")
    assert outer_start.request.subject.id == "outer"
    assert inner_start.request.run["parent"] == outer_start.call
    assert (inner_end["tokens"], outer_end["tokens"]) == (5, 5)


def test_readers_are_told_of_a_start_when_it_starts(client):
    heard = []
    exe = client(readers=[lambda record: heard.append(record.request.action.name)])
    with exe.start_trace(agent_id="bot"):
        assert heard == ["run.start"]


def test_without_a_thread_a_start_is_on_record_at_once(client, plane):
    exe = client(async_mode=False)
    with exe.start_trace(agent_id="bot"):
        assert names(plane) == ["run.start"]


def test_who_looks_at_the_same_time_sees_the_same_run(client, plane):
    exe = client()
    with exe.start_trace(agent_id="bot"):
        run, seen = who_acts().run, []
        threads = [threading.Thread(target=lambda: seen.append(run.facts()["id"])) for _ in "1234"]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    exe.flush()
    assert len(set(seen)) == 1
    assert names(plane) == ["run.start", "run.end"]


def test_a_run_that_is_looked_at_has_no_more_than_any_run(client):
    with client().start_trace(agent_id="bot") as trace, pytest.raises(AttributeError):
        _ = trace.run.nothing_of_the_kind


def test_what_is_told_of_a_trace_is_what_it_was_then(client):
    exe, facts = client(), {"n": [1]}
    trace = exe.start_trace(agent_id="bot", metadata={"m": facts})
    trace.set_input(facts).finish()
    facts["n"].append(2)
    (end,) = ends(exe)
    assert (end["input"], end["metadata"]) == ({"n": (1,)}, {"m": {"n": (1,)}})


def _plain(a, b=2):
    pass


def _named(a, *, b=2, **more):
    pass


def _many(a, *rest):
    pass


def _positional(a, /, b):
    pass


@pytest.mark.parametrize("function", [_plain, _named, _many, _positional, len, int])
@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), ((1,), {}), ((1, 2), {}), ((1, 2, 3), {}), ((1,), {"b": 3}), ((), {"a": 1, "c": 2})],
)
def test_arguments_have_the_names_that_python_gives_them(function, args, kwargs):
    try:
        wanted = dict(inspect.signature(function).bind(*args, **kwargs).arguments)
    except (TypeError, ValueError):
        wanted = None
    try:
        found = _gathering(function)(args, kwargs)
    except TypeError:
        found = None
    assert (found or None) == (wanted or None)


def test_a_call_that_does_not_fit_is_traced_and_raises_what_python_raises(client):
    exe = client()
    traced = exe.trace(agent_id="bot")(_plain)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        traced()
    (end,) = ends(exe)
    assert (end["status"], end["error"]) == ("error", "TypeError")
    assert "input" not in end


def test_traces_deep_inside_one_another_are_looked_at_from_the_inmost(client, plane):
    exe = client()
    exe.outbox.watch = lambda run: None
    with (
        exe.start_trace(agent_id="a"),
        exe.start_trace(agent_id="b"),
        exe.start_trace(agent_id="c"),
    ):
        parents = [each.request.run["parent"] for each in told(plane, "run.start")]
        calls = [each.call for each in told(plane, "run.start")]
    assert parents == ["", *calls[:2]]

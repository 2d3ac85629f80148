"""Runs: what an application tells is on record, and policy is asked at three moments."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading

import pytest

import remit
from remit import Denied, Guard, MemoryLedger, Policy, Session, SqliteLedger, Subject
from remit.audit.record import Kind
from remit.meters.memory import MemoryMeter

RULES = {
    "go": "{id: go, action: 'run.*', effect: allow}",
    "refund": "{id: refund, action: refund, effect: allow}",
    "few": "{id: few, action: run.step, when: run.steps > 2, effect: deny, reason: too many}",
    "once": "{id: once, action: refund, when: '\"refund\" in run.calls', effect: deny}",
    "polite": (
        "{id: polite, action: run.end, when: 'args.output.contains(\"damn\")', effect: deny,"
        " reason: rude, advice: be polite}"
    ),
    "ask": "{id: ask, action: run.start, effect: ask, approvers: ['role:manager']}",
    "closed": "{id: closed, action: run.start, effect: deny, reason: closed}",
}


@pytest.fixture
def guarded():
    def make(*rules, **options):
        text = "".join(f"  - {RULES[rule]}\n" for rule in rules or ("go", "refund"))
        policy = Policy.parse(f"remit: 1\nrules:\n{text}")
        return Guard(policy, ledger=MemoryLedger(), **options)

    return make


def told(guard):
    return [
        (record.request.action.name, dict(record.request.action.properties))
        for record in guard.ports.ledger.records
        if record.kind is Kind.NOTED
    ]


def names(guard):
    return [name for name, _ in told(guard)]


def test_what_is_told_is_a_record_of_the_run(guarded):
    guard = guarded()
    with remit.run("triage", agent="support", guard=guard) as run:
        remit.step("read", output={"tickets": 3})
        remit.tag("customer", "o-1")
        remit.score("quality", 0.9, comment="good")
        remit.metadata("model", "m-1")
        remit.decision("route", "refund", options=["refund", "ignore"])
        remit.reasoning("they paid twice", evidence=["two charges"])
        remit.retrieval("refund rules", ["page 3"], source="wiki")
        remit.retry("timeout", attempt=2)
        remit.message("user", "hello")
        with remit.phase("answering"), remit.pause("awaiting the user"):
            pass
    assert names(guard) == [
        "run.start", "run.step", "run.tag", "run.score", "run.metadata", "run.decision",
        "run.reasoning", "run.retrieval", "run.again", "run.message", "run.phase", "run.pause",
        "run.phase_end", "run.end",
    ]  # fmt: skip
    assert told(guard)[1][1] == {"name": "read", "output": {"tickets": 3}}
    records = guard.ports.ledger.records
    assert {record.request.run["id"] for record in records} == {run.id}
    assert {record.request.subject for record in records} == {Subject("agent", "support")}


def test_outside_of_a_run_telling_does_nothing():
    assert remit.current_run() is None
    remit.step("alone")
    remit.tag("a", "b")


async def _count(n):
    for number in range(n):
        remit.step(f"step {number}")
        yield number


def _count_up(n):
    for number in range(n):
        assert remit.current_run() is not None
        remit.step(f"step {number}")
        yield number
    return "done"


@pytest.mark.parametrize("form", ["sync", "async", "generator", "async generator"])
def test_every_form_of_function_can_be_observed(guarded, form):
    guard = guarded()
    observe = remit.observe(agent="counter", guard=guard)

    @observe
    def sync(n):
        return list(_count_up(n))

    @observe
    async def asynchronous(n):
        return [number async for number in _count(n)]

    async def all_of(items):
        found = []
        async for item in items:
            assert remit.current_run() is None
            found.append(item)
        return found

    results = {
        "sync": lambda: sync(2),
        "async": lambda: asyncio.run(asynchronous(2)),
        "generator": lambda: [(n, remit.current_run())[0] for n in observe(_count_up)(2)],
        "async generator": lambda: asyncio.run(all_of(observe(_count)(2))),
    }
    assert results[form]() == [0, 1]
    assert names(guard) == ["run.start", "run.step", "run.step", "run.end"]
    assert remit.current_run() is None


def test_the_caller_of_a_generator_is_not_in_its_run(guarded):
    guard = guarded()
    generator = remit.observe(guard=guard)(_count_up)(2)
    for _ in generator:
        assert remit.current_run() is None
        remit.step("not of that run")
    assert names(guard) == ["run.start", "run.step", "run.step", "run.end"]


def test_a_run_ends_in_the_exception_that_ended_it(guarded):
    guard = guarded()

    @remit.observe(guard=guard)
    def broken():
        raise LookupError("no such order")

    with pytest.raises(LookupError, match="no such order"):
        broken()
    assert told(guard)[-1][1]["error"] == "LookupError"


class OnLoop:
    """A decider that answers when the loop comes round."""

    def __init__(self, policy):
        self.policy = policy

    async def decide(self, request):
        await asyncio.sleep(0)
        return self.policy.decide(request)


def test_a_check_on_an_event_loop_waits_for_its_decider(guarded):
    plain = guarded("go", "few")
    guard = Guard(OnLoop(plain.ports.decider), ledger=MemoryLedger())

    async def agent():
        with remit.run("triage", guard=guard) as run:
            with pytest.raises(remit.Unavailable):
                run.check()
            allowed = [(await run.acheck()).allowed]
            for _ in range(3):
                remit.step("again")
            return [*allowed, (await run.acheck()).allowed]

    assert asyncio.run(agent()) == [True, False]
    assert [args["moment"] for name, args in told(guard) if name == "run.check"] == ["step"] * 2


def test_what_no_text_or_number_can_be_breaks_no_condition(guarded):
    guard = guarded("go", "few")
    with remit.run("a\ud800", guard=guard) as run:
        remit.tag("b\ud800", "c\ud800")
        run.model("m-1", cost=float("nan"))
        run.model("m-2", cost=0.25)
        assert run.check().allowed
        facts = run.facts()
    assert (facts["name"], facts["tags"]) == ("a?", {"b?": "c?"})
    assert (facts["cost"], facts["unpriced"]) == (0.25, 1)
    assert remit.canonical.freeze(facts) == facts


def test_what_is_told_is_as_it_was_then(guarded):
    guard, tickets = guarded(), ["a"]
    with remit.run("triage", guard=guard):
        remit.step("read", output=tickets)
        tickets.append("b")
    assert told(guard)[1][1]["output"] == ("a",)


def test_arguments_are_looked_at_only_where_somebody_asks_for_them(guarded):
    class Costly:
        def __iter__(self):
            pytest.fail("was looked at")

    remit.observe(guard=guarded())(lambda given: None)(Costly())


def test_nothing_that_is_told_can_break_the_program(guarded):
    guard = guarded()

    class Full(MemoryLedger):
        def append(self, record):
            raise OSError("disk full")

    with remit.run(guard=guard):
        remit.step("odd", output=object())
        remit.step("not a number", output=float("nan"))
    assert told(guard)[1][1]["output"] == {"opaque": "builtins.object"}
    with remit.run(guard=Guard(Policy(), ledger=Full())):
        remit.step("lost")


def test_a_run_denied_at_the_start_runs_nothing(guarded):
    guard = guarded("closed")

    @remit.observe(guard=guard, check=True)
    def agent():
        pytest.fail("ran")

    with pytest.raises(Denied, match="closed"):
        agent()
    assert [record.kind.value for record in guard.ports.ledger.records] == ["refused"]


def test_a_run_denied_after_a_step_does_nothing_more(guarded):
    guard, done = guarded("go", "few"), []

    @remit.observe(guard=guard, check=["step"])
    def agent():
        for number in range(9):
            remit.step(f"step {number}")
            done.append(number)

    with pytest.raises(Denied, match="too many"):
        agent()
    assert done == [0, 1]


def test_a_soft_denial_at_the_end_makes_it_try_again_with_the_feedback(guarded):
    guard, heard = guarded("go", "refund", "polite"), []

    @guard.protect
    def refund(amount: int):
        return amount

    @remit.observe(guard=guard, check=["end"], retries=2)
    def agent(question, feedback=""):
        heard.append(feedback)
        refund(3)
        return "damn" if not feedback else "certainly"

    assert agent("well?") == "certainly"
    assert heard == ["", "rude: be polite"]
    assert told(guard)[-1][1]["calls"] == {"refund": 2}


def test_a_soft_denial_is_a_denial_once_the_retries_are_used_up(guarded):
    guard, runs = guarded("go", "polite"), []

    @remit.observe(guard=guard, check=["end"], retries=2)
    def agent():
        runs.append(1)
        return "damn"

    with pytest.raises(Denied, match="rude"):
        agent()
    assert len(runs) == 3


def test_policy_sees_what_was_called_in_the_run(guarded):
    guard = guarded("refund", "once")

    @guard.protect
    def refund(amount: int):
        return amount

    with remit.run(guard=guard):
        assert refund(1) == 1
        with pytest.raises(Denied, match="once"):
            refund(2)
    with remit.run(guard=guard):
        assert refund(3) == 3


def test_whoever_may_lift_the_start_of_a_run_is_asked(guarded):
    guard = guarded("ask")
    maria = remit.FixedApprover(approve=True, approver=Subject("user", "m", {"roles": ["manager"]}))

    @remit.observe(guard=guard, check=["start"], on_block=maria)
    def agent():
        return "ran"

    assert agent() == "ran"
    kinds = [record.kind.value for record in guard.ports.ledger.records]
    assert kinds == ["asked", "answered", "started", "noted", "returned"]


def test_content_is_decided_on_and_recorded_only_if_it_is_captured(guarded):
    for capture in (False, True):
        guard = guarded("go", "polite")

        @remit.observe(guard=guard, check=True, capture=capture)
        def agent(question):
            return f"secret answer to {question}"

        agent("my secret")
        assert ("secret" in repr(guard.ports.ledger.records)) is capture


def test_an_argument_that_is_no_data_hides_itself_and_not_those_beside_it(guarded):
    hidden = {"opaque": "builtins.object"}
    guard = guarded("go")

    @remit.observe(guard=guard, check=["start"], capture=True)
    def agent(connection, question, *more, **named):
        return "ran"

    agent(object(), "Where?", object(), 1, page=object(), lines=3)
    with remit.run(guard=guard, check=["start"], capture=True, given={"a": object(), "b": 2}):
        pass
    records = guard.ports.ledger.records
    of_function, of_block = (
        each.request.action.properties["input"] for each in records if each.kind is Kind.STARTED
    )
    assert of_function == {
        "connection": hidden,
        "question": "Where?",
        "more": (hidden, 1),
        "named": {"page": hidden, "lines": 3},
    }
    assert of_block == {"a": hidden, "b": 2}


def test_what_is_told_is_scrubbed_before_it_is_recorded(guarded):
    guard = guarded(scrub=lambda facts: dict.fromkeys(facts, "[gone]"))
    with remit.run(guard=guard):
        remit.message("user", "my card is 4111111111111111")
    assert "4111" not in repr(guard.ports.ledger.records)


def test_a_run_inside_a_run_knows_it_and_its_calls_count_for_both(guarded):
    guard = guarded()

    @guard.protect
    def refund(amount: int):
        return amount

    with (
        remit.run("outer", agent="planner", guard=guard) as outer,
        remit.run("inner", agent="payer", guard=guard) as inner,
    ):
        refund(1)
        remit.current_run().model("m-1", input_tokens=10, output_tokens=5, cost=0.25)
    assert inner.parent == outer.id
    assert (outer.calls, inner.calls) == ({"refund": 1}, {"refund": 1})
    assert (outer.tokens, outer.cost) == (inner.tokens, inner.cost) == (15, 0.25)
    (start,) = [r for r in guard.ports.ledger.records if r.request.action.name == "refund"][:1]
    assert (str(start.request.subject), start.request.session.depth) == ("agent:payer", 1)


def test_whatever_happens_in_runs_inside_runs_is_for_the_same_person_group_and_tenant(guarded):
    guard = guarded()
    session = Session("s-1", user="ursula", tenant="acme", facts={"group": "care"})

    @guard.protect
    def refund(amount: int):
        remit.step("booked")

    @remit.observe(agent="payer", guard=guard)
    async def pay():
        refund(1)

    with remit.run(agent="support", guard=guard, session=session), remit.run(agent="desk"):
        asyncio.run(pay())
    records = [r for r in guard.ports.ledger.records if r.request.action.name != "run.start"]
    kept = {
        (s.id, s.user, s.tenant, s.facts["group"]) for s in (r.request.session for r in records)
    }
    assert kept == {("s-1", "ursula", "acme", "care")}
    depths = {str(r.request.subject): r.request.session.depth for r in records}
    assert depths == {"agent:support": 0, "agent:desk": 1, "agent:payer": 2}


def test_a_thread_that_keeps_the_context_is_part_of_the_run(guarded):
    guard = guarded()
    with remit.run(guard=guard) as run:
        thread = threading.Thread(target=remit.keep_context(lambda: remit.step("beside")))
        thread.start()
        thread.join()
        threads = [
            threading.Thread(target=remit.keep_context(lambda: remit.step("many")))
            for _ in range(8)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert run.facts()["steps"] == 9


def test_functions_can_be_told_of_at_every_call(guarded):
    guard = guarded()

    @remit.step
    def fetch():
        return 1

    @remit.decision
    def choose():
        return {"chosen": "refund", "confidence": 0.8}

    @remit.retrieval
    async def search(query):
        return ["page"]

    with remit.run(guard=guard):
        assert fetch() == 1
        assert choose() == {"chosen": "refund", "confidence": 0.8}
        assert asyncio.run(search("rules")) == ["page"]
    facts = dict(told(guard))
    assert facts["run.step"]["name"] == "fetch"
    assert (facts["run.decision"]["chosen"], facts["run.decision"]["confidence"]) == ("refund", 0.8)
    assert (facts["run.retrieval"]["query"], facts["run.retrieval"]["documents"]) == (
        "rules",
        ("page",),
    )


PROGRAM = """
import os, sys, threading, warnings
import remit
from remit import Guard, Policy, SqliteLedger

warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
remit.use(Guard(Policy.parse("remit: 1"), ledger=SqliteLedger(sys.argv[1])))

@remit.observe(agent="worker")
def work():
    remit.step("before")
    thread = threading.Thread(target=remit.keep_context(lambda: remit.step("thread")))
    thread.start()
    thread.join()
    child = os.fork()
    remit.step("after" if child else "child")
    if child:
        os.waitpid(child, 0)
        raise LookupError("the end of it")

work()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_nothing_is_lost_by_a_fork_an_exception_or_an_end_without_a_close(tmp_path):
    path = tmp_path / "ledger.db"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, path], capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1] == "LookupError: the end of it"
    with SqliteLedger(path) as ledger:
        stored = list(ledger.select())
    told = [(each.facts().action, each.details()["args"]) for each in stored]
    steps = [args["name"] for action, args in told if action == "run.step"]
    assert sorted(steps) == ["after", "before", "child", "thread"]
    ends = [args.get("error") for action, args in told if action == "run.end"]
    # That of the child, which went on to the end of the function, and that of its parent.
    assert sorted(ends, key=str) == ["LookupError", None]
    assert len({each.facts().call for each in stored}) == 1


def test_input_is_recorded_with_its_answer_and_how_long_it_took(guarded, monkeypatch, tmp_path):
    guard = guarded()
    monkeypatch.setattr("builtins.input", lambda prompt: f"answer to {prompt}")
    with remit.run(guard=guard):
        assert remit.input("> ") == "answer to > "
    facts = dict(told(guard))["run.input"]
    assert (facts["prompt"], facts["answer"]) == ("> ", "answer to > ")
    assert facts["seconds"] >= 0
    # Where no run is under way the program's own guard records it.
    monkeypatch.setattr("remit.default._guard", guard)
    assert remit.input("? ") == "answer to ? "
    assert names(guard)[-1] == "run.input"


def test_a_reader_is_told_everything_and_cannot_break_anything(guarded, caplog):
    seen = []

    def broken(record):
        raise ZeroDivisionError

    guard = guarded(readers=[broken, seen.append])

    @guard.protect
    def refund(amount: int):
        return amount

    with remit.run(guard=guard):
        remit.step("one")
        refund(1)
    assert seen == guard.ports.ledger.records
    assert "a reader failed" in caplog.text


BUDGET = """
remit: 1
rules:
  - {id: go, action: run.*, effect: allow}
limits:
  - {id: budget, action: run.start, window: 1d, max: {cost: 1}}
"""


@pytest.mark.parametrize("form", ["function", "block", "generator"])
def test_what_is_spent_in_a_run_counts_for_the_limits_of_its_start(form):
    meter = MemoryMeter()
    guard = Guard(Policy.parse(BUDGET), ledger=MemoryLedger(), meter=meter)
    options = {"guard": guard, "check": ["start"]}

    @remit.observe(**options)
    def function():
        remit.spend(cost=0.75)

    @remit.observe(**options)
    def generator():
        yield remit.spend(cost=0.75)

    def block():
        with remit.run(**options):
            remit.spend(cost=0.75)

    runs = {"function": function, "block": block, "generator": lambda: list(generator())}
    runs[form]()
    runs[form]()
    with pytest.raises(Denied, match="budget"):
        runs[form]()


def test_a_check_that_obliges_to_what_cannot_be_done_to_a_run_denies_it():
    rule = "{id: go, action: run.*, effect: allow, obligations: [{type: redact}]}"
    guard = Guard(Policy.parse(f"remit: 1\nrules:\n  - {rule}\n"), ledger=MemoryLedger())
    with pytest.raises(remit.Unavailable, match="redact"), remit.run(guard=guard, check=True):
        pytest.fail("ran")


def test_whoever_may_lift_a_step_is_the_one_the_run_names():
    rule = "{id: ask, action: run.step, effect: ask, approvers: ['role:manager']}"
    guard = Guard(Policy.parse(f"remit: 1\nrules:\n  - {rule}\n"), ledger=MemoryLedger())
    maria = remit.FixedApprover(approve=True, approver=Subject("user", "m", {"roles": ["manager"]}))
    with remit.run(guard=guard, check=["step"], on_block=maria):
        remit.step("careful")
    kinds = [record.kind.value for record in guard.ports.ledger.records]
    assert kinds.count("answered") == 1

"""What was found wrong with Waxell Observe, W1 the first: runs and tools."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from waxell_calls import (
    ASK_TOUCH,
    GO,
    NO_TOUCH,
    RUDE,
    STOP,
    TOOLS,
    guarded,
    kinds,
    records,
    told,
    touch,
    touched,
)

import remit
from remit import CallbackApprover, MemoryLedger
from remit.audit.record import Kind
from remit.compat import waxell
from remit.compat.waxell import (
    PolicyViolationError,
    WaxellContext,
    WaxellObserveClient,
)

__all__ = ["guarded", "touch", "touched"]


# W1: calls of tools are never recorded.


def test_w1_a_tool_is_on_record_with_its_arguments_and_result(guarded, touch):
    guard = guarded(TOOLS)
    touch("x")
    started, returned = records(guard)
    assert (started.kind, dict(started.request.action.properties)) == (Kind.STARTED, {"what": "x"})
    assert (returned.kind, returned.result) == (Kind.RETURNED, "x")


def test_w1_a_tool_that_fails_is_on_record_and_its_error_passes(guarded):
    guard = guarded(TOOLS)

    @waxell.tool
    def failing():
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        failing()
    assert kinds(guard, "failing") == ["started", "raised"]


def test_w1_tools_of_every_form_are_on_record(guarded):
    guard = guarded(TOOLS)

    @waxell.tool
    async def one():
        return 1

    @waxell.tool
    def two():
        yield 2

    @waxell.tool
    async def three():
        yield 3

    class Desk:
        @waxell.tool(name="four")
        def four(self, n: int) -> int:
            return n

    async def all_of():
        return [await one(), *two(), *[each async for each in three()], Desk().four(4)]

    assert asyncio.run(all_of()) == [1, 2, 3, 4]
    assert kinds(guard) == ["started", "returned"] * 4


# W2: blocks in the middle arrive when everything has been done.


def block(touch):
    with WaxellContext("a"):
        touch("before")
        waxell.step("bad")
        touch("after")


@waxell.observe(mid_execution_governance=True)
def synchronous(touch):
    touch("before")
    waxell.step("bad")
    touch("after")


@waxell.observe(mid_execution_governance=True)
async def without_an_await(touch):
    touch("before")
    waxell.step("bad")
    touch("after")


@waxell.observe(mid_execution_governance=True)
def generating(touch):
    yield touch("before")
    waxell.step("bad")
    yield touch("after")


@waxell.observe(mid_execution_governance=True)
def deciding(touch):
    touch("before")
    waxell.get_context().record_decision(name="bad", chosen=1, options=[1])
    touch("after")


@pytest.mark.parametrize(
    "agent",
    [
        block,
        synchronous,
        lambda touch: asyncio.run(without_an_await(touch)),
        lambda touch: list(generating(touch)),
        deciding,
    ],
    ids=["block", "synchronous", "asynchronous", "generator", "decision"],
)
def test_w2_a_block_in_the_middle_lands_before_the_next_side_effect(guarded, touch, touched, agent):
    guarded(GO, TOOLS, STOP)
    with pytest.raises(PolicyViolationError, match="stopped"):
        agent(touch)
    assert touched == ["before"]


def test_w2_a_check_in_the_middle_knows_which_run_asks(guarded):
    guard = guarded(GO, "{id: n, action: run.step, when: run.tokens > 5, effect: deny}")
    with WaxellContext("a", mid_execution_governance=False) as context:
        assert context.check_policy_sync().allowed
        context.record_llm_call(model="m", tokens_in=5, tokens_out=5)
        assert context.check_policy_sync().blocked
    checks = [each for each in records(guard) if each.request.action.name == "run.check"]
    assert {each.call for each in checks} == {context.run_id}


# W3: there is no policy result where one is needed.


class Away:
    def decide(self, request):
        raise OSError("away")


def refusals(guarded, touch):
    guarded(GO, NO_TOUCH)
    yield lambda: touch("x")
    guarded("{id: no, action: run.start, effect: deny}")
    yield lambda: WaxellContext("a").__enter__()
    guarded(GO, STOP)
    yield lambda: block(str)
    guarded(GO, RUDE.format(""))
    rude = waxell.observe()(lambda: "damn")
    yield rude
    guarded(GO, ASK_TOUCH, approver=CallbackApprover(lambda _: None))
    yield lambda: touch("x")
    guard = guarded(GO, TOOLS)
    remit.use(guard.replace(decider=Away()))
    yield lambda: touch("x")
    yield lambda: WaxellContext("a").__enter__()


def test_w3_every_refusal_has_a_policy_result(guarded, touch):
    seen = 0
    for refused in refusals(guarded, touch):
        with pytest.raises(PolicyViolationError) as caught:
            refused()
        assert caught.value.policy_result.blocked
        assert caught.value.policy_result.reason
        assert isinstance(caught.value, remit.Blocked)
        seen += 1
    assert seen == 7


def test_w3_one_that_an_application_makes_has_one_too():
    assert PolicyViolationError("why").policy_result.reason == "why"


# W4: a block that the agent has dealt with is raised again at the end.


def caught_in(touch):
    try:
        touch("x")
    except PolicyViolationError:
        return "dealt with"
    return "ran"


def test_w4_a_block_that_was_dealt_with_is_over(guarded, touch):
    guard = guarded(GO, NO_TOUCH)

    @waxell.observe(mid_execution_governance=True)
    async def asynchronous():
        return caught_in(touch)

    @waxell.observe(mid_execution_governance=True)
    def agent():
        return caught_in(touch)

    assert agent() == "dealt with"
    assert asyncio.run(asynchronous()) == "dealt with"
    with WaxellContext("a"):
        assert caught_in(touch) == "dealt with"
    assert [each.get("error") for each in told(guard, "end")] == [None] * 3


# W5, W6: what is wrong with a prompt is another kind of error, or bypassed.


def test_w5_what_policy_says_of_a_model_call_is_a_policy_violation(guarded):
    rule = '{id: m, action: run.step, when: \'args.?model.orValue("") == "big"\', effect: deny}'
    guarded(GO, rule)
    with WaxellContext("a") as context, pytest.raises(PolicyViolationError):
        context.record_llm_call(model="big", tokens_in=1, tokens_out=1)


def test_w6_nothing_calls_models_past_policy():
    assert not hasattr(waxell, "llm")


# W7: in threads nothing is governed.


@pytest.mark.parametrize("how", ["thread", "executor", "loop"])
def test_w7_a_tool_is_governed_in_whichever_thread(guarded, touch, touched, how):
    guarded(GO, NO_TOUCH)
    errors = []

    def work():
        try:
            touch("x")
        except PolicyViolationError as error:
            errors.append(error)

    async def on_a_loop():
        await asyncio.get_running_loop().run_in_executor(None, work)

    with WaxellContext("a"):
        if how == "thread":
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        elif how == "executor":
            with ThreadPoolExecutor(1) as pool:
                pool.submit(work).result()
        else:
            asyncio.run(on_a_loop())
    assert len(errors) == 1
    assert touched == []


def test_w7_a_thread_that_keeps_the_context_is_part_of_the_run(guarded, touch):
    guard = guarded(GO, TOOLS)
    with WaxellContext("a") as context, ThreadPoolExecutor(1) as pool:
        pool.submit(remit.keep_context(touch), "x").result()
    (call,) = [each for each in records(guard) if each.request.action.name == "touch"][:1]
    assert call.request.run["id"] == context.run_id
    assert call.request.subject.id == "a"


# W13: generators are not observed, and functions are robbed of what they take.


def test_w13_what_a_function_takes_by_any_name_it_gets(guarded):
    guarded(GO)

    @waxell.observe()
    def agent(**given):
        return given

    given = {"metadata": 1, "client": 2, "inputs": 3, "user_id": "u", "enforce_policy": False}
    assert agent(**given) == given


def test_w13_what_it_declares_it_gets(guarded):
    guarded(GO)

    @waxell.observe()
    def agent(user_id, waxell_ctx=None):
        return user_id, waxell_ctx.user_id

    assert agent(user_id="u") == ("u", "")


@pytest.mark.parametrize("said", ["enforce_policy", "mid_execution_governance"])
def test_w13_a_call_cannot_switch_checks_off(guarded, said):
    guarded(GO)

    @waxell.observe(mid_execution_governance=True)
    def agent():
        pytest.fail("ran")

    with pytest.raises(TypeError, match=said):
        agent(**{said: False})


def test_w13_a_generator_that_is_left_early_ends_its_run(guarded):
    guard = guarded(GO)

    @waxell.observe()
    def agent():
        yield 1
        yield 2

    generator = agent()
    next(generator)
    assert waxell.get_context() is None
    generator.close()
    assert kinds(guard, "run.start") == ["started", "returned"]


def test_w13_a_generator_cannot_be_retried():
    def agent():
        yield 1

    with pytest.raises(TypeError, match="generator"):
        waxell.observe(retries=1)(agent)


# W14: whom it is for is lost at the first delegation.


@pytest.mark.parametrize("fact", ["user_group", "end_user_id"])
def test_w14_for_whom_it_is_done_reaches_every_agent_inside(guarded, touch, touched, fact):
    guarded(
        GO, TOOLS, "{id: no, action: touch, when: 'session." + fact + ' == "x"' + "', effect: deny}"
    )
    inside = WaxellContext("a", **{fact: "x"})
    with inside, WaxellContext("b"), WaxellContext("c"), pytest.raises(PolicyViolationError):
        touch("x")
    assert touched == []


def test_w14_a_name_does_not_make_an_agent_a_user(guarded):
    guard = guarded(GO)
    with WaxellContext("user:root"):
        pass
    assert {str(each.request.subject) for each in records(guard)} == {"agent:user:root"}


# W15: all verdicts are one object.


def test_w15_no_verdict_changes_another(guarded):
    guarded(GO, "{id: b.x, action: run.start, when: 'subject.id == \"b\"', effect: deny}")
    client = WaxellObserveClient()
    allowed = client.check_policy_sync(agent_name="a")
    denied = client.check_policy_sync(agent_name="b")
    assert (allowed.action, allowed.evaluations[0]["policy_name"]) == ("allow", "runs")
    assert (denied.action, denied.evaluations[0]["policy_name"]) == ("block", "b.x")


# W16: whatever goes wrong, the agent runs.


class Full(MemoryLedger):
    def append(self, record, /):
        raise OSError("disk full")


def test_w16_no_record_no_run(guarded, monkeypatch, touch, touched):
    guard = guarded(GO, TOOLS)
    monkeypatch.setattr("remit.default._guard", remit.Guard(guard.ports.decider, ledger=Full()))
    with pytest.raises(PolicyViolationError, match="disk full"):
        WaxellContext("a").__enter__()
    with pytest.raises(PolicyViolationError, match="disk full"):
        touch("x")
    assert touched == []


class Later:
    """A decider that needs a loop, as one over HTTP does."""

    def __init__(self, policy):
        self.policy = policy

    async def decide(self, request):
        await asyncio.sleep(0)
        return self.policy.decide(request)


def test_w16_a_decider_that_is_away_blocks_what_is_only_asked(guarded, monkeypatch):
    guard = guarded(GO)
    away = remit.Guard(Away(), ledger=MemoryLedger())
    with WaxellContext("a", enforce_policy=False) as context:
        monkeypatch.setattr(context.running.run, "guard", away)
        assert context.check_policy_sync().blocked
        assert asyncio.run(context.check_policy()).blocked
    monkeypatch.setattr("remit.default._guard", away)
    assert WaxellObserveClient().check_policy_sync(agent_name="a").blocked
    remote = remit.Guard(Later(guard.ports.decider), ledger=MemoryLedger())
    monkeypatch.setattr("remit.default._guard", remote)
    assert WaxellObserveClient().check_policy_sync(agent_name="a").blocked
    assert asyncio.run(WaxellObserveClient().check_policy(agent_name="a")).allowed

    @waxell.observe()
    async def agent(waxell_ctx=None):
        return await waxell_ctx.check_policy()

    assert asyncio.run(agent()).allowed


def test_w16_a_start_that_was_refused_leaves_a_record_and_no_context(guarded):
    guard = guarded("{id: no, action: run.start, effect: deny}")
    with pytest.raises(PolicyViolationError):
        WaxellContext("a").__enter__()
    assert kinds(guard) == ["refused"]
    assert waxell.get_context() is None
    assert remit.current_run() is None

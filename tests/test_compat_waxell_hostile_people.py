"""What was found wrong with Waxell Observe, W1 the first: approvals and retries."""

from __future__ import annotations

import asyncio
import sys

import pytest
from waxell_calls import (
    ASK,
    ASK_STEP,
    ASK_TOUCH,
    GO,
    NO_TOUCH,
    RUDE,
    TOOLS,
    Terminal,
    guarded,
    kinds,
    records,
    told,
    touch,
    touched,
)

from remit.audit.record import Kind
from remit.compat import waxell
from remit.compat.waxell import (
    ApprovalDecision,
    ObserveError,
    PolicyViolationError,
    WaxellContext,
    WaxellObserveClient,
)

__all__ = ["guarded", "touch", "touched"]


# W9: blocks are retried, and what is approved runs twice, unchecked.


def test_w9_what_policy_refuses_is_not_tried_again(guarded, touch):
    guard = guarded(GO, NO_TOUCH)
    with WaxellContext("a"), pytest.raises(PolicyViolationError):
        waxell.retry_dec(max_attempts=3)(touch)("x")
    assert kinds(guard, "touch") == ["refused"]


def test_w9_what_is_approved_goes_on_from_there(guarded, touch, touched):
    guarded(GO, TOOLS, ASK_STEP)

    @waxell.observe(mid_execution_governance=True, on_policy_block=waxell.auto_approve)
    def agent():
        touch("once")
        waxell.step("bad")
        return touch("then")

    assert agent() == "then"
    assert touched == ["once", "then"]


def test_w9_an_approval_of_the_start_switches_nothing_off(guarded, touch, touched):
    guarded(GO, ASK, NO_TOUCH)

    @waxell.observe(on_policy_block=waxell.auto_approve)
    def agent():
        touch("x")

    with pytest.raises(PolicyViolationError, match="hands off"):
        agent()
    assert touched == []


# W10: people are asked twice, anonymously, off the record, and may answer whenever.


def test_w10_a_handler_is_asked_once(guarded):
    guarded(GO, ASK)
    asked = []
    waxell.init(on_policy_block=asked.append)

    @waxell.observe()
    def agent():
        pytest.fail("ran")

    with pytest.raises(PolicyViolationError):
        agent()
    assert len(asked) == 1
    assert asked[0].policy_result.reason == "somebody has to agree"


def test_w10_who_approved_is_on_record(guarded):
    guard = guarded(GO, ASK)

    def handler(error):
        return ApprovalDecision(approved=True, approver="user:ada")

    with WaxellContext("a", on_policy_block=handler):
        pass
    (answered,) = [each for each in records(guard) if each.kind is Kind.ANSWERED]
    assert [str(each.approver) for each in answered.approvals] == ["user:ada"]


def test_w10_an_asynchronous_handler_is_awaited(guarded):
    guarded(GO, ASK)

    async def handler(error):
        await asyncio.sleep(0)
        return True

    @waxell.observe(on_policy_block=handler)
    async def agent():
        return "ran"

    assert asyncio.run(agent()) == "ran"


class Truthy:
    approved = True

    def __bool__(self):
        return True


@pytest.mark.parametrize(
    "answer",
    [
        1, "yes", object(), Truthy(), None, False, ApprovalDecision(approved=False),
        ApprovalDecision(approved="yes"), ApprovalDecision(approved=True, timed_out=True),
    ],
    ids=repr,
)  # fmt: skip
def test_w10_only_a_yes_approves(guarded, answer):
    guarded(GO, ASK)
    with pytest.raises(PolicyViolationError):
        WaxellContext("a", on_policy_block=lambda _: answer).__enter__()


def test_w10_a_handler_that_fails_approves_nothing(guarded):
    guarded(GO, ASK)

    def handler(error):
        raise OSError("gone")

    with pytest.raises(PolicyViolationError, match="nobody could be asked"):
        WaxellContext("a", on_policy_block=handler).__enter__()


def test_w10_an_asynchronous_handler_without_a_loop_approves_nothing(guarded):
    guarded(GO, ASK)

    async def handler(error):
        await asyncio.sleep(0)
        return True

    with pytest.raises(PolicyViolationError):
        WaxellContext("a", on_policy_block=handler).__enter__()


def test_w10_an_answer_that_comes_too_late_is_none(guarded):
    ask = "{id: ask, action: run.start, effect: ask, within: 1m}"
    now = [1_000_000_000_000]
    guarded(GO, ask, clock=lambda: now[0])

    def handler(error):
        now[0] += 61 * 10**9
        return True

    with pytest.raises(PolicyViolationError, match="too late"):
        WaxellContext("a", on_policy_block=handler).__enter__()


def test_w10_nobody_is_asked_about_what_nobody_may_lift(guarded):
    guarded("{id: no, action: run.start, effect: deny}")
    with pytest.raises(PolicyViolationError):
        WaxellContext("a", on_policy_block=lambda _: pytest.fail("asked")).__enter__()


@pytest.mark.parametrize("who", ["ada", "user:ada", "agent:a", "auto_approve", ""])
def test_w10_who_is_not_named_or_asks_for_it_cannot_approve(guarded, who):
    ask = "{id: ask, action: run.start, effect: ask, approvers: ['user:ops', 'user:ada']}"
    guarded(GO, ask)
    handler = lambda _: ApprovalDecision(approved=True, approver=who)  # noqa: E731
    with pytest.raises(PolicyViolationError):
        WaxellContext("a", user_id="ada", on_policy_block=handler).__enter__()


def test_w10_a_handler_is_asked_about_tools_of_the_run_too(guarded, touch, touched):
    guard = guarded(GO, ASK_TOUCH)
    with WaxellContext("outer", on_policy_block=waxell.auto_approve), WaxellContext("inner"):
        assert touch("x") == "x"
    assert kinds(guard, "touch") == ["asked", "answered", "started", "returned"]
    with pytest.raises(PolicyViolationError):
        touch("outside")
    assert touched == ["x"]


def test_w10_what_a_person_types_before_the_run_is_on_record(guarded, monkeypatch):
    guard = guarded(GO)
    monkeypatch.setattr("sys.stdin", Terminal("delete users\n"))
    waxell.input("> ")
    assert told(guard, "input")[0]["answer"] == "delete users"


def test_w10_without_a_terminal_the_answer_is_no(guarded, monkeypatch, tmp_path):
    guarded(GO, ASK)
    file = tmp_path / "answers"
    file.write_text("y\ny\n", encoding="utf-8")
    with file.open(encoding="utf-8") as answers:
        monkeypatch.setattr(sys, "stdin", answers)
        with pytest.raises(PolicyViolationError):
            WaxellContext("a", on_policy_block=waxell.prompt_approval).__enter__()


def test_w10_what_is_shown_cannot_move_the_cursor(guarded, monkeypatch, capsys):
    guarded(GO, '{id: ask, action: run.start, effect: ask, reason: "a\\e[2Jb"}')
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    with pytest.raises(PolicyViolationError):
        WaxellContext("a", "w\r", on_policy_block=waxell.prompt_approval).__enter__()
    shown = capsys.readouterr()
    assert "\x1b" not in shown.err + shown.out
    assert "\\x1b[2J" in shown.err


def test_w10_telling_of_an_approval_lifts_nothing(guarded):
    guarded(GO, ASK_STEP)
    with WaxellContext("a"):
        waxell.approval_response("bad", "approved", approver="user:ada")
        with pytest.raises(PolicyViolationError):
            waxell.step("bad")


# W11: what was rejected is returned as a success.


@pytest.mark.parametrize(("advice", "action"), [("", "block"), (", advice: be polite", "retry")])
def test_w11_what_may_not_come_out_does_not(guarded, advice, action):
    guarded(GO, RUDE.format(advice))

    @waxell.observe()
    def agent():
        return "damn"

    with pytest.raises(PolicyViolationError, match="Rude") as caught:
        agent()
    result = caught.value.policy_result
    assert (result.action, result.allowed) == (action, False)


def test_w11_before_the_end_a_denial_with_advice_is_blocked_like_any_other(guarded):
    guarded("{id: no, action: run.start, effect: deny, advice: try tomorrow}")
    result = WaxellObserveClient().check_policy_sync(agent_name="a")
    assert (result.action, result.blocked, result.should_retry) == ("block", True, False)


def test_w11_retries_by_hand_come_to_an_end(guarded):
    guarded(GO, RUDE.format(", advice: be polite"))
    client = WaxellObserveClient(max_retries=2)
    run_id = client.start_run_sync(agent_name="a").run_id
    actions = [
        client.complete_run_sync(run_id=run_id, result="damn").governance_action for _ in range(3)
    ]
    assert actions == ["retry", "retry", "block"]
    with pytest.raises(ObserveError):
        client.complete_run_sync(run_id=run_id, result="fine")


def test_w11_a_run_by_hand_that_may_not_begin_does_not(guarded):
    guard = guarded("{id: no, action: run.start, effect: deny}")
    with pytest.raises(PolicyViolationError):
        WaxellObserveClient().start_run_sync(agent_name="a")
    assert kinds(guard, "run.start") == ["refused"]

"""Limits in one governed call: what is set aside before and settled after, however it is driven."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

import remit
from remit import Guard, Request, Subject
from remit.amounts import ONE
from remit.approvers import CallbackApprover, FixedApprover
from remit.audit.record import Kind
from remit.call import consult
from remit.ledgers.memory import MemoryLedger
from remit.meters.memory import MemoryMeter
from remit.meters.sqlite import SqliteMeter
from remit.model import Share
from remit.ports import finish

AGENT = Subject("agent", "bot")
PAY = Request(AGENT, remit.Action("pay", {"amount": 2}))
SHARE = Share("test/spend", "")
MANAGER = Subject("user", "maria", {"roles": ["manager"]})

CALLS = "{id: spend, action: pay, window: 1h, max: {calls: 1}}"
COST = "{id: spend, action: pay, window: 1h, max: {cost: 5}}"


def policy(*limits: str, rules: str = "- {id: all, action: '*', effect: allow}") -> remit.Policy:
    listed = "".join(f"- {limit}\n" for limit in limits)
    return remit.Policy.parse(f"remit: 1\nname: test\nrules:\n{rules}\nlimits:\n{listed}")


def guard(*limits: str, meter=None, rules=None, **more) -> Guard:
    written = policy(*limits, rules=rules) if rules else policy(*limits)
    more.setdefault("ledger", MemoryLedger())
    return Guard(written, meter=meter or MemoryMeter(), **more)


def counted(guarded: Guard, share: Share = SHARE) -> dict:
    found = guarded.ports.meter.used(share)
    found = found.result(30) if isinstance(found, Future) else found
    return {unit: amount / ONE for unit, amount in found.items() if amount}


def records(guarded: Guard) -> list:
    return guarded.ports.ledger.records


def kinds(guarded: Guard) -> list[str]:
    return [record.kind.value for record in records(guarded)]


def ran() -> None:
    pytest.fail("it ran")


def spending(**amounts):
    return lambda: remit.spend(**amounts)


def test_a_call_beyond_a_limit_does_not_run_and_is_a_recorded_refusal(call):
    limited = guard(CALLS)
    call(limited, PAY, lambda: 1)
    with pytest.raises(remit.Denied) as denied:
        call(limited, PAY, ran)
    assert denied.value.decision.rules == ("test/spend",)
    assert denied.value.decision.policy == limited.ports.decider.digest
    assert str(denied.value) == (
        "bot may not pay: the limit 'test/spend' allows 1 calls in 1h: 1 are used"
    )
    assert kinds(limited) == ["started", "returned", "refused"]


def test_the_start_says_what_is_set_aside_and_the_end_what_was_spent(call):
    limited = guard("{id: spend, action: pay, per: subject.id, window: 1h, "
                    "max: {calls: 9, cost: 5}, reserve: {cost: args.amount}}")  # fmt: skip
    call(limited, PAY, spending(cost=0.25, tokens=7))
    started, returned = records(limited)
    share = {"limit": "test/spend", "key": '["bot"]'}
    assert started.body == {"claims": ({**share, "calls": 1, "cost": 2},)}
    assert returned.body == {"spent": ({**share, "calls": 1, "cost": 0.25},)}
    assert counted(limited, Share("test/spend", '["bot"]')) == {"calls": 1, "cost": 0.25}


def test_what_is_set_aside_is_so_before_the_start_is_on_record(call):
    limited = guard("{id: spend, action: pay, window: 1h, max: {cost: 5}, reserve: {cost: 2}}")
    assert call(limited, PAY, lambda: (counted(limited), kinds(limited))) == (
        {"cost": 2},
        ["started"],
    )


def test_what_nobody_told_stays_as_it_was_expected(call):
    limited = guard("{id: spend, action: pay, window: 1h, max: {cost: 5}, reserve: {cost: 2}}")
    call(limited, PAY, lambda: None)
    assert counted(limited) == {"cost": 2}


def test_what_is_told_more_than_once_adds_up_and_more_than_was_left_counts(call):
    limited = guard(COST)

    def work():
        for _ in range(3):
            remit.spend(cost=2.5)

    call(limited, PAY, work)
    assert counted(limited) == {"cost": 7.5}
    with pytest.raises(remit.Denied, match=r"allows 5 cost in 1h: 7.5 are used"):
        call(limited, PAY, ran)


def test_a_call_that_raises_has_used_what_it_used(call):
    limited = guard("{id: spend, action: pay, window: 1h, max: {calls: 5, cost: 5}}")

    def fail():
        remit.spend(cost=1)
        raise KeyError("x")

    with pytest.raises(KeyError):
        call(limited, PAY, fail)
    assert counted(limited) == {"calls": 1, "cost": 1}
    assert records(limited)[-1].body["spent"][0]["cost"] == 1
    assert records(limited)[-1].body["error"] == "KeyError"


def test_the_time_a_call_takes_is_measured(call):
    limited = guard("{id: spend, action: pay, window: 1h, max: {seconds: 5}}")
    call(limited, PAY, lambda: None)
    assert 0 < counted(limited)["seconds"] < 5


def test_calls_at_the_same_time_are_counted_while_they_run(call):
    limited = guard("{id: spend, action: pay, max: {concurrent: 1}}")

    def inside():
        with pytest.raises(remit.Denied, match="allows 1 calls at once: 1 are under way"):
            limited.call(PAY, ran)
        return "done"

    assert call(limited, PAY, inside) == "done"
    assert call(limited, PAY, inside) == "done"


@pytest.mark.parametrize("failing", ["obligation", "ledger"])
def test_what_does_not_start_gives_back_what_was_set_aside(call, failing):
    class Full:
        def append(self, record):
            if record.kind is Kind.STARTED:
                raise OSError(28, "No space left on device")
            return 0

    obliged = "- {id: all, action: '*', effect: allow, obligations: [{type: shred}]}"
    limited = (
        guard(CALLS, rules=obliged) if failing == "obligation" else guard(CALLS, ledger=Full())
    )
    for _ in range(2):
        with pytest.raises(remit.Unavailable):
            call(limited, PAY, ran)
    assert counted(limited) == {}


def test_without_a_meter_what_a_limit_is_about_is_denied_with_the_cure(call):
    bare = Guard(policy(CALLS), ledger=MemoryLedger())
    with pytest.raises(remit.Denied, match=r"'test/spend' cannot be kept: there is no meter; give"):
        call(bare, PAY, ran)
    assert not bare.decide(PAY).allowed
    assert call(bare, Request(AGENT, remit.Action("look")), lambda: 1) == 1
    asks = "- {id: all, action: '*', effect: allow, when: 'used(\"spend\").calls < 3'}"
    bare = Guard(policy(CALLS, rules=asks), ledger=MemoryLedger())
    with pytest.raises(remit.Denied, match=r"is not known here: there is no meter; give"):
        call(bare, PAY, ran)


def test_a_dry_run_says_what_limits_would_say_and_takes_nothing(call):
    limited = guard(CALLS)
    assert limited.decide(PAY).allowed
    assert limited.decide(PAY).allowed
    call(limited, PAY, lambda: 1)
    foreseen = limited.decide(PAY)
    assert (foreseen.effect, foreseen.rules) == (remit.Effect.DENY, ("test/spend",))
    assert limited.plan([PAY]).allowed is False
    assert counted(limited) == {"calls": 1}


def test_a_limit_that_is_no_longer_about_a_call_when_people_have_answered_does_not_bind_it(call):
    times = iter(range(10**18, 2 * 10**18, 3600 * 10**9))
    early = "when: 'now < timestamp(\"2001-09-09T02:46:40Z\")'"
    limited = guard(
        f"{{id: spend, action: pay, {early}, window: 1h, max: {{calls: 1}}, effect: ask}}",
        approver=FixedApprover(approve=True, approver=MANAGER),
    )
    limited.call(Request(AGENT, PAY.action, at=10**18), lambda: 1)
    slow = Guard(
        limited.ports.decider,
        ledger=MemoryLedger(),
        meter=limited.ports.meter,
        approver=FixedApprover(approve=True, approver=MANAGER),
        clock=lambda: next(times),
    )
    assert call(slow, Request(AGENT, PAY.action, at=10**18), lambda: 2) == 2
    assert kinds(slow) == ["asked", "answered", "started", "returned"]


class Broken:
    """A meter that fails at one thing."""

    def __init__(self, at):
        self.at = at
        self.meter = MemoryMeter()

    def __getattr__(self, name):
        if name == self.at:
            raise OSError(5, "Input/output error")
        return getattr(self.meter, name)


@pytest.mark.parametrize("answer", ["raises", "fails later", "nonsense"])
def test_a_meter_that_fails_lets_nothing_run(call, answer):
    class Bad(MemoryMeter):
        def reserve(self, call, claims):
            if answer == "raises":
                raise OSError(5, "Input/output error")
            if answer == "nonsense":
                return True
            future: Future = Future()
            future.set_exception(OSError(5, "Input/output error"))
            return future

    with pytest.raises(remit.Unavailable, match="meter"):
        call(guard(CALLS, meter=Bad()), PAY, ran)


def test_what_ran_and_could_not_be_counted_is_not_blocked_and_its_end_is_on_record(call):
    limited = guard(CALLS, meter=Broken("settle"))
    with pytest.raises(remit.Unrecorded, match="pay ran, and what it used is not counted"):
        call(limited, PAY, lambda: 1)
    assert kinds(limited) == ["started", "returned"]


def test_what_a_limit_has_counted_is_known_to_conditions(call):
    rules = (
        "- {id: some, action: pay, effect: allow}\n"
        "- {id: much, action: pay, effect: deny, when: 'used(\"spend\").cost >= 2', reason: broke}"
    )
    limited = guard(COST, rules=rules)
    call(limited, PAY, spending(cost=2))
    assert limited.decide(PAY).reason == "broke"
    with pytest.raises(remit.Denied, match="broke"):
        call(limited, PAY, ran)
    assert records(limited)[-1].request.used == {"test/spend": {"cost": 2}}
    assert records(limited)[0].request.used == {"test/spend": {"cost": 0}}


def test_what_a_limit_has_counted_is_asked_of_the_meter_whatever_the_request_says(call):
    rules = "- {id: some, action: pay, effect: allow, when: 'used(\"spend\").cost < 2'}"
    limited = guard(COST, rules=rules)
    call(limited, PAY, spending(cost=3))
    lying = Request(AGENT, PAY.action, used={"test/spend": {"cost": 0}})
    with pytest.raises(remit.Denied):
        call(limited, lying, ran)


def test_a_meter_that_cannot_say_what_was_used_lets_nothing_run(call):
    rules = "- {id: some, action: pay, effect: allow, when: 'used(\"spend\").cost < 2'}"
    with pytest.raises(remit.Unavailable, match="could not say what was used of 'test/spend'"):
        call(guard(COST, rules=rules, meter=Broken("used")), PAY, ran)


ASK = "{id: spend, action: pay, window: 1h, max: {calls: 1}, effect: ask, approvers: role:manager}"


def test_beyond_a_limit_that_asks_people_let_one_call_begin(call):
    limited = guard(ASK, approver=FixedApprover(approve=True, approver=MANAGER))
    call(limited, PAY, lambda: 1)
    assert kinds(limited) == ["started", "returned"]
    assert call(limited, PAY, lambda: 2) == 2
    assert kinds(limited)[2:] == ["asked", "answered", "started", "returned"]
    question = records(limited)[2].decision
    assert question.rules == ("test/spend",)
    assert question.reason == "the limit 'test/spend' allows 1 calls in 1h: 1 are used"
    assert counted(limited) == {"calls": 2}


def test_beyond_a_limit_that_asks_a_refusal_is_a_refusal(call):
    limited = guard(ASK, approver=FixedApprover(approve=False, approver=MANAGER, reason="no"))
    call(limited, PAY, lambda: 1)
    with pytest.raises(remit.Denied, match=r"1 are used; user:maria refused: no"):
        call(limited, PAY, ran)
    assert kinds(limited)[2:] == ["asked", "answered", "refused"]
    assert counted(limited) == {"calls": 1}


def test_beyond_a_limit_that_asks_with_nobody_to_ask_is_denied(call):
    limited = guard(ASK)
    call(limited, PAY, lambda: 1)
    with pytest.raises(remit.Denied, match=r"1 are used; there is nobody to ask here"):
        call(limited, PAY, ran)


def test_who_approved_a_rule_has_not_approved_going_beyond_a_limit(call):
    rules = "- {id: all, action: pay, effect: ask, approvers: role:manager}"
    asked = []

    def answer(question):
        asked.append(question.decision.rules)
        return True

    approver = CallbackApprover(answer, approver=MANAGER)
    limited = guard(ASK, rules=rules, approver=approver)
    call(limited, PAY, lambda: 1)
    assert asked == [("all",)]
    call(limited, PAY, lambda: 1)
    assert asked[1:] == [("all",), ("test/spend",)]


def test_a_question_about_a_limit_outlives_the_process_that_asked_it(call):
    ledger, meter = MemoryLedger(), MemoryMeter()
    inbox = remit.Inbox(ledger)
    rules = "- {id: all, action: pay, effect: ask, approvers: role:manager}"
    limited = Guard(policy(ASK, rules=rules), ledger=ledger, meter=meter, approver=inbox)

    def approve(reason):
        (waiting,) = inbox.cases()
        assert waiting.question.decision.rules == reason
        inbox.approve(waiting.id, by=MANAGER)

    for rules_asked in ([("all",)], [("all",), ("test/spend",)]):
        for each in rules_asked:
            with pytest.raises(remit.Pending):
                call(limited, PAY, ran)
            approve(each)
        assert call(limited, PAY, lambda: 1) == 1
    assert counted(limited) == {"calls": 2}


def test_a_denial_with_advice_is_soft(call):
    limited = guard("{id: spend, action: pay, window: 1h, max: {calls: 1}, "
                    "reason: enough for now, advice: come back later}")  # fmt: skip
    call(limited, PAY, lambda: 1)
    with pytest.raises(remit.Denied, match="enough for now: the limit 'test/spend'") as denied:
        call(limited, PAY, ran)
    assert denied.value.decision.advice == "come back later"


def test_a_monitored_limit_says_what_it_would_have_done(call):
    limited = guard("{id: spend, action: pay, mode: monitor, window: 1h, max: {calls: 1}}")
    call(limited, PAY, lambda: 1)
    assert call(limited, PAY, lambda: 2) == 2
    assert records(limited)[0].decision.monitored == ()
    assert records(limited)[2].decision.monitored == ("test/spend: deny",)
    assert counted(limited) == {"calls": 2}


def test_what_is_spent_inside_counts_for_every_limit_around_it_once(call):
    research = "{id: research, action: research, window: 1h, max: {cost: 9}}"
    everything = "{id: spend, action: '*', window: 1h, max: {cost: 9, calls: 9}}"
    limited = guard(research, everything)

    def chat():
        remit.spend(cost=1)

    def work():
        remit.spend(cost=0.5)
        limited.call(Request(AGENT, remit.Action("chat")), chat)

    call(limited, Request(AGENT, remit.Action("research")), work)
    assert counted(limited) == {"cost": 1.5, "calls": 2}
    assert counted(limited, Share("test/research", "")) == {"cost": 1.5}


def test_spending_outside_of_a_governed_call_is_nobodys():
    remit.spend(cost=5)


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf"), True, "1"])
def test_what_is_no_amount_cannot_be_spent(amount):
    with pytest.raises(ValueError, match="is no"):
        remit.spend(cost=amount)


def test_a_generator_spends_for_its_call_at_every_step(tmp_path):
    limited = guard(COST)

    @limited.protect(action="pay")
    def pay():
        for n in range(3):
            remit.spend(cost=0.5)
            got = yield n
            remit.spend(cost=got or 0)

    steps = pay()
    next(steps)
    remit.spend(cost=100)
    steps.send(1)
    steps.close()
    assert counted(limited) == {"cost": 2}
    assert list(pay()) == [0, 1, 2]
    assert counted(limited) == {"cost": 3.5}


def test_an_asynchronous_generator_spends_for_its_call_at_every_step():
    limited = guard(COST)

    @limited.protect(action="pay")
    async def pay():
        for n in range(3):
            remit.spend(cost=0.5)
            try:
                yield n
            except KeyError:
                remit.spend(cost=1)

    async def run():
        async for _ in pay():
            remit.spend(cost=100)
        steps = pay()
        await anext(steps)
        await steps.athrow(KeyError("x"))
        await steps.aclose()

    asyncio.run(run())
    assert counted(limited) == {"cost": 3.5}


def test_threads_that_keep_the_context_spend_for_the_call():
    limited = guard(COST)

    def work():
        with ThreadPoolExecutor(4) as pool:
            for _ in range(40):
                pool.submit(contextvars.copy_context().run, remit.spend, cost=0.1)

    limited.call(PAY, work)
    assert counted(limited) == {"cost": 4}


def test_a_call_that_is_cancelled_while_it_waits_for_a_meter_keeps_nothing_aside():
    class Slow(MemoryMeter):
        def __init__(self):
            super().__init__()
            self.asked, self.go_on = threading.Event(), threading.Event()

        def reserve(self, call, claims):
            future: Future = Future()
            future.set_running_or_notify_cancel()

            def later():
                self.go_on.wait(30)
                future.set_result(MemoryMeter.reserve(self, call, claims))

            self.thread = threading.Thread(target=later)
            self.thread.start()
            return future

    limited = guard(CALLS, meter=Slow())

    async def run():
        task = asyncio.create_task(limited.acall(PAY, ran))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    limited.ports.meter.go_on.set()
    limited.ports.meter.thread.join()
    assert counted(limited) == {}


def test_a_loop_turns_while_a_call_waits_for_its_meter(tmp_path):
    with SqliteMeter(tmp_path / "meter.db") as meter:
        limited = guard("{id: spend, action: pay, window: 1h, max: {calls: 50}}", meter=meter)

        async def work():
            await asyncio.sleep(0)

        async def run():
            answers = (limited.acall(PAY, work) for _ in range(60))
            return await asyncio.gather(*answers, return_exceptions=True)

        refused = [each for each in asyncio.run(run()) if isinstance(each, remit.Denied)]
        assert len(refused) == 10
        assert counted(limited) == {"calls": 50}


def test_the_guard_of_a_program_that_configures_none_counts_in_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("remit.default._guard", None)
    (tmp_path / "remit.yaml").write_text(
        "remit: 1\ndefault: allow\nrules: []\n"
        "limits: [{id: few, action: '*', window: 1d, max: {calls: 1}}]\n"
    )

    @remit.protect
    def pay():
        return 1

    assert pay() == 1
    with pytest.raises(remit.Denied, match="allows 1 calls in 1d"):
        pay()
    guarded = remit.default_guard()
    assert (tmp_path / ".remit" / "meter.db").exists()
    guarded.ports.meter.close()
    guarded.ports.ledger.close()
    monkeypatch.setattr("remit.default._guard", None)


def test_who_only_asks_what_a_call_would_be_told_keeps_nothing_aside():
    limited = guard(CALLS)
    for _ in range(2):
        assert finish(consult(PAY, limited.ports)).allowed
    assert counted(limited) == {}
    limited.call(PAY, lambda: 1)
    assert not finish(consult(PAY, limited.ports)).allowed

"""`protect`: whatever can be called stays what it was, and is governed."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sqlite3
from dataclasses import dataclass

import pytest

import remit
from remit import Guard, MemoryLedger, Resource, Subject, acting_as
from remit.model import Decision, Effect


class Watching:
    """Allows everything but the action `forbidden`, and remembers what it was asked."""

    def __init__(self):
        self.requests = []

    def decide(self, request):
        self.requests.append(request)
        if request.action.name == "forbidden":
            return Decision(Effect.DENY, "it is forbidden")
        return Decision(Effect.ALLOW, "ok")

    @property
    def args(self):
        return self.requests[-1].action.properties


@pytest.fixture
def decider():
    return Watching()


@pytest.fixture
def ledger():
    return MemoryLedger()


@pytest.fixture
def guard(decider, ledger):
    return Guard(decider, ledger=ledger)


def kinds(ledger):
    return [record.kind.value for record in ledger.records]


def test_a_function_keeps_its_face(guard):
    @guard.protect
    def refund(order_id: str, amount: int = 5) -> str:
        """Pay it back."""
        return f"{order_id}:{amount}"

    assert refund("o-1") == "o-1:5"
    assert (refund.__name__, refund.__doc__) == ("refund", "Pay it back.")
    assert str(inspect.signature(refund)) == "(order_id: 'str', amount: 'int' = 5) -> 'str'"


def test_policy_sees_every_argument_under_its_own_name(guard, decider):
    @guard.protect
    def everything(a, /, b, *rest, c=3, d, **more):
        return a, b, rest, c, d, more

    assert everything(1, 2, 8, 9, d=4, e=5) == (1, 2, (8, 9), 3, 4, {"e": 5})
    assert decider.args == {"a": 1, "b": 2, "rest": (8, 9), "c": 3, "d": 4, "e": 5}


def test_a_name_cannot_be_given_twice_to_hide_one_value_behind_another(guard):
    @guard.protect
    def pay(amount, /, **more):
        pytest.fail("it ran")

    with pytest.raises(TypeError, match=r"\['amount'\] twice"):
        pay(5, amount=5000)


def test_a_wrong_call_is_the_type_error_python_would_raise(guard, ledger):
    @guard.protect
    def refund(order_id):
        pytest.fail("it ran")

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'order_id'"):
        refund()
    assert kinds(ledger) == []


def test_asynchronous_functions_stay_asynchronous(guard, ledger):
    @guard.protect
    async def fetch(url: str) -> str:
        await asyncio.sleep(0)
        return url

    assert inspect.iscoroutinefunction(fetch)
    assert asyncio.run(fetch("x")) == "x"
    assert kinds(ledger) == ["started", "returned"]


class Shop:
    def __init__(self, guard):
        self.name = "shop"
        self.bound = guard.protect(self.plain)

    def plain(self, amount):
        return self.name, amount


def test_methods_class_methods_and_static_methods_can_be_protected(guard, decider):
    class Till:
        name = "till"

        @guard.protect
        def refund(self, amount):
            return self.name, amount

        @guard.protect
        @classmethod
        def close(cls, reason):
            return cls.name, reason

        @guard.protect
        @staticmethod
        def rate(currency):
            return currency

        @classmethod
        @guard.protect
        def open(cls, at):
            return cls.name, at

    assert Till().refund(5) == ("till", 5)
    assert decider.args == {"amount": 5}
    assert Till.close("late") == ("till", "late")
    assert decider.args == {"reason": "late"}
    assert Till.rate("EUR") == "EUR"
    assert Till.open(9) == ("till", 9)
    assert Shop(guard).bound(3) == ("shop", 3)
    assert decider.args == {"amount": 3}


def test_partials_and_callable_objects_can_be_protected(guard, decider):
    def send(to, body):
        return to, body

    assert guard.protect(functools.partial(send, "bob"))("hi") == ("bob", "hi")
    assert decider.requests[-1].action.name == "send"

    class Sender:
        async def __call__(self, to):
            return to

    governed = guard.protect(Sender())
    assert asyncio.run(governed("eve")) == "eve"
    assert decider.requests[-1].action.name == "Sender"


def test_a_generator_is_decided_on_when_it_is_first_advanced(guard, ledger):
    @guard.protect
    def forbidden():
        pytest.fail("it ran")
        yield

    waiting = forbidden()
    assert kinds(ledger) == []
    with pytest.raises(remit.Denied, match="forbidden"):
        next(waiting)
    assert kinds(ledger) == ["refused"]


def test_a_generator_lasts_from_its_first_item_to_its_end(guard, ledger):
    @guard.protect
    def count(upto: int):
        first = yield 0
        second = yield 1
        return [first, second][:upto]

    counting = count(2)
    assert next(counting) == 0
    assert kinds(ledger) == ["started"]
    assert counting.send("a") == 1
    with pytest.raises(StopIteration) as end:
        counting.send("b")
    assert end.value.value == ["a", "b"]
    assert kinds(ledger) == ["started", "returned"]


def test_a_generator_left_early_has_ended_and_one_that_fails_has_raised(guard, ledger):
    cleaned = []

    @guard.protect
    def items():
        try:
            yield 1
            raise LookupError("gone")
        finally:
            cleaned.append(True)

    left = items()
    next(left)
    left.close()
    assert kinds(ledger) == ["started", "returned"]
    with pytest.raises(LookupError):
        list(items())
    assert kinds(ledger)[2:] == ["started", "raised"]
    assert cleaned == [True, True]


def test_an_asynchronous_generator_is_governed_the_same_way(guard, ledger):
    got = []

    @guard.protect
    async def echo(first):
        item = first
        while True:
            try:
                item = yield item
            except ValueError as error:
                item = str(error)
            if item is None:
                return

    async def talk():
        talking = echo("a")
        got.append(await talking.asend(None))
        got.append(await talking.asend("b"))
        got.append(await talking.athrow(ValueError("c")))
        with pytest.raises(StopAsyncIteration):
            await talking.asend(None)

        early = echo("x")
        await anext(early)
        await early.aclose()

        failing = echo("y")
        await anext(failing)
        with pytest.raises(LookupError):
            await failing.athrow(LookupError("gone"))

    asyncio.run(talk())
    assert got == ["a", "b", "c"]
    assert kinds(ledger) == ["started", "returned", "started", "returned", "started", "raised"]


def test_the_tool_gets_the_values_that_were_decided(guard, decider):
    @dataclass
    class Line:
        sku: str
        tags: list[str]

    given = [Line("a", ["x"])]

    @guard.protect
    def order(lines: list[Line], options: dict):
        lines[0].tags.append("changed by the tool")
        options["changed"] = True
        return lines, options

    options = {"rush": [1]}
    lines, _ = order(given, options)
    assert type(lines[0]) is Line
    assert given[0].tags == ["x"]
    assert options == {"rush": [1]}
    assert decider.args == {"lines": ({"sku": "a", "tags": ("x",)},), "options": {"rush": (1,)}}


def test_an_argument_that_is_no_data_is_denied_and_recorded(guard, ledger):
    @guard.protect
    def run(query: str, connection: object):
        pytest.fail("it ran")

    with pytest.raises(remit.Denied, match="argument connection is a object, which is not data"):
        run("select 1", object())
    assert kinds(ledger) == ["refused"]


@pytest.mark.parametrize("value", [float("nan"), "\ud800", 2**60, [[]] * 20_000])
def test_a_value_nobody_can_decide_on_is_denied_and_never_runs(guard, ledger, value):
    @guard.protect
    def pay(amount):
        pytest.fail("it ran")

    with pytest.raises(remit.Denied, match="argument amount"):
        pay(value)
    assert kinds(ledger) == ["refused"]


@pytest.mark.parametrize("opaque", [["connection"], [sqlite3.Connection]])
def test_an_opaque_argument_passes_through_untouched_and_policy_sees_its_type(
    guard, decider, opaque
):
    with sqlite3.connect(":memory:") as connection:

        @guard.protect(opaque=opaque)
        def run(query: str, connection: sqlite3.Connection):
            return connection

        assert run("select 1", connection) is connection
        assert decider.args == {"query": "select 1", "connection": {"opaque": "sqlite3.Connection"}}
    connection.close()


def test_types_can_be_opaque_for_a_whole_guard(decider, ledger):
    class Handle:
        pass

    guard = Guard(decider, ledger=ledger, opaque=[Handle])

    @guard.protect
    def use(handle):
        return handle

    handle = Handle()
    assert use(handle) is handle


def test_a_sentinel_default_is_not_an_argument_to_decide_on(guard, decider):
    missing = object()

    @guard.protect
    def find(name, default=missing):
        return default is missing

    assert find("x") is True
    assert decider.args["default"] == {"opaque": "builtins.object"}
    assert find("x", 1) is False
    with pytest.raises(remit.Denied, match="argument default"):
        find("x", object())


def test_a_resource_can_be_named_by_an_argument(guard, decider):
    @guard.protect(resource="order:{order_id}")
    def refund(order_id: str):
        return None

    refund("o-{amount}")
    assert decider.requests[-1].resource == Resource("order", "o-{amount}")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"resource": "order:{oder_id}"}, r"resource names \['oder_id'\]"),
        ({"opaque": ["conection"]}, r"opaque names \['conection'\]"),
    ],
)
def test_a_misspelt_parameter_is_an_error_when_the_function_is_decorated(guard, wrong, why):
    with pytest.raises(TypeError, match=why):

        @guard.protect(**wrong)
        def refund(order_id, connection):
            pass


def test_what_cannot_be_called_cannot_be_protected(guard):
    with pytest.raises(TypeError, match="nothing to protect"):
        guard.protect(42)


def test_who_acts_for_whom_comes_from_the_context(guard, decider):
    @guard.protect
    def look():
        return None

    look()
    assert str(decider.requests[-1].subject) == "agent:unnamed"
    session = remit.Session(id="s1", user="ann", scopes=("read",))
    with acting_as("agent:front", session=session, ticket=7):
        with acting_as("back", urgent=True) as inner:
            look()
        look()
    asked = decider.requests[-2]
    assert (asked.subject, inner) == (Subject("agent", "back"), Subject("agent", "back"))
    assert (asked.session.user, asked.session.depth) == ("ann", 1)
    assert asked.context == {"ticket": 7, "urgent": True}
    assert (decider.requests[-1].session.depth, decider.requests[-1].context) == (0, {"ticket": 7})


def test_tasks_keep_who_acts_apart(guard, decider):
    @guard.protect
    async def look(who):
        return None

    async def act(who):
        with acting_as(who):
            await asyncio.sleep(0)
            await look(who)

    async def run():
        await asyncio.gather(*(act(f"agent:{number}") for number in range(8)))

    asyncio.run(run())
    assert all(r.subject.id == r.action.properties["who"][6:] for r in decider.requests)


def test_threads_keep_who_acts_when_asked_to(guard, decider):
    from concurrent.futures import ThreadPoolExecutor

    @guard.protect
    def look(number):
        return number

    with ThreadPoolExecutor(4) as pool, acting_as("agent:parent"):
        assert list(pool.map(remit.keep_context(look), range(8))) == list(range(8))
        assert {r.subject.id for r in decider.requests} == {"parent"}
        pool.submit(look, 1).result()
        assert decider.requests[-1].subject.id == "unnamed"


def test_a_plan_decides_and_runs_nothing(guard, decider, ledger):
    @guard.protect
    def forbidden():
        pytest.fail("it ran")

    @guard.protect
    def refund(amount):
        pytest.fail("it ran")

    plan = guard.plan([guard.request(refund, 5), guard.request(forbidden), guard.request("x", a=1)])
    assert [decision.allowed for _, decision in plan] == [True, False, True]
    assert not plan.allowed
    assert plan.summary().splitlines()[-1] == "3 steps: 2 allow, 0 ask, 1 deny"
    assert kinds(ledger) == []

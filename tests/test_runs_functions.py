"""Functions whose every call is told: of every form, whatever becomes of the call."""

from __future__ import annotations

import asyncio

import pytest

import remit
from remit import Denied, Guard, MemoryLedger, Policy

RULES = """
remit: 1
rules:
  - {id: go, action: run.*, effect: allow}
  - {id: stop, action: run.step, when: args.name == "last", effect: deny}
"""


@pytest.fixture
def guard():
    return Guard(Policy.parse(RULES), ledger=MemoryLedger())


def told(guard, what):
    return [
        dict(record.request.action.properties)
        for record in guard.ports.ledger.records
        if record.request.action.name == f"run.{what}" and record.kind.value == "noted"
    ]


async def listed(generator):
    return [item async for item in generator]


FORMS = ("sync", "async", "generator", "async generator")


def search_by(form, outcome):
    """A function of *form* that is decorated, and what calls it to its end."""

    def found():
        if outcome is not None:
            raise outcome
        return ["page 3"]

    if form == "sync":
        return remit.retrieval(lambda query: found())
    if form == "async":

        async def search(query):
            return found()

        told = remit.retrieval(search)
        return lambda query: asyncio.run(told(query))
    if form == "generator":

        def search(query):
            yield from found()

        told = remit.retrieval(search)
        return lambda query: list(told(query))

    async def search(query):
        for each in found():
            yield each

    told = remit.retrieval(search)
    return lambda query: asyncio.run(listed(told(query)))


@pytest.mark.parametrize("form", FORMS)
def test_what_a_function_finds_is_told_whatever_its_form(guard, form):
    with remit.run(guard=guard):
        assert search_by(form, None)("rules") == ["page 3"]
    (facts,) = told(guard, "retrieval")
    assert (facts["query"], facts["documents"]) == ("rules", ("page 3",))
    assert facts["seconds"] >= 0


@pytest.mark.parametrize("form", FORMS)
def test_a_function_that_raises_is_told_with_its_error(guard, form):
    error = LookupError("gone")
    with remit.run(guard=guard), pytest.raises(LookupError) as raised:
        search_by(form, error)("rules")
    assert raised.value is error
    (facts,) = told(guard, "retrieval")
    assert facts["error"] == "LookupError"


def test_a_decorated_generator_still_takes_what_is_sent_and_thrown_in(guard):
    @remit.step
    def asking():
        try:
            answer = yield "question"
        except LookupError:
            answer = "nobody knows"
        yield f"heard: {answer}"

    with remit.run(guard=guard):
        one, other = asking(), asking()
        assert (next(one), one.send("yes")) == ("question", "heard: yes")
        assert (next(other), other.throw(LookupError())) == ("question", "heard: nobody knows")
        one.close()
        assert list(other) == []
    assert [facts["name"] for facts in told(guard, "step")] == ["asking", "asking"]


def test_a_decorated_asynchronous_generator_still_takes_what_is_sent_and_thrown_in(guard):
    @remit.step
    async def asking():
        try:
            answer = yield "question"
        except LookupError:
            answer = "nobody knows"
        yield f"heard: {answer}"

    async def ask():
        one, other = asking(), asking()
        assert (await anext(one), await one.asend("yes")) == ("question", "heard: yes")
        assert await anext(other) == "question"
        assert await other.athrow(LookupError()) == "heard: nobody knows"
        await one.aclose()
        assert await listed(other) == []

    with remit.run(guard=guard):
        asyncio.run(ask())
    assert [facts["name"] for facts in told(guard, "step")] == ["asking", "asking"]


@pytest.mark.parametrize("form", FORMS)
def test_a_step_that_is_denied_stops_the_run_in_every_form(guard, form):
    @remit.step
    def last():
        return 1

    @remit.step
    async def alast():
        return 1

    def glast():
        yield 1

    async def aglast():
        yield 1

    glast.__name__ = aglast.__name__ = alast.__name__ = "last"
    body = {
        "sync": last,
        "async": lambda: asyncio.run(remit.step(named(alast))()),
        "generator": lambda: list(remit.step(glast)()),
        "async generator": lambda: asyncio.run(listed(remit.step(aglast)())),
    }[form]
    with remit.run(guard=guard, check=["step"]), pytest.raises(Denied):
        body()


def named(function):
    function.__name__ = "last"
    return function


class Mute:
    def __str__(self):
        raise RuntimeError


def test_what_is_told_twice_under_one_name_or_has_no_text_breaks_nothing(guard):
    @remit.decision
    def choose():
        return {"chosen": "left", 1: "odd"}

    with remit.run(guard=guard):
        remit.step("read", name="other")
        remit.step(Mute())
        remit.decision("route", name="other")
        remit.retrieval("rules", 5)
        remit.score("tone", 1, value=2)
        remit.message("user", "hello", role="other")
        remit.tag("mark", Mute())
        with remit.human_turn("sure?", seconds=0):
            pass
        assert choose()["chosen"] == "left"
    assert [facts["name"] for facts in told(guard, "step")] == ["read", "Mute"]
    assert told(guard, "retrieval")[0]["documents"] == 5
    assert (told(guard, "decision")[0], told(guard, "score")[0]["value"]) == ({"name": "route"}, 1)
    assert told(guard, "decision")[1]["1"] == "odd"

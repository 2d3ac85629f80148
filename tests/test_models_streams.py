from __future__ import annotations

import copy
import json
from typing import Any

import model_answers as answers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import remit
from remit import Guard, MemoryLedger, Policy
from remit.models.dialects import Chat, Gemini, Messages, Responses
from remit.models.events import Events
from remit.models.exchange import Exchange
from remit.models.flow import Flow
from remit.models.passage import LOOKBACK, Passage
from remit.models.terms import EVERY_CHECK, Asked, Terms
from remit.ports import finish

STREAMS = {
    "chat": (Chat(), answers.chat_events),
    "responses": (Responses(), answers.response_events),
    "messages": (Messages(), answers.message_events),
    "gemini": (Gemini(), answers.gemini_events),
}


def said(dialect: Any, events: list[dict[str, Any]]) -> str:
    return "".join(piece.text for event in events for piece in dialect.pieces(event))


def passed(policy: str, name: str, pieces: list[str], **ports: Any) -> list[dict[str, Any]]:
    """The events that come out when the answer is *pieces*."""
    dialect, events = STREAMS[name]
    guard = Guard(Policy.parse(policy), ledger=MemoryLedger(), **ports)
    asked = Asked("test", "chat", dialect, {"model": "gpt-4o"}, "gpt-4o", streams=True)
    exchange = Exchange(asked, Terms(guard, EVERY_CHECK))
    finish(exchange.begin(guard.ports))
    flow = Flow(exchange, guard.ports)
    given = [each for event in copy.deepcopy(events(pieces)) for each in finish(flow.take(event))]
    return [*given, *finish(flow.finish())]


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({place % (len(text) + 1) for place in places} | {len(text)})
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False) if end > start]


@given(st.lists(st.integers(0, 10_000), max_size=40), st.sampled_from(["\n", "\r\n", "\r"]))
def test_events_are_the_same_however_their_bytes_are_cut(places, end):
    bodies = [json.dumps({"text": f"a\u2028b{number}"}, ensure_ascii=False) for number in range(9)]
    lines = [f"event: x{end}data: {body}{end}{end}" for body in bodies]
    whole = f": hello{end}{end}".encode() + "".join(lines).encode()
    ends = sorted({place % len(whole) for place in places} | {len(whole)})
    events = Events()
    found = []
    for start, stop in zip([0, *ends], ends, strict=False):
        found += events.feed(whole[start:stop])
    found += events.finish()
    assert [event.data for event in found if event.data] == bodies
    assert b"".join(event.raw for event in found).strip() == whole.strip()


ALLOW = "{remit: 1, name: m, default: allow, rules: []}"
REDACT_CALL = """
remit: 1
name: m
default: allow
rules:
  - {id: call, action: model.call, effect: allow, obligations: [{type: redact}]}
"""
REDACT_RESPONSE = """
remit: 1
name: m
default: allow
rules:
  - id: response
    action: model.response
    when: size(pii(args.output)) > 0
    effect: allow
    obligations: [{type: redact}]
"""
OTHER_DUTY = """
remit: 1
name: m
default: allow
rules:
  - {id: call, action: model.call, effect: allow, obligations: [{type: shout}]}
"""
DENY = """
remit: 1
name: m
default: allow
rules:
  - {id: cards, action: model.response, when: size(pii(args.output)) > 0, effect: deny}
"""
WORDS = " ".join(f"word{number}" for number in range(300))
LONG = f"{WORDS} the card is {answers.CARD}, {WORDS}"


@pytest.mark.parametrize("name", STREAMS)
@settings(max_examples=15, deadline=None)
@given(places=st.lists(st.integers(0, 10_000), max_size=60))
def test_what_may_be_given_on_is_given_on_whole(name, places):
    dialect, _ = STREAMS[name]
    assert said(dialect, passed(ALLOW, name, cut(LONG, places))) == LONG


@pytest.mark.parametrize("policy", [REDACT_CALL, REDACT_RESPONSE], ids=["call", "response"])
@pytest.mark.parametrize("name", STREAMS)
@settings(max_examples=15, deadline=None)
@given(places=st.lists(st.integers(0, 10_000), max_size=60))
def test_what_is_redacted_does_not_depend_on_how_it_is_cut(name, policy, places):
    dialect, _ = STREAMS[name]
    events = passed(policy, name, cut(LONG, places))
    assert said(dialect, events) == LONG.replace(answers.CARD, "[CARD_1]")
    assert answers.CARD not in json.dumps(events)


@pytest.mark.parametrize("name", STREAMS)
def test_a_duty_that_is_not_known_here_is_done_to_the_whole_text(name):
    seen: list[Any] = []

    def shout(_, execute):
        def run():
            value = execute()
            seen.append(value)
            return value.upper() if isinstance(value, str) else value

        return run

    dialect, _ = STREAMS[name]
    events = passed(OTHER_DUTY, name, answers.PIECES, discharges={"shout": shout})
    assert said(dialect, events) == answers.SAID.upper()
    assert answers.SAID in seen


@given(
    words=st.integers(0, 400),
    after=st.integers(0, 400),
    places=st.lists(st.integers(0, 10_000), max_size=60),
)
def test_nothing_of_what_is_denied_is_released_before_it_is_decided_on(words, after, places):
    async def judge(text: str) -> None:
        assert len(text) <= 3 * LOOKBACK + 4096 + 300
        if "4111 1111 1111 1111" in text:
            raise remit.RemitError("denied")

    text = "word " * words + answers.CARD + " word" * after
    passage = Passage([], None, judge)

    async def listen() -> None:
        for piece in cut(text, places):
            await passage.feed(piece)
        await passage.finish()

    with pytest.raises(remit.RemitError):
        finish(listen())
    assert "4" not in "".join(passage.out)


@pytest.mark.parametrize("name", STREAMS)
def test_a_short_answer_that_is_denied_is_denied_before_any_of_it_is_given_on(name):
    dialect, events = STREAMS[name]
    guard = Guard(Policy.parse(DENY), ledger=MemoryLedger())
    asked = Asked("test", "chat", dialect, {"model": "gpt-4o"}, "gpt-4o", streams=True)
    flow = Flow(Exchange(asked, Terms(guard, EVERY_CHECK)), guard.ports)
    given: list[dict[str, Any]] = []

    def listen() -> None:
        for event in copy.deepcopy(events()):
            given.extend(finish(flow.take(event)))
        given.extend(finish(flow.finish()))

    with pytest.raises(remit.Denied):
        listen()
    assert said(dialect, given) == ""
    refused = guard.ports.ledger.records[-1]
    assert (refused.kind.value, refused.request.action.name) == ("refused", "model.response")

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2
import model_answers as answers
import pytest
from model_drivers import each, got, one_by_one, opened, run
from provider_server import ModelServer, serving

import remit
from remit import Guard, MemoryLedger, Policy

POLICY = """
remit: 1
name: models
rules:
  - {id: run, action: run.*, effect: allow}
  - {id: call, action: model.call, effect: allow, obligations: [{type: redact}]}
  - id: cards
    action: model.call
    when: size(pii(args)) > 0
    effect: deny
    reason: Personal data stays here
  - {id: response, action: model.response, effect: allow}
"""
NO_CARDS = """
remit: 1
name: models
default: allow
rules:
  - id: cards
    action: model.response
    when: size(pii(args)) > 0
    effect: deny
    reason: Personal data stays here
"""
ALLOW = "{remit: 1, name: models, default: allow, rules: []}"
ASKED = [{"role": "user", "content": "Which card?"}]
CALL = {"model": "claude-sonnet-5", "max_tokens": 1_000}


@pytest.fixture(scope="module")
def wire():
    with serving() as server:
        yield server


@pytest.fixture
def server(wire):
    wire.answers.clear()
    wire.requests.clear()
    return wire


@pytest.fixture(autouse=True)
def put_back():
    yield
    remit.uninstrument()


@pytest.fixture(params=["sync", "async"])
def client(request, server):
    given = {"api_key": "key", "base_url": server.url, "max_retries": 2}
    # Nothing is left open in the loop of a test, and nobody waits for certificates to be read.
    plain = {"limits": httpx2.Limits(max_keepalive_connections=0), "verify": False}
    if request.param == "sync":
        with anthropic.Anthropic(
            **given, http_client=anthropic.DefaultHttpxClient(**plain)
        ) as client:
            yield client
    else:
        yield anthropic.AsyncAnthropic(
            **given, http_client=anthropic.DefaultAsyncHttpxClient(**plain)
        )


def watched(policy: str = ALLOW, **terms: Any) -> Guard:
    guard = Guard(Policy.parse(policy), ledger=MemoryLedger())
    remit.instrument("anthropic", guard=guard, **terms)
    return guard


def told(guard: Guard, what: str = "run.model") -> list[dict[str, Any]]:
    records = guard.ports.ledger.records
    return [dict(r.request.action.properties) for r in records if r.request.action.name == what]


async def create(client):
    answer = await got(client.messages.create(**CALL, messages=ASKED))
    return answer.content[0].text


async def beta(client):
    answer = await got(client.beta.messages.create(**CALL, messages=ASKED))
    return answer.content[0].text


async def raw(client):
    answer = await got(client.messages.with_raw_response.create(**CALL, messages=ASKED))
    return answer.http_response.text + (await got(answer.parse())).content[0].text


async def streaming_response(client):
    create = client.messages.with_streaming_response.create
    async with opened(create(**CALL, messages=ASKED)) as answer:
        return "".join(await each(answer.iter_text()))


async def stream(client):
    events = await each(await got(client.messages.create(**CALL, messages=ASKED, stream=True)))
    return "".join(e.delta.text for e in events if e.type == "content_block_delta")


async def stream_helper(client):
    async with opened(client.messages.stream(**CALL, messages=ASKED)) as events:
        texts = await each(events.text_stream)
        final = await got(events.get_final_message())
    assert "".join(texts) == final.content[0].text
    return final.content[0].text


async def beta_stream(client):
    async with opened(client.beta.messages.stream(**CALL, messages=ASKED)) as events:
        return await got(events.get_final_text())


async def streamed_lines(client):
    create = client.messages.with_streaming_response.create
    async with opened(create(**CALL, messages=ASKED, stream=True)) as answer:
        lines = await each(answer.iter_lines())
    bodies = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    return "".join(body["delta"].get("text", "") for body in bodies if "delta" in body)


WHOLE = [create, beta, raw, streaming_response]
STREAMS = [stream, stream_helper, beta_stream, streamed_lines]
EVERY = [*WHOLE, *STREAMS]


def prepare(server: ModelServer, way: Any, cut: int = 0) -> None:
    if way in WHOLE:
        server.answer(answers.message())
    else:
        server.answer(events=answers.message_events(), named=True, cut=cut)


@pytest.mark.parametrize("way", EVERY, ids=lambda way: way.__name__)
def test_every_call_is_recorded_once_with_its_tokens_and_its_cost(server, client, way):
    guard = watched()
    prepare(server, way)
    assert answers.SAID in run(lambda: way(client))
    (call,) = told(guard)
    assert call["cost"] == answers.MESSAGES_COST
    assert (call["input_tokens"], call["output_tokens"]) == (21 + 188 + 1_025, 393)
    assert (call["cached_tokens"], call["written_tokens"]) == (1_025, 188)
    assert call["reasoning_tokens"] == 100
    assert (call["provider"], call["finish"]) == ("anthropic", "end_turn")
    assert call["answered"] == "claude-sonnet-5"


@pytest.mark.parametrize("way", EVERY, ids=lambda way: way.__name__)
def test_a_card_number_never_reaches_the_caller_however_it_is_cut(server, client, way):
    guard = watched(POLICY, check=True)
    prepare(server, way, cut=11)
    heard = run(lambda: way(client))
    assert "The card is [CARD_1], and that is all there is to say about it." in heard
    assert "1111" not in heard
    assert told(guard)[0]["cost"] == answers.MESSAGES_COST


@pytest.mark.parametrize("way", EVERY, ids=lambda way: way.__name__)
def test_a_denied_prompt_is_not_sent(server, client, way, monkeypatch):
    monkeypatch.setitem(globals(), "ASKED", [{"role": "user", "content": answers.SAID}])
    guard = watched(POLICY, check=True)
    with pytest.raises(remit.Denied, match="Personal data stays here"):
        run(lambda: way(client))
    assert server.requests == []
    assert answers.CARD not in repr(guard.ports.ledger.records)


@pytest.mark.parametrize("way", EVERY, ids=lambda way: way.__name__)
def test_a_denied_response_never_reaches_the_caller_and_is_paid_for(server, client, way):
    guard = watched(NO_CARDS, check=["response"])
    prepare(server, way, cut=11)
    heard: list[str] = []

    async def listen():
        heard.append(await way(client))

    with pytest.raises(remit.Denied, match="Personal data stays here"):
        run(listen)
    assert heard == []
    (call,) = told(guard)
    assert call["error"] == "Denied"
    assert call["cost"] in {answers.MESSAGES_COST, None}
    assert len(server.requests) == 1


def test_what_a_batch_and_a_count_would_send_is_decided_on_too(server, client):
    watched(POLICY, check=True)
    card = [{"role": "user", "content": answers.SAID}]
    with pytest.raises(remit.Denied):
        run(lambda: got(client.messages.count_tokens(model="claude-sonnet-5", messages=card)))
    requests = [{"custom_id": "one", "params": {**CALL, "messages": card}}]
    with pytest.raises(remit.Denied):
        run(lambda: got(client.messages.batches.create(requests=requests)))
    assert server.requests == []


def test_counting_tokens_is_no_call_of_a_model(server, client):
    guard = watched(check=True)
    server.answer({"input_tokens": 12})
    counted = run(
        lambda: got(client.messages.count_tokens(model="claude-sonnet-5", messages=ASKED))
    )
    assert counted.input_tokens == 12
    assert told(guard) == []
    assert len(told(guard, "model.call")) == 2  # it has started, and it has returned


def test_retries_are_one_call(server, client):
    guard = watched()
    busy = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    server.answer(busy, status=529)
    server.answer(busy, status=429)
    server.answer(answers.message())
    run(lambda: create(client))
    assert len(server.requests) == 3
    (call,) = told(guard)
    assert (call["retries"], call["cost"]) == (2, answers.MESSAGES_COST)


def test_what_a_stream_that_is_left_early_has_cost_is_unknown(server, client):
    guard = watched()
    server.answer(events=answers.message_events(), named=True)

    async def leave():
        events = await got(client.messages.create(**CALL, messages=ASKED, stream=True))
        async for event in one_by_one(events):
            if event.type == "content_block_delta":
                break
        await got(events.close())

    run(leave)
    (call,) = told(guard)
    assert (call["error"], call["cost"], call["input_tokens"]) == ("Abandoned", None, 1_234)


def test_an_error_passes_through_and_is_recorded(server, client):
    guard = watched(check=True)
    server.answer({"type": "error", "error": {"type": "x", "message": "no"}}, status=400)
    with pytest.raises(anthropic.BadRequestError):
        run(lambda: create(client))
    (call,) = told(guard)
    assert (call["error"], call["cost"]) == ("BadRequestError", 0.0)


def test_tools_are_known_by_name_and_their_input_only_where_it_is_captured(server, client):
    used = {"type": "tool_use", "id": "toolu_1", "name": "refund", "input": {"card": answers.CARD}}

    async def ask():
        tool = {"name": "refund", "input_schema": {"type": "object"}}
        answer = await got(client.messages.create(**CALL, messages=ASKED, tools=[tool]))
        return answer.content[0].input

    guard = watched(check=True)
    server.answer(answers.message(used, stop="tool_use"))
    assert run(ask) == {"card": answers.CARD}
    (call,) = told(guard)
    assert (call["tool_calls"], call["finish"]) == (("refund",), "tool_use")
    assert (call["cost"], call["output_tokens"]) == (answers.MESSAGES_COST, 393)
    assert told(guard, "model.call")[0]["tools"] == ("refund",)
    assert answers.CARD not in repr(guard.ports.ledger.records)

    guard = watched(POLICY, check=True, capture=True)
    server.answer(answers.message(used, stop="tool_use"))
    assert run(ask) == {"card": "[CARD_1]"}
    (called,) = told(guard)[0]["tool_calls"]
    assert (called["name"], json.loads(called["arguments"])) == ("refund", {"card": "[CARD_1]"})


def test_the_input_of_a_tool_is_redacted_in_a_stream(server, client):
    guard = watched(POLICY, check=True, capture=True)
    start, *_, delta, stop = answers.message_events()
    block = {"type": "tool_use", "id": "toolu_1", "name": "refund", "input": {}}
    parts = ['{"card": "41', "11 1111 1111 ", '1111"}']
    pieces = [{"type": "input_json_delta", "partial_json": part} for part in parts]
    server.answer(
        events=[
            start,
            {"type": "content_block_start", "index": 0, "content_block": block},
            *({"type": "content_block_delta", "index": 0, "delta": piece} for piece in pieces),
            {"type": "content_block_stop", "index": 0},
            delta,
            stop,
        ],
        named=True,
    )

    async def ask():
        tool = {"name": "refund", "input_schema": {"type": "object"}}
        async with opened(client.messages.stream(**CALL, messages=ASKED, tools=[tool])) as events:
            return (await got(events.get_final_message())).content[0]

    called = run(ask)
    assert (called.name, called.input) == ("refund", {"card": "[CARD_1]"})
    assert told(guard)[0]["tool_calls"] == (
        {"name": "refund", "arguments": '{"card": "[CARD_1]"}'},
    )
    assert told(guard, "model.call")[0]["tools"] == ("refund",)


def test_what_is_billed_besides_tokens_makes_the_cost_unknown(server, client):
    guard = watched()
    body = answers.message()
    body["usage"] = {**answers.MESSAGES_USAGE, "server_tool_use": {"web_search_requests": 1}}
    server.answer(body)
    body = answers.message()
    body["usage"] = {**answers.MESSAGES_USAGE, "service_tier": "priority"}
    server.answer(body)

    async def twice():
        await create(client)
        await create(client)

    run(twice)
    assert [call["cost"] for call in told(guard)] == [None, None]


def test_middleware_that_answers_itself_cannot_go_round_a_check(server):
    def answer(request, call_next):
        return anthropic.types.Message.model_validate(answers.message())

    with anthropic.Anthropic(api_key="key", base_url=server.url, middleware=[answer]) as client:
        watched(POLICY, check=True)
        with pytest.raises(remit.Unavailable):
            run(lambda: create(client))
        remit.uninstrument()
        assert run(lambda: create(client)) == answers.SAID

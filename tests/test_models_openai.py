from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import httpx2
import model_answers as answers
import openai
import pytest
from model_drivers import each, got, one_by_one, opened, run
from provider_server import ModelServer, serving

import remit
from remit import Guard, MemoryLedger, Policy

ALLOW = """
remit: 1
name: models
default: allow
rules: []
"""
REDACT = """
remit: 1
name: models
rules:
  - {id: run, action: run.*, effect: allow}
  - {id: call, action: model.call, effect: allow, obligations: [{type: redact}]}
  - {id: response, action: model.response, effect: allow}
"""
NO_CARDS = """
remit: 1
name: models
default: allow
rules:
  - id: cards
    action: [model.call, model.response]
    when: size(pii(args)) > 0
    effect: deny
    reason: Personal data stays here
"""
QUESTION = "Which card?"
ASKED = [{"role": "user", "content": "Which card?"}]


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
        http = openai.DefaultHttpxClient(**plain)
        with openai.OpenAI(**given, http_client=http) as client:
            yield client
    else:
        later = openai.DefaultAsyncHttpxClient(**plain)
        yield openai.AsyncOpenAI(**given, http_client=later)


def watched(policy: str = ALLOW, **terms: Any) -> Guard:
    guard = Guard(Policy.parse(policy), ledger=MemoryLedger())
    remit.instrument("openai", guard=guard, **terms)
    return guard


def told(guard: Guard, what: str = "run.model") -> list[dict[str, Any]]:
    records = guard.ports.ledger.records
    return [dict(r.request.action.properties) for r in records if r.request.action.name == what]


# Every way in which the package can be asked for an answer, and what the caller reads of it.


async def create(client):
    answer = await got(client.chat.completions.create(model="gpt-4o", messages=ASKED))
    return answer.choices[0].message.content


async def parsed(client):
    answer = await got(client.chat.completions.parse(model="gpt-4o", messages=ASKED))
    return answer.choices[0].message.content


async def beta(client):
    answer = await got(client.beta.chat.completions.parse(model="gpt-4o", messages=ASKED))
    return answer.choices[0].message.content


async def raw(client):
    create = client.chat.completions.with_raw_response.create
    answer = await got(create(model="gpt-4o", messages=ASKED))
    return answer.text + answer.parse().choices[0].message.content


async def streaming_response(client):
    create = client.chat.completions.with_streaming_response.create
    async with opened(create(model="gpt-4o", messages=ASKED)) as answer:
        return "".join([piece async for piece in pieces(answer)])


async def pieces(answer):
    for piece in await each(answer.iter_text()):
        yield piece


async def stream(client):
    create = client.chat.completions.create
    events = await each(await got(create(model="gpt-4o", messages=ASKED, stream=True)))
    return "".join(event.choices[0].delta.content or "" for event in events)


async def stream_helper(client):
    async with opened(client.chat.completions.stream(model="gpt-4o", messages=ASKED)) as events:
        seen = await each(events)
        final = await got(events.get_final_completion())
    deltas = "".join(event.delta for event in seen if event.type == "content.delta")
    assert deltas == final.choices[0].message.content
    return deltas


async def raw_stream(client):
    create = client.chat.completions.with_raw_response.create
    answer = await got(create(model="gpt-4o", messages=ASKED, stream=True))
    return "".join(event.choices[0].delta.content or "" for event in await each(answer.parse()))


async def streamed_lines(client):
    create = client.chat.completions.with_streaming_response.create
    async with opened(create(model="gpt-4o", messages=ASKED, stream=True)) as answer:
        lines = await each(answer.iter_lines())
    bodies = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    return "".join(body["choices"][0]["delta"].get("content") or "" for body in bodies)


async def respond(client):
    answer = await got(client.responses.create(model="gpt-5.4", input=QUESTION))
    return answer.output_text


async def respond_parsed(client):
    answer = await got(client.responses.parse(model="gpt-5.4", input=QUESTION))
    return answer.output_text


async def respond_stream(client):
    create = client.responses.create
    events = await each(await got(create(model="gpt-5.4", input=QUESTION, stream=True)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    whole = events[-1].response.output_text
    assert "".join(deltas) == whole
    return repr([event.model_dump() for event in events]) + whole


async def respond_helper(client):
    async with opened(client.responses.stream(model="gpt-5.4", input=QUESTION)) as events:
        await each(events)
        return (await got(events.get_final_response())).output_text


WHOLE = [create, parsed, beta, raw, streaming_response]
STREAMS = [stream, stream_helper, raw_stream, streamed_lines]
RESPONSES = [respond, respond_parsed]
RESPONSE_STREAMS = [respond_stream, respond_helper]
EVERY = [*WHOLE, *STREAMS, *RESPONSES, *RESPONSE_STREAMS]


def prepare(server: ModelServer, way: Any, cut: int = 0) -> None:
    if way in WHOLE:
        server.answer(answers.chat())
    elif way in STREAMS:
        server.answer(events=answers.chat_events(), done=True, cut=cut)
    elif way in RESPONSES:
        server.answer(answers.response(answers.item()))
    else:
        server.answer(events=answers.response_events(), named=True, cut=cut)


@pytest.mark.parametrize("way", EVERY, ids=lambda way: way.__name__)
def test_every_call_is_recorded_once_with_its_tokens_and_its_cost(server, client, way):
    guard = watched()
    prepare(server, way)
    assert answers.SAID in run(lambda: way(client))
    (call,) = told(guard)
    cost = answers.CHAT_COST if way in {*WHOLE, *STREAMS} else answers.RESPONSES_COST
    assert call["cost"] == cost
    assert (call["input_tokens"], call["output_tokens"]) == (1_234, 567)
    assert (call["cached_tokens"], call["reasoning_tokens"]) == (1_024, 300)
    assert (call["provider"], call["operation"]) == ("openai", "chat")
    assert call["answered"].startswith(call["model"])
    assert call["finish"] in {"stop", "completed"}
    assert ("first_token" in call) == (way in {*STREAMS, *RESPONSE_STREAMS})


@pytest.mark.parametrize("way", EVERY, ids=lambda way: way.__name__)
def test_a_card_number_never_reaches_the_caller_however_it_is_cut(server, client, way):
    guard = watched(REDACT, check=True)
    prepare(server, way, cut=11)
    heard = run(lambda: way(client))
    assert "The card is [CARD_1], and that is all there is to say about it." in heard
    assert "4111" not in heard
    assert "1111" not in heard.replace("[CARD_1]", "")
    (call,) = told(guard)
    assert call["cost"] == (
        answers.CHAT_COST if way in {*WHOLE, *STREAMS} else answers.RESPONSES_COST
    )


@pytest.mark.parametrize("way", EVERY, ids=lambda way: way.__name__)
def test_a_denied_response_never_reaches_the_caller_and_is_paid_for(server, client, way):
    guard = watched(NO_CARDS, check=True)
    prepare(server, way)
    heard: list[str] = []

    async def listen():
        heard.append(await way(client))

    with pytest.raises(remit.Denied, match="Personal data stays here"):
        run(listen)
    assert heard == []
    (call,) = told(guard)
    assert call["error"] == "Denied"
    assert len(server.requests) == 1


@pytest.mark.parametrize("way", EVERY, ids=lambda way: way.__name__)
def test_a_denied_prompt_is_not_sent(server, client, way, monkeypatch):
    guard = watched(NO_CARDS, check=["call"])
    monkeypatch.setitem(globals(), "ASKED", [{"role": "user", "content": answers.SAID}])
    monkeypatch.setitem(globals(), "QUESTION", answers.SAID)
    with pytest.raises(remit.Denied):
        run(lambda: way(client))
    assert server.requests == []
    assert told(guard) == []
    refused = guard.ports.ledger.records[-1]
    assert refused.kind.value == "refused"
    assert answers.CARD not in repr(guard.ports.ledger.records)


def test_what_is_only_counted_is_given_on_as_it_came(server, client):
    watched()
    events = answers.chat_events()
    server.answer(events=events, done=True)
    run(lambda: stream(client))
    assert server.bodies[0]["stream_options"] == {"include_usage": True}


def test_the_counts_of_a_stream_are_given_on_to_who_asked_for_them(server, client):
    guard = watched()
    server.answer(events=answers.chat_events(), done=True)

    async def ask():
        create = client.chat.completions.create
        options = {"include_usage": True}
        return await each(
            await got(create(model="gpt-4o", messages=ASKED, stream=True, stream_options=options))
        )

    assert run(ask)[-1].usage.total_tokens == 1_801
    assert told(guard)[0]["cost"] == answers.CHAT_COST


def test_a_provider_need_not_be_asked_for_counts_and_then_the_cost_is_unknown(server, client):
    guard = watched(count_streams=False)
    server.answer(events=answers.chat_events()[:-1], done=True)
    run(lambda: stream(client))
    assert "stream_options" not in server.bodies[0]
    assert told(guard)[0]["cost"] is None


def test_retries_are_one_call(server, client):
    guard = watched()
    server.answer({"error": {"message": "busy"}}, status=503)
    server.answer({"error": {"message": "busy"}}, status=429)
    server.answer(answers.chat())
    run(lambda: create(client))
    assert len(server.requests) == 3
    (call,) = told(guard)
    assert (call["retries"], call["cost"]) == (2, answers.CHAT_COST)


def test_an_error_passes_through_and_is_recorded(server, client):
    guard = watched(check=True)
    server.answer({"error": {"message": "no such model"}}, status=404)
    with pytest.raises(openai.NotFoundError):
        run(lambda: create(client))
    (call,) = told(guard)
    assert (call["error"], call["cost"], call["input_tokens"]) == ("NotFoundError", 0.0, 0)
    assert guard.ports.ledger.records[-1].kind.value == "raised"


def test_what_a_call_that_nobody_answered_has_cost_is_unknown():
    guard = watched()
    nowhere = {"api_key": "key", "base_url": "http://127.0.0.1:9", "max_retries": 0}
    with openai.OpenAI(**nowhere) as client, pytest.raises(openai.APIConnectionError):
        run(lambda: create(client))
    (call,) = told(guard)
    assert (call["error"], call["cost"]) == ("APIConnectionError", None)


def test_an_error_in_a_stream_is_recorded(server, client):
    guard = watched()
    events = [*answers.chat_events()[:3], {"error": {"message": "overloaded"}}]
    server.answer(events=events)
    with pytest.raises(openai.APIError, match="overloaded"):
        run(lambda: stream(client))
    (call,) = told(guard)
    assert (call["error"], call["cost"]) == ("Interrupted", None)


def test_a_stream_that_is_left_early_is_recorded(server, client):
    guard = watched(check=True)
    server.answer(events=answers.chat_events(), done=True)

    async def leave():
        create = client.chat.completions.create
        events = await got(create(model="gpt-4o", messages=ASKED, stream=True))
        await got(events.close())

    run(leave)
    (call,) = told(guard)
    assert (call["error"], call["cost"]) == ("Abandoned", None)
    assert guard.ports.ledger.records[-1].kind.value == "raised"


TOOL = {"type": "function", "function": {"name": "refund", "parameters": {"type": "object"}}}
CALLED = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "refund", "arguments": json.dumps({"card": answers.CARD})},
}


def test_tools_are_known_by_name_and_their_arguments_only_where_they_are_captured(server, client):
    async def ask():
        create = client.chat.completions.create
        answer = await got(create(model="gpt-4o", messages=ASKED, tools=[TOOL]))
        return answer.choices[0].message.tool_calls[0].function.arguments

    guard = watched(check=True)
    server.answer(answers.chat(None, tool_calls=[CALLED]))
    assert json.loads(run(ask)) == {"card": answers.CARD}
    (call,) = told(guard)
    assert call["tool_calls"] == ("refund",)
    assert (call["cost"], call["output_tokens"]) == (answers.CHAT_COST, 567)
    assert told(guard, "model.call")[0]["tools"] == ("refund",)
    assert answers.CARD not in repr(guard.ports.ledger.records)

    guard = watched(REDACT, check=True, capture=True)
    server.answer(answers.chat(None, tool_calls=[CALLED]))
    assert json.loads(run(ask)) == {"card": "[CARD_1]"}
    (call,) = told(guard)
    assert call["tool_calls"] == ({"name": "refund", "arguments": '{"card": "[CARD_1]"}'},)
    assert call["input"] == ({"role": "user", "content": "Which card?"},)


def test_the_arguments_of_a_tool_call_are_redacted_in_a_stream_too(server, client):
    guard = watched(REDACT, check=True, capture=True)
    opening = {**CALLED, "index": 0, "function": {"name": "refund", "arguments": ""}}
    parts = ['{"car', 'd": "4111 11', "11 1111", ' 1111"}']
    deltas = [{"index": 0, "function": {"arguments": part}} for part in parts]
    events = [answers.chunk({"tool_calls": [delta]}) for delta in (opening, *deltas)]
    server.answer(events=[*events, answers.chunk({}, "tool_calls")], done=True)

    async def ask():
        async with opened(
            client.chat.completions.stream(model="gpt-4o", messages=ASKED, tools=[TOOL])
        ) as stream:
            await each(stream)
            return await got(stream.get_final_completion())

    (called,) = run(ask).choices[0].message.tool_calls
    assert (called.id, called.function.name) == ("call_1", "refund")
    assert json.loads(called.function.arguments) == {"card": "[CARD_1]"}
    assert told(guard)[0]["tool_calls"] == (
        {"name": "refund", "arguments": called.function.arguments},
    )


def test_a_long_stream_is_given_on_before_it_ends_and_stops_where_it_is_denied(server, client):
    watched(NO_CARDS, check=["response"])
    words = [f"word{number} " for number in range(400)]
    server.answer(events=answers.chat_events([*words, *answers.PIECES, *words]), done=True)
    heard: list[str] = []

    async def listen():
        create = client.chat.completions.create
        events = await got(create(model="gpt-4o", messages=ASKED, stream=True))
        async for event in one_by_one(events):
            heard.append(event.choices[0].delta.content or "")  # noqa: PERF401 - it breaks off

    with pytest.raises(remit.Denied):
        run(listen)
    assert "word0 word1 word2" in "".join(heard)
    assert "4111" not in "".join(heard)


def test_tokens_beside_a_text_do_not_tell_what_was_redacted(server, client):
    watched(REDACT, check=True)
    body = answers.chat()
    body["choices"][0]["logprobs"] = {
        "content": [{"token": token, "logprob": 0.0, "bytes": None} for token in ("4111", " 1111")]
    }
    server.answer(body)

    async def ask():
        answer = await got(client.chat.completions.create(model="gpt-4o", messages=ASKED))
        return answer.model_dump_json()

    assert "4111" not in run(ask)


def test_what_is_decided_on_is_what_is_sent(server, client):
    server.answer(answers.chat())
    messages = [{"role": "user", "content": "harmless"}]

    def change(_):
        messages[0]["content"] = answers.CARD
        return {}

    guard = Guard(Policy.parse(ALLOW), ledger=MemoryLedger(), scrub=change)
    remit.instrument("openai", guard=guard, check=True)
    run(lambda: got(client.chat.completions.create(model="gpt-4o", messages=messages)))
    assert server.bodies[0]["messages"] == [{"role": "user", "content": "harmless"}]


def test_what_is_added_to_a_body_is_decided_on(server, client):
    watched(NO_CARDS, check=True)

    async def ask():
        create = client.chat.completions.create
        extra = {"metadata": {"note": answers.SAID}}
        await got(create(model="gpt-4o", messages=ASKED, extra_body=extra))

    with pytest.raises(remit.Denied):
        run(ask)
    assert server.requests == []


def test_a_prompt_too_large_to_be_decided_on_is_not_sent(server, client):
    guard = Guard(Policy.parse(ALLOW), ledger=MemoryLedger(), limits=remit.Limits(text=1_000))
    remit.instrument("openai", guard=guard, check=True)
    large = [{"role": "user", "content": "x" * 1_001}]
    with pytest.raises(remit.Denied, match="cannot be decided on"):
        run(lambda: got(client.chat.completions.create(model="gpt-4o", messages=large)))
    assert server.requests == []


def test_an_answer_that_cannot_be_read_is_not_given_on_where_it_is_checked(server, client):
    watched(REDACT, check=True)
    server.answer(b"sound", kind="audio/mpeg")
    speech = {"model": "tts-1", "voice": "alloy", "input": "Hello"}
    with pytest.raises(remit.Unavailable, match="audio/mpeg"):
        run(lambda: got(client.audio.speech.create(**speech)))


def test_what_is_no_call_of_a_model_is_left_alone(server, client):
    guard = watched(NO_CARDS, check=True)
    server.answer({"id": "vs_1", "object": "vector_store", "created_at": 1, "name": "x"})
    run(lambda: got(client.vector_stores.create(name=answers.CARD)))
    assert len(server.requests) == 1
    assert guard.ports.ledger.records == []


def test_embeddings_are_recorded_and_priced(server, client):
    guard = watched(check=True)
    vector = {"object": "embedding", "index": 0, "embedding": [0.25, 0.5]}
    usage = {"prompt_tokens": 1_000, "total_tokens": 1_000}
    model = "text-embedding-3-small"
    server.answer({"object": "list", "data": [vector], "model": model, "usage": usage})
    run(lambda: got(client.embeddings.create(model=model, input="x", encoding_format="float")))
    (call,) = told(guard)
    assert (call["operation"], call["cost"], call["input_tokens"]) == ("embeddings", 0.00002, 1_000)


def test_after_a_call_policy_is_asked_whether_the_run_goes_on(server, client):
    policy = """
    remit: 1
    name: budget
    default: allow
    rules:
      - {id: enough, action: run.step, when: run.cost > 0.01, effect: deny, reason: It is enough}
    """
    guard = Guard(Policy.parse(policy), ledger=MemoryLedger())
    remit.instrument("openai")
    server.answer(answers.chat())
    server.answer(answers.chat())

    async def twice():
        with remit.run(guard=guard, check=["step"]) as under_way:
            await create(client)
            assert under_way.cost == answers.CHAT_COST
            await create(client)

    with pytest.raises(remit.Denied, match="It is enough"):
        run(twice)


def test_a_model_without_a_price_is_known_to_be_without_one(server, client):
    guard = watched()
    server.answer({**answers.chat(), "model": "homemade"})
    with remit.run(guard=guard) as under_way:
        run(lambda: create(client))
    assert (under_way.unpriced, under_way.tokens, under_way.cost) == (1, 1_801, 0.0)
    assert told(guard)[0]["cost"] is None


LIMITED = """
remit: 1
name: shop
default: allow
rules: []
limits:
  - id: spend
    action: "*"
    per: subject.id
    window: 1d
    max: {cost: 0.01, tokens: 1000000}
    reserve: {cost: 0.001}
"""


def test_what_a_call_has_cost_counts_against_its_limit_to_the_last_digit(server, client):
    meter = remit.MemoryMeter()
    guard = Guard(Policy.parse(LIMITED), ledger=MemoryLedger(), meter=meter)
    remit.instrument("openai", guard=guard, check=["call"])
    server.answer(answers.chat())
    server.answer(events=answers.chat_events(), done=True)

    async def three():
        await create(client)
        await stream(client)
        await create(client)

    with pytest.raises(remit.Denied, match=r"allows 0\.01 cost in 1d: 0\.01495 are used"):
        run(three)
    assert len(server.requests) == 2
    ends = [r for r in guard.ports.ledger.records if r.kind.value == "returned"]
    assert [end.body["spent"][0]["cost"] for end in ends] == [answers.CHAT_COST] * 2
    assert [end.body["spent"][0]["tokens"] for end in ends] == [1_801] * 2


def test_what_a_tool_asks_of_a_model_counts_for_the_tool(server, client):
    guard = Guard(Policy.parse(LIMITED), ledger=MemoryLedger(), meter=remit.MemoryMeter())
    remit.instrument("openai")
    server.answer(answers.chat())

    @guard.protect
    async def summarise() -> str:
        return await create(client)

    async def ask():
        with remit.run(guard=guard):
            return await summarise()

    assert run(ask) == answers.SAID
    end = guard.ports.ledger.records[-2]
    assert end.body["spent"][0]["cost"] == answers.CHAT_COST


@pytest.mark.parametrize("transport", [httpx, httpx2], ids=["httpx", "httpx2"])
@pytest.mark.parametrize("way", [create, raw, stream], ids=lambda way: way.__name__)
def test_an_answer_may_be_compressed_and_the_http_client_be_somebody_elses(transport, way):
    guard = watched(REDACT, check=True)
    events = "".join(f"data: {json.dumps(event)}\n\n" for event in answers.chat_events())

    def answer(request):
        streams = json.loads(request.content).get("stream")
        kind = "text/event-stream" if streams else "application/json"
        body = events if streams else json.dumps(answers.chat())
        headers = {"content-type": kind, "content-encoding": "gzip"}
        return transport.Response(200, headers=headers, content=gzip.compress(body.encode()))

    http = transport.Client(transport=transport.MockTransport(answer))
    with openai.OpenAI(api_key="key", base_url="http://test", http_client=http) as client:
        heard = run(lambda: way(client))
    assert "[CARD_1]" in heard
    assert "1111" not in heard
    assert told(guard)[0]["cost"] == answers.CHAT_COST

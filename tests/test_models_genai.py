from __future__ import annotations

from typing import Any

import model_answers as answers
import pytest
from google import genai
from model_drivers import each, got, run
from provider_server import serving

import remit
from remit import Guard, MemoryLedger, Policy

# Google's client uses aiohttp where it is installed, in a way that aiohttp advises against.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")

POLICY = """
remit: 1
name: models
rules:
  - {id: call, action: model.call, effect: allow, obligations: [{type: redact}]}
  - id: cards
    action: model.call
    when: size(pii(args)) > 0
    effect: deny
    reason: Personal data stays here
  - {id: response, action: model.response, effect: allow}
"""
ALLOW = "{remit: 1, name: models, default: allow, rules: []}"
MODEL = "gemini-2.5-flash"
QUESTION = "Which card?"


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
def asking(request, server):
    """Runs what asks the models of a client, and closes it in the same loop."""

    def ask(body):
        async def asked():
            retries = genai.types.HttpRetryOptions(attempts=3, initial_delay=0.01, jitter=0.0)
            options = genai.types.HttpOptions(base_url=server.url, retry_options=retries)
            client = genai.Client(api_key="key", http_options=options)
            try:
                return await body((client.aio if request.param == "async" else client).models)
            finally:
                await client.aio.aclose()
                client.close()

        return run(asked)

    return ask


def watched(policy: str = ALLOW, **terms: Any) -> Guard:
    guard = Guard(Policy.parse(policy), ledger=MemoryLedger())
    remit.instrument("google-genai", guard=guard, **terms)
    return guard


def told(guard: Guard, what: str = "run.model") -> list[dict[str, Any]]:
    records = guard.ports.ledger.records
    return [dict(r.request.action.properties) for r in records if r.request.action.name == what]


async def create(models):
    return (await got(models.generate_content(model=MODEL, contents=QUESTION))).text


async def stream(models):
    chunks = await each(await got(models.generate_content_stream(model=MODEL, contents=QUESTION)))
    return "".join(chunk.text or "" for chunk in chunks)


def prepare(server, way, cut=0):
    if way is create:
        server.answer(answers.gemini(usageMetadata=answers.GEMINI_USAGE))
    else:
        server.answer(events=answers.gemini_events(), cut=cut)


@pytest.mark.parametrize("way", [create, stream], ids=lambda way: way.__name__)
def test_every_call_is_recorded_once_with_its_tokens_and_its_cost(server, asking, way):
    guard = watched()
    prepare(server, way)
    assert asking(way) == answers.SAID
    (call,) = told(guard)
    assert call["cost"] == answers.GEMINI_COST
    assert (call["input_tokens"], call["output_tokens"]) == (1_000, 250)
    assert (call["cached_tokens"], call["reasoning_tokens"]) == (400, 50)
    assert (call["model"], call["finish"]) == (MODEL, "STOP")


@pytest.mark.parametrize("way", [create, stream], ids=lambda way: way.__name__)
def test_a_card_number_never_reaches_the_caller_however_it_is_cut(server, asking, way):
    guard = watched(POLICY, check=True)
    prepare(server, way, cut=11)
    assert asking(way) == "The card is [CARD_1], and that is all there is to say about it."
    assert told(guard)[0]["cost"] == answers.GEMINI_COST


@pytest.mark.parametrize("way", [create, stream], ids=lambda way: way.__name__)
def test_a_denied_prompt_is_not_sent(server, asking, way, monkeypatch):
    monkeypatch.setitem(globals(), "QUESTION", answers.SAID)
    guard = watched(POLICY, check=True)
    with pytest.raises(remit.Denied, match="Personal data stays here"):
        asking(way)
    assert server.requests == []
    assert answers.CARD not in repr(guard.ports.ledger.records)


def test_retries_are_one_call(server, asking):
    guard = watched()
    server.answer({"error": {"code": 503, "message": "busy"}}, status=503)
    server.answer(answers.gemini(usageMetadata=answers.GEMINI_USAGE))
    asking(create)
    assert len(server.requests) == 2
    assert [call["cost"] for call in told(guard)] == [answers.GEMINI_COST]


def test_an_error_passes_through_and_is_recorded(server, asking):
    guard = watched(check=True)
    server.answer({"error": {"code": 400, "message": "no"}}, status=400)
    with pytest.raises(genai.errors.ClientError):
        asking(create)
    (call,) = told(guard)
    assert (call["error"], call["cost"]) == ("ClientError", 0.0)


def test_what_a_model_wants_called_is_recorded_by_name(server, asking):
    guard = watched(check=True)
    body = answers.gemini(usageMetadata=answers.GEMINI_USAGE)
    called = {"functionCall": {"name": "refund", "args": {"card": answers.CARD}}}
    body["candidates"][0]["content"]["parts"] = [called]
    server.answer(body)
    tool = {"function_declarations": [{"name": "refund"}]}

    async def ask(models):
        return await got(
            models.generate_content(model=MODEL, contents=QUESTION, config={"tools": [tool]})
        )

    asking(ask)
    assert told(guard)[0]["tool_calls"] == ("refund",)
    assert told(guard, "model.call")[0]["tools"] == ("refund",)
    assert answers.CARD not in repr(guard.ports.ledger.records)

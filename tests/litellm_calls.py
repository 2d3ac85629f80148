"""Asks LiteLLM in every way and writes down what came of it; run by test_models_litellm.py.

A program of its own: LiteLLM takes seconds to import, and has threads and loops that stay.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import litellm
import model_answers as answers

# Before it is instrumented: what a program has imported by name is watched all the same.
from litellm import acompletion, completion
from provider_server import serving

import remit

POLICY = """
remit: 1
name: models
default: allow
rules:
  - {id: call, action: model.call, effect: allow, obligations: [{type: redact}]}
  - {id: cards, action: model.call, when: size(pii(args.input)) > 0, effect: deny}
"""
NO_CARDS = """
remit: 1
name: models
default: allow
rules:
  - {id: cards, action: model.response, when: size(pii(args.output)) > 0, effect: deny}
"""
PROVIDERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "openai/gpt-4o": (
        {"body": answers.chat()},
        {"events": answers.chat_events(), "done": True, "cut": 11},
    ),
    "anthropic/claude-sonnet-5": (
        {"body": answers.message()},
        {"events": answers.message_events(), "named": True, "cut": 11},
    ),
    "gemini/gemini-2.5-flash": (
        {"body": answers.gemini(usageMetadata=answers.GEMINI_USAGE)},
        {"events": answers.gemini_events(), "cut": 11},
    ),
}


def text(chunk: Any) -> str:
    return (chunk.choices[0].delta.content or "") if chunk.choices else ""


def ask(options: dict[str, Any], *, later: bool) -> str:
    if not later:
        answer = completion(**options)
        if options["stream"]:
            return "".join(map(text, answer))
        return answer.choices[0].message.content

    async def asked() -> str:
        answer = await acompletion(**options)
        if options["stream"]:
            return "".join([text(chunk) async for chunk in answer])
        return answer.choices[0].message.content

    return asyncio.run(asked())


def outcome(server: Any, policy: str, question: str, options: dict[str, Any], later: bool) -> Any:
    guard = remit.Guard(remit.Policy.parse(policy), ledger=remit.MemoryLedger())
    remit.instrument("litellm", guard=guard, check=bool("rules:" in policy))
    options = {**options, "messages": [{"role": "user", "content": question}]}
    before = len(server.requests)
    try:
        heard = ask(options, later=later)
    except Exception as error:  # noqa: BLE001 - what comes out is what is tested
        heard = f"{type(error).__module__}.{type(error).__name__}"
    told = [
        dict(record.request.action.properties)
        for record in guard.ports.ledger.records
        if record.request.action.name == "run.model"
    ]
    return {"heard": heard, "told": told, "sent": len(server.requests) - before}


def main() -> None:
    litellm.suppress_debug_info = True
    found = []
    with serving() as server:
        for model, (whole, parts) in PROVIDERS.items():
            for stream in (False, True):
                for later in (False, True):
                    options = {"model": model, "api_key": "none", "api_base": server.url}
                    options |= {"stream": stream, "num_retries": 0}
                    if stream:
                        options["stream_options"] = {"include_usage": True}
                    case: dict[str, Any] = {"model": model, "stream": stream, "later": later}
                    for name, policy, question in (
                        ("recorded", "{remit: 1, name: m, default: allow}", "Which card?"),
                        ("redacted", POLICY, "Which card?"),
                        ("prompt", POLICY, answers.SAID),
                        ("answer", NO_CARDS, "Which card?"),
                    ):
                        server.answers.clear()
                        server.answer(**(parts if stream else whole))
                        case[name] = outcome(server, policy, question, options, later)
                    found.append(case)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()

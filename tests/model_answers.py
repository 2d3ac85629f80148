"""What providers answer, as their documentation shows it; whole, and as events."""

from __future__ import annotations

from typing import Any

CARD = "4111 1111 1111 1111"
SAID = f"The card is {CARD}, and that is all there is to say about it."
PIECES = [
    "The card ",
    "is 4111 1",
    "111 11",
    "11 1111",
    ", and that is all ",
    "there is to say about it.",
]

CHAT_USAGE = {
    "prompt_tokens": 1_234,
    "completion_tokens": 567,
    "total_tokens": 1_801,
    "prompt_tokens_details": {"cached_tokens": 1_024},
    "completion_tokens_details": {"reasoning_tokens": 300},
}
CHAT_COST = 0.007475
"""gpt-4o: 210 at 2.50, 1,024 at 1.25 and 567 at 10 dollars a million."""
RESPONSES_USAGE = {
    "input_tokens": 1_234,
    "input_tokens_details": {"cached_tokens": 1_024, "cache_write_tokens": 0},
    "output_tokens": 567,
    "output_tokens_details": {"reasoning_tokens": 300},
    "total_tokens": 1_801,
}
RESPONSES_COST = 0.009286
"""gpt-5.4: 210 at 2.50, 1,024 at 0.25 and 567 at 15 dollars a million."""
MESSAGES_USAGE = {
    "input_tokens": 21,
    "cache_creation_input_tokens": 188,
    "cache_read_input_tokens": 1_025,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 88},
    "output_tokens": 393,
    "output_tokens_details": {"thinking_tokens": 100},
    "service_tier": "standard",
}
MESSAGES_COST = 0.004779
"""claude-sonnet-5: 21 at 2, 100 at 2.50, 88 at 4, 1,025 at 0.20, 393 at 10 dollars a million."""
GEMINI_USAGE = {
    "promptTokenCount": 1_000,
    "cachedContentTokenCount": 400,
    "candidatesTokenCount": 200,
    "thoughtsTokenCount": 50,
    "totalTokenCount": 1_250,
}
GEMINI_COST = 0.000817
"""gemini-2.5-flash: 600 at 0.30, 400 at 0.03 and 250 at 2.50 dollars a million."""


def chat(said: str = SAID, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": said, "refusal": None, **more}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-4o-2024-08-06",
        "choices": [
            {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"},
        ],
        "usage": CHAT_USAGE,
        "service_tier": "default",
    }


def chat_events(pieces: list[str] = PIECES) -> list[dict[str, Any]]:
    deltas = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces)]
    return [
        *(chunk(delta) for delta in deltas),
        chunk({}, "stop"),
        {**chunk({}), "choices": [], "usage": CHAT_USAGE},
    ]


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "gpt-4o-2024-08-06",
        "service_tier": "default",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        "usage": None,
    }


def response(*items: dict[str, Any], status: str = "completed") -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": status,
        "model": "gpt-5.4-2026-03-05",
        "instructions": None,
        "output": list(items),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "metadata": {},
        "usage": RESPONSES_USAGE if status == "completed" else None,
        "service_tier": "default",
    }


def item(said: str = SAID, status: str = "completed") -> dict[str, Any]:
    part = {"type": "output_text", "text": said, "annotations": [], "logprobs": []}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": [part] if said else [],
    }


def response_events(pieces: list[str] = PIECES) -> list[dict[str, Any]]:
    said = "".join(pieces)
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = item(said)["content"][0]
    events = [
        {"type": "response.created", "response": response(status="in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": item("", "in_progress")},
        {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
        *(
            {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
            for piece in pieces
        ),
        {"type": "response.output_text.done", **at, "text": said, "logprobs": []},
        {"type": "response.content_part.done", **at, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item(said)},
        {"type": "response.completed", "response": response(item(said))},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def message(*blocks: dict[str, Any], stop: str | None = "end_turn") -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5",
        "content": list(blocks) or [{"type": "text", "text": SAID}],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": MESSAGES_USAGE,
    }


def message_events(pieces: list[str] = PIECES) -> list[dict[str, Any]]:
    start = {**message(stop=None), "content": [], "usage": {**MESSAGES_USAGE, "output_tokens": 1}}
    return [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": piece},
            }
            for piece in pieces
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 393, "output_tokens_details": {"thinking_tokens": 100}},
        },
        {"type": "message_stop"},
    ]


def gemini(said: str = SAID, finish: str | None = "STOP", **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": [{"text": said}]}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-2.5-flash", **more}


def gemini_events(pieces: list[str] = PIECES) -> list[dict[str, Any]]:
    *first, last = pieces
    usage = {"usageMetadata": GEMINI_USAGE}
    return [*(gemini(piece, None) for piece in first), gemini(last, **usage)]

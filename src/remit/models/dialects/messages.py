"""Anthropic's messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from remit.models.dialects.dialect import Body, Channel, Piece, Prompt, mapping, members, named
from remit.models.usage import Answer, ToolCall, Usage, count

_NOT_TEXT = frozenset({"type", "signature"})
_DELTAS = {"text": "text_delta", "partial_json": "input_json_delta", "thinking": "thinking_delta"}
_USUAL = {
    "service_tier": frozenset({None, "standard"}),
    "speed": frozenset({None, "standard"}),
    "inference_geo": frozenset({None, "", "global", "not_available"}),
}
"""What does not change the price. Whatever else is said of a usage may."""


class Messages:
    """`content`, a list of blocks, and events that open, fill and close them."""

    def prompt(self, body: Body) -> Prompt:
        """What *body* asks."""
        asked = body.get("messages", body.get("prompt", body.get("requests")))
        return Prompt(asked, body.get("system"), named(body.get("tools")))

    def read(self, body: Body, answer: Answer) -> None:
        """Note what a message says."""
        answer.model = str(body.get("model") or answer.model)
        answer.finish = str(body.get("stop_reason") or answer.finish)
        for place, block in enumerate(members(body.get("content"))):
            _called(place, block, answer)
        _used(body.get("usage"), answer)

    def hear(self, event: Body, answer: Answer) -> None:
        """Note what an event says. The counts in later events take the place of earlier ones."""
        kind = event.get("type")
        if kind == "message_start":
            self.read(mapping(event.get("message")), answer)
        elif kind == "content_block_start":
            _called(event.get("index", 0), mapping(event.get("content_block")), answer)
        elif kind == "content_block_delta":
            made = answer.tools.get(event.get("index", 0))
            if made is not None:
                made.arguments += str(mapping(event.get("delta")).get("partial_json") or "")
        elif kind == "message_delta":
            delta = mapping(event.get("delta"))
            answer.finish = str(delta.get("stop_reason") or answer.finish)
            _used(event.get("usage"), answer)

    def told(self, body: Body) -> Any:
        """The content of a message; what a block begins with, or goes on with."""
        for name in ("content", "content_block", "delta"):
            if name in body:
                return body[name]
        return mapping(body.get("message")).get("content", body.get("completion"))

    def pieces(self, event: Body) -> Iterator[Piece]:
        """The texts of a delta, and those with which a block begins."""
        begins = event.get("type") == "content_block_start"
        inner = event.get("content_block" if begins else "delta")
        if not isinstance(inner, dict) or not (
            begins or event.get("type") == "content_block_delta"
        ):
            return
        for name, text in inner.items():
            # Of a block that begins only what its deltas go on with; its id and name are whole.
            told = name in _DELTAS if begins else name not in _NOT_TEXT
            if told and isinstance(text, str):
                yield _piece((event.get("index", 0), name), text, inner, name)

    def ended(self, event: Body) -> Iterable[Channel]:
        """A block ends when it is closed, and everything with the message."""
        if event.get("type") == "content_block_stop":
            return [(event.get("index", 0),)]
        return [()] if event.get("type") in {"message_delta", "message_stop"} else []

    def last(self, event: Body) -> bool:
        """The message is over."""
        return event.get("type") == "message_stop"

    def event(self, channel: Channel, text: str, like: dict[str, Any]) -> dict[str, Any]:
        """A delta of the block."""
        del like
        index, name = channel
        delta = {"type": _DELTAS.get(name, f"{name}_delta"), name: text}
        return {"type": "content_block_delta", "index": index, "delta": delta}


def _piece(channel: Channel, text: str, owner: dict[str, Any], name: str) -> Piece:
    return Piece(channel, text, lambda other: owner.__setitem__(name, other))


def _called(place: object, block: Body, answer: Answer) -> None:
    if block.get("type") == "tool_use":
        given = block.get("input")
        arguments = json.dumps(given, ensure_ascii=False) if given else ""
        answer.tools[place] = ToolCall(str(block.get("name") or ""), arguments)


def _used(used: Any, answer: Answer) -> None:
    if not isinstance(used, dict):
        return
    before = answer.usage or Usage()
    cached = count(used.get("cache_read_input_tokens")) or before.cached
    written = count(used.get("cache_creation_input_tokens"))
    written = written or before.written + before.written_longer
    lives = mapping(used.get("cache_creation"))
    longer = count(lives.get("ephemeral_1h_input_tokens")) or before.written_longer
    earlier = before.input - before.cached - before.written - before.written_longer
    fresh = count(used.get("input_tokens")) or earlier
    thought = mapping(used.get("output_tokens_details")).get("thinking_tokens")
    answer.usage = Usage(
        input=fresh + cached + written,
        output=count(used.get("output_tokens")),
        cached=cached,
        written=max(written - longer, 0),
        written_longer=longer,
        reasoning=count(thought) or before.reasoning,
        besides=_besides(used) or before.besides,
    )


def _besides(used: Body) -> str:
    for name, usual in _USUAL.items():
        if used.get(name) not in usual:
            return f"{name} {used[name]}"
    served = mapping(used.get("server_tool_use"))
    return next((name for name, times in served.items() if count(times)), "")

"""OpenAI's responses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from remit.models.dialects.dialect import Body, Channel, Piece, Prompt, mapping, members, named
from remit.models.usage import Answer, ToolCall, Usage, count

_USUAL_TIERS = frozenset({None, "auto", "default", "standard"})
_LAST = ("response.completed", "response.failed", "response.incomplete")
_PLACE = ("output_index", "type", "item_id", "content_index", "summary_index")
_PRICED = frozenset(
    {"message", "reasoning", "function_call", "custom_tool_call", "compaction", "mcp_list_tools"}
)
"""Items that are paid for by their tokens alone."""


class Responses:
    """`output`, a list of items, and events named by their types."""

    def prompt(self, body: Body) -> Prompt:
        """What *body* asks."""
        return Prompt(body.get("input"), body.get("instructions"), named(body.get("tools")))

    def read(self, body: Body, answer: Answer) -> None:
        """Note what a response says."""
        answer.model = str(body.get("model") or answer.model)
        if body.get("status") != "in_progress":
            why = mapping(body.get("incomplete_details")).get("reason")
            answer.finish = str(why or body.get("status") or answer.finish)
        items = members(body.get("output"))
        for place, item in enumerate(items):
            _called(place, item, answer)
        used = body.get("usage")
        if isinstance(used, dict):
            answer.usage = _usage(used, _besides(body, items))

    def hear(self, event: Body, answer: Answer) -> None:
        """Note what an event says; what it says at the end is all of it."""
        if isinstance(event.get("response"), dict):
            self.read(event["response"], answer)
        if event.get("type") == "response.output_item.done":
            _called(event.get("output_index", 0), mapping(event.get("item")), answer)

    def told(self, body: Body) -> Any:
        """The items of a response; an event itself, if it tells of none."""
        response = body.get("response")
        if isinstance(response, dict):
            return response.get("output")
        return body.get("output") if body.get("object") == "response" else body

    def pieces(self, event: Body) -> Iterator[Piece]:
        """`delta`, in the events that add to something."""
        kind, delta = event.get("type"), event.get("delta")
        if not isinstance(delta, str) or not isinstance(event, dict):
            return
        if isinstance(kind, str) and kind.endswith(".delta"):
            yield Piece(_channel(event), delta, lambda text: event.__setitem__("delta", text))

    def ended(self, event: Body) -> Iterable[Channel]:
        """An item ends with its `done`, and everything with the response."""
        kind = str(event.get("type"))
        if kind in _LAST:
            return [()]
        return (
            [(event["output_index"],)] if kind.endswith(".done") and "output_index" in event else []
        )

    def last(self, event: Body) -> bool:
        """The response is over."""
        return event.get("type") in _LAST

    def event(self, channel: Channel, text: str, like: dict[str, Any]) -> dict[str, Any]:
        """Another of the events that add to the channel."""
        place = dict(zip(_PLACE, channel, strict=True))
        known = {name: value for name, value in place.items() if value is not None}
        told = {"sequence_number": like["sequence_number"]} if "sequence_number" in like else {}
        event: dict[str, Any] = {**told, **known, "delta": text}
        if place["type"] == "response.output_text.delta":
            event["logprobs"] = []
        return event


def _channel(event: Body) -> Channel:
    return tuple(event.get(name) for name in _PLACE)


def _called(place: object, item: Body, answer: Answer) -> None:
    if item.get("type") in {"function_call", "custom_tool_call"}:
        arguments = str(item.get("arguments") or item.get("input") or "")
        answer.tools[place] = ToolCall(str(item.get("name") or ""), arguments)


def _besides(body: Body, items: list[dict[str, Any]]) -> str:
    tier = body.get("service_tier")
    if tier not in _USUAL_TIERS:
        return f"service tier {tier}"
    return next((str(item.get("type")) for item in items if item.get("type") not in _PRICED), "")


def _usage(used: Body, besides: str) -> Usage:
    read, wrote = (mapping(used.get(f"{side}_tokens_details")) for side in ("input", "output"))
    written = count(read.get("cache_write_tokens"))
    longer = count(mapping(read.get("cache_write_tokens_details")).get("ttl_12h_tokens"))
    return Usage(
        input=count(used.get("input_tokens")),
        output=count(used.get("output_tokens")),
        cached=count(read.get("cached_tokens")),
        written=max(written - longer, 0),
        written_longer=longer,
        reasoning=count(wrote.get("reasoning_tokens")),
        besides=besides,
    )

"""Chat completions, completions and embeddings, as OpenAI and many others offer them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from remit.models.dialects.dialect import Body, Channel, Piece, Prompt, mapping, members, named
from remit.models.usage import Answer, ToolCall, Usage, count

_NOT_TEXT = frozenset({"id", "name", "role", "type"})
_USUAL_TIERS = frozenset({None, "auto", "default", "standard"})


class Chat:
    """`choices`, and `delta` in each event."""

    def prompt(self, body: Body) -> Prompt:
        """What *body* asks; what a system says is one of the messages."""
        asked = next((body[name] for name in ("messages", "prompt", "input") if name in body), None)
        tools = named(body.get("tools"), "function") + named(body.get("functions"))
        return Prompt(asked, None, tools)

    def read(self, body: Body, answer: Answer) -> None:
        """Note what a whole answer says."""
        _about(body, answer)
        for choice in members(body.get("choices")):
            answer.finish = str(choice.get("finish_reason") or answer.finish)
            _called(choice, mapping(choice.get("message")), answer)

    def hear(self, event: Body, answer: Answer) -> None:
        """Note what an event says."""
        _about(event, answer)
        for choice in members(event.get("choices")):
            answer.finish = str(choice.get("finish_reason") or answer.finish)
            _called(choice, mapping(choice.get("delta")), answer)

    def told(self, body: Body) -> Any:
        """The choices."""
        return body.get("choices")

    def pieces(self, event: Body) -> Iterator[Piece]:
        """Every text in a delta that is not a name."""
        for choice in members(event.get("choices")):
            index = choice.get("index", 0)
            if isinstance(choice.get("text"), str):
                yield _piece((index, "text"), choice, "text")
            if isinstance(choice.get("delta"), dict):
                yield from _leaves((index, "delta"), choice["delta"])

    def ended(self, event: Body) -> Iterable[Channel]:
        """A choice ends with a reason."""
        return [
            (choice.get("index", 0),)
            for choice in members(event.get("choices"))
            if choice.get("finish_reason")
        ]

    def last(self, event: Body) -> bool:
        """What is no event says so: `[DONE]`."""
        del event
        return False

    def event(self, channel: Channel, text: str, like: dict[str, Any]) -> dict[str, Any]:
        """A chunk with one choice."""
        index, *path = channel
        choice = {"index": index, "finish_reason": None, "logprobs": None, **_nested(path, text)}
        envelope = {name: value for name, value in like.items() if name != "usage"}
        return {**envelope, "choices": [choice]}


def _about(body: Body, answer: Answer) -> None:
    answer.model = str(body.get("model") or answer.model)
    used = body.get("usage")
    if isinstance(used, dict):
        tier = body.get("service_tier")
        answer.usage = _usage(used, "" if tier in _USUAL_TIERS else f"service tier {tier}")


def _usage(used: Body, besides: str) -> Usage:
    read, wrote = (mapping(used.get(f"{side}_tokens_details")) for side in ("prompt", "completion"))
    if count(read.get("audio_tokens")) or count(wrote.get("audio_tokens")):
        besides = "audio"
    return Usage(
        input=count(used.get("prompt_tokens")),
        output=count(used.get("completion_tokens")),
        cached=count(read.get("cached_tokens")),
        written=count(read.get("cache_write_tokens")),
        reasoning=count(wrote.get("reasoning_tokens")),
        besides=besides,
    )


def _called(choice: Body, said: Body, answer: Answer) -> None:
    # A chunk says which call it adds to; in a whole answer they stand in order.
    for place, call in enumerate(members(said.get("tool_calls"))):
        what = mapping(call.get("function") or call.get("custom"))
        key = (choice.get("index", 0), call.get("index", place))
        made = answer.tools.setdefault(key, ToolCall(""))
        made.name += str(what.get("name") or "")
        made.arguments += str(what.get("arguments") or what.get("input") or "")
    if old := mapping(said.get("function_call")):
        made = answer.tools.setdefault((choice.get("index", 0), "function_call"), ToolCall(""))
        made.name += str(old.get("name") or "")
        made.arguments += str(old.get("arguments") or "")


def _piece(channel: Channel, owner: dict[str, Any], name: str) -> Piece:
    return Piece(channel, owner[name], lambda text: owner.__setitem__(name, text))


def _leaves(path: Channel, owner: dict[str, Any]) -> Iterator[Piece]:
    for name, value in owner.items():
        if isinstance(value, str) and name not in _NOT_TEXT:
            yield _piece((*path, name), owner, name)
        elif isinstance(value, dict):
            yield from _leaves((*path, name), value)
        else:
            for place, item in enumerate(members(value)):
                yield from _leaves((*path, name, item.get("index", place)), item)


def _nested(path: list[Any], text: str) -> dict[str, Any]:
    """*text* at the end of *path*, in which a number is the place in a list."""
    value: Any = text
    for step in reversed(path):
        value = [{"index": step, **value}] if isinstance(step, int) else {step: value}
    found: dict[str, Any] = value
    return found

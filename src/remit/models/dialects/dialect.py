"""What is said on the wire to a model, and what it answers, whoever made the model.

A dialect reads. It also says which texts of an event are pieces of a longer one, so that
what spans events can be found in them; everything else in an event stands for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from remit.models.usage import Answer

Channel: TypeAlias = tuple[Any, ...]
"""Where a text that comes in pieces stands in the answer; part of it leads to all that begin so."""
Body: TypeAlias = Mapping[str, Any]


class Piece(NamedTuple):
    """A part of the text of one channel, and how to put another in its place."""

    channel: Channel
    text: str
    put: Callable[[str], None]


class Prompt(NamedTuple):
    """What a model is asked, by the words all dialects share."""

    input: Any
    system: Any
    tools: Sequence[str]


class Dialect(Protocol):
    """One of the ways in which models are spoken to."""

    def prompt(self, body: Body, /) -> Prompt:
        """What *body* asks."""
        ...

    def read(self, body: Body, answer: Answer, /) -> None:
        """Note what *body*, a whole answer, says."""
        ...

    def hear(self, event: Body, answer: Answer, /) -> None:
        """Note what *event*, a part of an answer, says."""
        ...

    def told(self, body: Body, /) -> Any:
        """What of *body*, an answer or an event, the model has written."""
        ...

    def pieces(self, event: Body, /) -> Iterator[Piece]:
        """The pieces of longer texts in *event*."""
        ...

    def ended(self, event: Body, /) -> Iterable[Channel]:
        """The channels of which *event* is, or comes after, the last."""
        ...

    def last(self, event: Body, /) -> bool:
        """Whether nothing comes after *event*; False where that is said otherwise."""
        ...

    def event(self, channel: Channel, text: str, like: dict[str, Any], /) -> dict[str, Any]:
        """An event that adds *text* to *channel*, in the stream that *like* is from."""
        ...


ASKED = frozenset({"model", "messages", "input", "prompt", "contents", "system", "instructions"})
"""What of a body a prompt has under names of its own."""

WRITTEN_BY_SERVERS = frozenset(
    {
        "created", "created_at", "encrypted_content", "event_id", "finish_reason", "id", "item_id",
        "model", "modelVersion", "object", "obfuscation", "previous_response_id", "responseId",
        "role", "service_tier", "signature", "status", "stop_reason", "system_fingerprint",
        "thoughtSignature", "type",
    }
)  # fmt: skip
"""Members that say something about an answer, and are not written by the model."""


def texts(value: Any) -> Iterator[str]:
    """The texts in *value* that a model may have written."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, member in value.items():
            if name not in WRITTEN_BY_SERVERS:
                yield from texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def named(tools: Any, *path: str) -> list[str]:
    """The names of *tools*; of one that has none, its type."""
    names = []
    for tool in tools if isinstance(tools, list) else ():
        inner = tool
        for step in path:
            inner = inner.get(step, inner) if isinstance(inner, Mapping) else inner
        if isinstance(inner, Mapping):
            names.append(str(inner.get("name") or inner.get("type") or ""))
    return names


def mapping(value: Any) -> Mapping[str, Any]:
    """*value*, or nothing if it is not what the dialect says it is."""
    return value if isinstance(value, Mapping) else {}


def members(value: Any) -> list[dict[str, Any]]:
    """The mappings in *value*, a list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


_LOGPROBS = frozenset({"logprobs", "logprobs_result", "logprobsResult"})


def forget_tokens(value: Any) -> None:
    """Take out of *value* the tokens that repeat a text beside them: nothing is found in those."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name in _LOGPROBS:
                value[name] = [] if isinstance(member, list) else None
            else:
                forget_tokens(member)
    elif isinstance(value, list):
        for item in value:
            forget_tokens(item)

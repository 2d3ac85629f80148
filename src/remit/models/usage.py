"""What one call of a model used, in the same terms whoever answered it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as they are billed."""

    input: int = 0
    """All that was read, whether from a cache or not."""
    output: int = 0
    """All that was written, reasoning included."""
    cached: int = 0
    """Of the input: what was read from a cache."""
    written: int = 0
    """Of the input: what was written to a cache, for the shortest time it can be."""
    written_longer: int = 0
    """Of the input: what was written to a cache for longer."""
    reasoning: int = 0
    """Of the output: what the caller does not see."""
    besides: str = ""
    """What is billed in another way than by these tokens, such as searches or a faster tier."""


@dataclass(slots=True)
class Answer:
    """What is known so far of what a model answered."""

    model: str = ""
    usage: Usage | None = None
    """None as long as the provider has not said."""
    finish: str = ""
    tools: dict[object, ToolCall] = field(default_factory=dict)


@dataclass(slots=True)
class ToolCall:
    """A tool that the model wants called."""

    name: str
    arguments: str = ""


def count(value: object) -> int:
    """A number of tokens, as a provider may or may not have said it."""
    return value if isinstance(value, int) and value > 0 else 0

"""One file per engine: the corpus in its words, and its calls as its documentation shows them.

Each file offers

- `decider(variant, rules)`: a function from a neutral request to what it takes
  to get an answer, from building the engine's own request to reading its verdict:
  `(effect, ids of the rules named)`;
- `prepared(variant, request)`: what that function is given; the request itself, unless
  the variant is one that has the engine's own request made beforehand;
- `tools(variant, folder)`: a governed tool that does nothing, and one that is refused;
- `version()`: what was measured.

They are read by the interpreter of their own environment and import nothing but
the engine and the standard library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

Verdict: TypeAlias = tuple[str, tuple[str, ...]]
Decide: TypeAlias = Callable[[Any], Verdict]


class CannotSay(Exception):
    """The engine has no words for this corpus; the message says which are missing."""


class Work:
    """What the tools do: nothing, but it shows."""

    def __init__(self) -> None:
        self.looked_up = 0
        self.wiped = 0

    def lookup(self, order: str, amount: int) -> int:
        """The one that the policy allows."""
        self.looked_up += 1
        return amount if order else 0

    def wipe(self, order: str, amount: int) -> int:
        """The one that must not run."""
        self.wiped += 1
        return amount if order else 0


@dataclass(frozen=True, slots=True)
class Tools:
    """A governed tool, one that is refused, and how to tell."""

    work: Work
    """What they work on."""
    call: Callable[[], Any]
    """Calls the tool that the policy allows."""
    refused: Callable[[], Any] | None = None
    """Calls the tool that the policy does not allow. None: a floor, which governs nothing."""
    refusal: type[BaseException] | Callable[[Any], bool] = Exception
    """The exception that says no, or what tells from the value returned that it was no."""
    asynchronous: bool = False
    records: Callable[[], int] = lambda: 0
    """How many audit records there are."""
    per_call: int = 0
    """How many audit records one call makes."""
    close: Callable[[], Any] = lambda: None


TOOLS = ("search", "read", "list", "quote", "lookup", "notify", "draft", "rate", "tag", "close")
"""What the ten rules of the policy for calls allow. The fifth is called."""


@dataclass(frozen=True, slots=True)
class Observing:
    """An observed function that does nothing, and a step told in a run that is under way."""

    run: Callable[[], Any]
    step: Callable[[], Any]
    inside: Callable[[Callable[[], Any]], Any]
    """Calls what it is given in a run, and returns its value."""
    ran: Callable[[], int]
    """How often the function ran."""
    kept: Callable[[], dict[str, int]] = dict
    """How many records of each kind are kept, once all is written; nothing where nobody says."""

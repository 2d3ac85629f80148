"""A dry run: what would be decided, before anything is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from remit.model import Decision, Request


@dataclass(frozen=True, slots=True)
class Plan:
    """Requests and what would be decided on each, in order."""

    steps: tuple[tuple[Request, Decision], ...]

    def __iter__(self) -> Iterator[tuple[Request, Decision]]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def allowed(self) -> bool:
        """Whether every step may happen without asking anybody."""
        return all(decision.allowed for _, decision in self.steps)

    def summary(self) -> str:
        """A line for each step, and a last one that counts them."""
        words = [word(decision) for _, decision in self.steps]
        lines = [
            f"{index:>3}  {word(decision):<5}  {request.action.name}  {decision.reason}"
            for index, (request, decision) in enumerate(self.steps, 1)
        ]
        count = ", ".join(f"{words.count(each)} {each}" for each in ("allow", "ask", "deny"))
        return "\n".join([*lines, f"{len(words)} steps: {count}"])


def word(decision: Decision) -> str:
    """What policy authors call the decision: allow, ask or deny."""
    return "ask" if decision.approval else decision.effect.value

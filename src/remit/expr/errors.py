"""What can go wrong with a condition: its text (`ExprError`), or its evaluation (`EvalError`)."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from remit.errors import RemitError


class ExprError(RemitError):
    """A text that is no usable expression, and the place in it to mend.

    `offset` counts code points from 0; `line` and `column` count from 1.
    """

    def __init__(self, message: str, text: str, offset: int, length: int = 1) -> None:
        self.message = message
        self.text = text
        self.offset = min(offset, len(text))
        self.length = max(length, 1)
        before = text[: self.offset]
        self.line = before.count("\n") + 1
        self.column = self.offset - (before.rfind("\n") + 1) + 1
        super().__init__(f"{self.line}:{self.column}: {message}")


class EvalError(RemitError):
    """An expression that has no value for the data at hand."""


def render(error: ExprError) -> str:
    """The line at fault and, under it, carets below the part at fault."""
    line = error.text.split("\n")[error.line - 1]
    # Tabs stay tabs, so that the caret stands under its character however wide they are shown.
    margin = "".join("\t" if char == "\t" else " " for char in line[: error.column - 1])
    width = max(1, min(error.length, len(line) - error.column + 1))
    return f"{line}\n{margin}{'^' * width} {error.message}"


def suggest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'amount'?` when a known word is close enough, else nothing."""
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""

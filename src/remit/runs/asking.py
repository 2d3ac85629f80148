"""`input()`, on record: what a person was asked, what they answered, and how long they took."""

from __future__ import annotations

import builtins
import time

from remit.acting import who_acts
from remit.default import recording_guard
from remit.runs.run import Run
from remit.runs.telling import current_run


def input(prompt: object = "", /) -> str:  # noqa: A001 - it behaves like the function of this name
    """Like the builtin: write *prompt*, read a line.

    Question, answer and seconds are recorded in the run under way, or, where there is none, by
    the default guard. At the end of input EOFError is raised as ever, and recorded.
    """
    began = time.monotonic()
    try:
        answer = builtins.input(prompt)
    except BaseException as error:
        _told(prompt, None, began, type(error).__qualname__)
        raise
    _told(prompt, answer, began)
    return answer


def _told(prompt: object, answer: str | None, began: float, error: str = "") -> None:
    run = current_run() or Run(recording_guard(), who_acts())
    ended = {"error": error} if error else {}
    seconds = time.monotonic() - began
    run.tell("input", prompt=str(prompt), answer=answer, seconds=seconds, **ended)

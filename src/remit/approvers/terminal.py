"""An approver at the terminal: shows what would happen and reads y or n.

What cannot be seen cannot be approved: control characters, line breaks and
characters that reorder or hide text are written as escapes. Without a terminal
to ask at, and at the end of input, the answer is no.
"""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Callable
from typing import TextIO

from remit.approvers.question import about
from remit.model import Approval, ApprovalRequest, Subject
from remit.visible import literal, visible


class TerminalApprover:
    """Asks whoever sits at the terminal.

    Args:
        approver: in whose name the answers are given; none means the user logged in.
        source: where answers are read from; none means standard input.
        screen: where questions are shown; none means standard error.
    """

    def __init__(
        self,
        approver: Subject | None = None,
        *,
        source: TextIO | None = None,
        screen: TextIO | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.approver = approver or Subject("user", login())
        self.source = source
        self.screen = screen
        self.clock = clock

    def ask(self, question: ApprovalRequest, /) -> tuple[Approval, ...]:
        """Show *question* and wait for a y or an n."""
        source, screen = self.source or sys.stdin, self.screen or sys.stderr
        approved, reason = False, "there is no terminal to ask at"
        if source.isatty():
            print(describe(question), file=screen)
            approved, reason = _read(source, screen), ""
        return (Approval(approved, self.approver, question.digest, self.clock(), reason),)


def describe(question: ApprovalRequest) -> str:
    """What a person has to know to answer *question*, one fact a line."""
    lines = [f"{name:>10}  {visible(fact)}" for name, fact in about(question).items() if fact]
    lines += [
        f"{'with':>10}  {visible(name)} = {visible(literal(value))}"
        for name, value in question.request.action.properties.items()
    ]
    return "\n".join(lines)


def _read(source: TextIO, screen: TextIO) -> bool:
    while True:
        print("   approve?  [y/n] ", end="", file=screen, flush=True)
        line = source.readline()
        answer = line.strip().casefold()
        if answer in {"y", "yes"}:
            return True
        # A line without its end is the end of input, whatever it says.
        if not line or answer in {"n", "no"}:
            return False


def login() -> str:
    """Who is logged in; `terminal` where the system does not say."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "terminal"

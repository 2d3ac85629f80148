"""The one way to standard output and standard error.

What a policy, a ledger or a file holds was written by somebody else: whatever a
terminal would obey or hide is shown as an escape, in text and in JSON alike.
On a terminal lines are wrapped, tables cut to its width and words coloured;
elsewhere, or with NO_COLOR, there is plain text and a record is one line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from remit.visible import json_line, json_text, visible

if TYPE_CHECKING:
    from rich.console import RenderableType

Part: TypeAlias = str | tuple[str, str]
"""A text, or a text and its style."""

STYLES = {
    "allow": "green", "ask": "yellow", "deny": "red",
    "returned": "green", "raised": "red", "refused": "red", "asked": "yellow",
    "low": "green", "medium": "yellow", "high": "red", "critical": "bold red",
    "error": "red", "warning": "yellow", "passed": "green", "failed": "red",
    "matched": "bold", "erred": "red", "lifted": "yellow", "not matched": "dim",
    "whole": "green", "NOT WHOLE": "bold red", "NOT SIGNED": "bold red",
}  # fmt: skip


def styled(word: str) -> Part:
    """*word* in the colour it always has."""
    return (word, STYLES.get(word, ""))


def say(*parts: Part, indent: int = 0) -> None:
    """Print one line."""
    if not (parts and _on_terminal()):
        print(" " * indent + "".join(_text(part) for part in parts))
        return
    from rich.padding import Padding
    from rich.text import Text

    line = Text.assemble(*((_text(part), _style(part)) for part in parts))
    _draw(Padding(line, (0, 0, 0, indent), expand=False))


def facts(told: Mapping[str, str], *, indent: int = 2) -> None:
    """Print names and what is to be said of them, one below the other; nothing of what is empty."""
    told = {name: fact for name, fact in told.items() if fact}
    width = max(map(len, told), default=0)
    if not _on_terminal():
        for name, fact in told.items():
            say(f"{name.ljust(width)}  {fact}", indent=indent)
        return
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid("", "", padding=(0, 2, 0, 0))
    grid.columns[0].no_wrap = True
    grid.columns[1].overflow = "fold"
    for name, fact in told.items():
        grid.add_row(Text(visible(name), "dim"), visible(fact))
    _draw(Padding(grid, (0, 0, 0, indent), expand=False))


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[Part]],
    *,
    flexible: int = 1,
    whole: bool = False,
) -> None:
    """Print *rows* in columns; the *flexible* last ones give way where a terminal is narrow.

    With *whole* they are folded and not cut: what somebody answers for has to be seen.
    """
    rows = [tuple(row) for row in rows]
    if not _on_terminal():
        lines = [header, *([_text(cell) for cell in row] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            print("  ".join(padded).rstrip())
        return
    from rich.table import Table
    from rich.text import Text

    grid = Table(*header, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in grid.columns[:-flexible]:
        column.no_wrap = True
    for column in grid.columns if whole else ():
        column.overflow = "fold"
    cut: Any = {} if whole else {"no_wrap": True, "overflow": "ellipsis"}
    for row in rows:
        grid.add_row(*(Text(_text(cell), _style(cell), **cut) for cell in row))
    _draw(grid)


def count(number: int, noun: str) -> str:
    """`1 record`, `2 records`."""
    return f"{number} {noun}" + "s" * (number != 1)


def emit(value: Any) -> None:
    """Print *value* as a JSON document."""
    print(json_text(msgspec.json.format(msgspec.json.encode(value), indent=2)))


def emit_line(value: Any) -> None:
    """Print *value* as one line of JSON Lines."""
    print(json_line(value))


def warn(message: str) -> None:
    """Print one line on standard error."""
    print(f"remit: {visible(message)}", file=sys.stderr)


def _draw(drawing: RenderableType) -> None:
    from rich.console import Console

    plain = bool(os.environ.get("NO_COLOR"))
    console = Console(
        color_system=None if plain else "auto", highlight=False, markup=False, emoji=False
    )
    # Captured, because rich answers a broken pipe in a way of its own.
    with console.capture() as captured:
        console.print(drawing)
    sys.stdout.write(captured.get())


def _on_terminal() -> bool:
    return sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))


def _text(part: Part) -> str:
    return visible(part if isinstance(part, str) else part[0])


def _style(part: Part) -> str:
    return "" if isinstance(part, str) else part[1]

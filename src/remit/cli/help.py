"""How help looks: columns without boxes, the same in a terminal, a pipe and the documentation."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

WIDEST = 100


class Help:
    """Formats help for cyclopts."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:  # noqa: ARG002 - cyclopts gives them
        """Show one group of arguments, options or commands."""
        if not panel.entries:
            return
        names = [", ".join(entry.display_labels_with_metavar) for entry in panel.entries]
        left = max(map(len, names)) + 4
        right = max(_width(console) - left, 24)
        _line(console, "")
        _line(console, f"{panel.title}:", "bold")
        for name, entry in zip(names, panel.entries, strict=True):
            first, *others = textwrap.wrap(_about(entry), right) or [""]
            _line(console, f"  {name}".ljust(left) + first)
            for other in others:
                _line(console, " " * left + other)

    def render_usage(self, console: Console, options: ConsoleOptions, usage: Any) -> None:  # noqa: ARG002 - as above
        """Show how the command is called."""
        _line(console, f"Usage: {str(usage).strip()}")

    def render_description(self, console: Console, options: ConsoleOptions, about: Any) -> None:  # noqa: ARG002 - as above
        """Show what the command does, and its examples as they were written."""
        for paragraph in _plain(about).split("\n\n"):
            _line(console, "")
            if paragraph.lstrip().startswith("remit "):
                for line in paragraph.splitlines():
                    _line(console, f"  {line.strip()}")
                continue
            for line in textwrap.wrap(paragraph, _width(console)):
                _line(console, line)


def _about(entry: HelpEntry) -> str:
    parts = [_plain(entry.description)]
    if entry.choices:
        parts.append(f"[{', '.join(entry.choices)}]")
    if entry.env_var:
        parts.append(f"[variable: {', '.join(entry.env_var)}]")
    if entry.default:
        parts.append(f"[default: {entry.default}]")
    if entry.required:
        parts.append("[required]")
    return " ".join(" ".join(parts).split())


def _plain(about: Any) -> str:
    text = getattr(about, "primary_renderable", about)
    return str(getattr(text, "plain", text or "")).rstrip()


def _width(console: Console) -> int:
    return min(console.width, WIDEST)


def _line(console: Console, text: str, style: str = "") -> None:
    # With NO_COLOR rich would still print it bold.
    style = "" if console.no_color else style
    console.print(text.rstrip(), style=style, markup=False, highlight=False, soft_wrap=True)

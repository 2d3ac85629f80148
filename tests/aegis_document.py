"""The document of Aegis that its programs are from, repaired: its text has lost all indentation.

What is taken from it is found by the lines around it, and indented by rules that hold in that
document:

- what follows a line that opens a block is inside; what stands in brackets is left alone;
- a block of `for`, `if` or `with` has one statement;
- a function ends with its `return`, or before what can only stand at the top;
- in a class there are functions only.
"""

from __future__ import annotations

import io
import os
import re
import tokenize
from pathlib import Path

SEEDS = Path(
    os.environ.get("REMIT_SEEDS") or Path(__file__).resolve().parents[2] / "shared" / "seeds"
)

TOP = re.compile(r"(@|class |(async )?def |asyncio\.run\(|hooks = |# -- (?!Check)|# Sync )")


def find() -> Path | None:
    """Where the document is; None if it is not here."""
    for path in sorted(SEEDS.glob("*.txt")):
        with path.open(encoding="utf-8") as file:
            if file.readline().startswith("Add Governance to OpenAI Agents"):
                return path
    return None


class Document:
    def __init__(self, path: Path) -> None:
        self.lines = path.read_text("utf-8").splitlines()

    def between(self, first: str, end: str, *, after: str = "") -> list[str]:
        """The lines from the one that begins with *first* to before the one that does with *end*.

        They are looked for *after* a line that begins so.
        """
        start = self._find(after, 0) if after else 0
        start = self._find(first, start)
        return self.lines[start : self._find(end, start + 1)]

    def _find(self, text: str, start: int) -> int:
        return next(i for i in range(start, len(self.lines)) if self.lines[i].startswith(text))

    def python(self, first: str, end: str, *, after: str = "") -> str:
        """The program there, indented, with our import root."""
        text = indented(self.between(first, end, after=after))
        return re.sub(r"\bfrom aegis\b", "from remit.compat.aegis", text)

    def yaml(self, first: str, end: str, *, after: str = "") -> str:
        """The policy there, indented."""
        return "\n".join(_yaml(self.between(first, end, after=after))) + "\n"

    def table(self, first: str, end: str) -> dict[str, str]:
        """A table of two columns, as its cells stand one below the other."""
        cells = [line.strip(" |") for line in self.between(first, end) if line.endswith(" |")]
        return dict(zip(cells[::2], cells[1::2], strict=False))


def indented(lines: list[str]) -> str:
    out: list[str] = []
    blocks: list[str] = []
    for statement in _statements(lines):
        first = statement[0]
        if TOP.match(first):
            inside = blocks and blocks[0] == "class" and first.startswith(("async def", "def"))
            del blocks[1 if inside else 0 :]
        elif blocks == ["class"] and not first.startswith('"""'):
            blocks.clear()
        out += ["    " * len(blocks) + line if line else line for line in statement]
        if first.startswith(("#", "@")):
            continue
        if statement[-1].endswith(":"):
            blocks.append(re.sub(r"^async ", "", first).split(maxsplit=1)[0].strip(":"))
            continue
        if first.startswith("return"):
            while blocks and blocks.pop() != "def":
                pass
        while blocks and blocks[-1] in {"for", "if", "with"}:
            blocks.pop()
    return "\n".join(out) + "\n"


def _statements(lines: list[str]) -> list[list[str]]:
    """Lines that belong together because of a bracket or a long text that is open."""
    found: list[list[str]] = []
    current: list[str] = []
    for line in lines:
        current.append(line)
        if _closed("\n".join(current)):
            found.append(current)
            current = []
    return found + ([current] if current else [])


def _closed(text: str) -> bool:
    depth = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text + "\n").readline):
            depth += (
                (token.string in "([{") - (token.string in ")]}")
                if token.type == tokenize.OP
                else 0
            )
    except (tokenize.TokenError, IndentationError) as error:
        return "multi-line" not in str(error)
    return depth == 0


def _yaml(lines: list[str]) -> list[str]:
    out: list[str] = []
    section = ""
    for line in lines:
        key = line.lstrip("- ").split(":")[0]
        if key in {"version", "defaults", "rules"}:
            section = key
            out.append(line)
        elif line.startswith(("#", "- ")):
            out.append("  " * (section == "rules") + line)
        elif section == "defaults":
            out.append(f"  {line}")
        else:
            deep = key in {"type", "target", "time_after", "time_before"}
            out.append("    " + "  " * deep + line)
    return out

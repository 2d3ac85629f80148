"""Documentation is executed: what it shows is what happens.

The fenced blocks of a page run from top to bottom in one folder and one
namespace. What a block is for stands behind its fence:

    ```yaml remit.yaml      a file of that name is written, of any language
    ```python               is run; a block of the page may use what earlier ones defined
    ```python example.py    is written, to be run by a console block
    ```console              every `$ command` is run, and its output compared; `...` stands
                            for any text
    ```sh                   anything else is only shown
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    page for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md") for page in ROOT.glob(pattern)
)
FENCE = re.compile(r"^```(\w+)(?: +(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    language: str
    name: str | None
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(found[1], found[2], found[3], text.count("\n", 0, found.start()) + 2)
        for found in FENCE.finditer(text)
    ]


def commands(text: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output shown below it."""
    found = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [(command, output) for command, _, output in (each.partition("\n") for each in found)]


def shown_as(output: str) -> re.Pattern[str]:
    lines = [re.escape(line.rstrip()) for line in output.strip().splitlines()]
    return re.compile("\n".join(lines).replace(r"\.\.\.", ".*"), re.DOTALL)


def run_console(block: Block, folder: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    plain = {"PATH": path, "HOME": str(folder), "NO_COLOR": "1", "COLUMNS": "100", "TERM": "dumb"}
    for command, output in commands(block.text):
        done = subprocess.run(
            ["bash", "-c", f"{command} 2>&1"],
            cwd=folder, env=plain, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip
        printed = "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())
        assert shown_as(output).fullmatch(printed), (
            f"$ {command}\n{printed}\n--- shown as\n{output}"
        )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_shows_is_what_happens(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__docs__"}
    for block in blocks(page):
        if block.name is not None:
            target = tmp_path / block.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            # The line numbers of a traceback are those of the page.
            code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
            exec(code, namespace)
        elif block.language == "console":
            run_console(block, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_to_a_file_leads_to_one(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_the_readme_can_be_read_in_three_minutes():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) < 600

"""Every command explains itself, and docs/cli.md shows what it says.

`python tests/test_cli_help.py` writes what the commands say into the page.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from pathlib import Path

import pytest

from remit.cli import main
from remit.cli.app import COMMANDS, GROUPS
from remit.cli.exits import Exit

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"
HELP = re.compile(
    r"(?<=^```console\n)\$ (remit\b[^\n]* --help)\n(.*?)(?=^```$)", re.DOTALL | re.MULTILINE
)
PATHS = ["", *GROUPS, *COMMANDS, "import audit"]
PATHS += [f"{group} {name}" for group, (_, commands) in GROUPS.items() for name in commands]
WIDTH = "100"


def said(command):
    """What *command* says of itself, in lines of 100 columns."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = main([*command.split()[1:]])
    assert code == 0
    return out.getvalue()


@pytest.fixture
def help_of(monkeypatch):
    monkeypatch.setenv("COLUMNS", WIDTH)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return lambda path: said(f"remit {path} --help")


@pytest.mark.parametrize("path", PATHS)
def test_a_command_says_what_it_does_in_one_sentence_and_how(help_of, path):
    usage, _, about, *rest = help_of(path).splitlines()
    assert usage.startswith(f"Usage: remit {path}".rstrip())
    assert about[0].isupper()
    assert about[-1] in ".?"
    if path not in GROUPS:
        assert any(line.startswith("  remit ") for line in rest)


@pytest.mark.parametrize("path", PATHS)
def test_every_argument_and_option_is_described(help_of, path):
    entries = re.findall(r"^  ((?:--|[A-Z]{2})[^\n]*)$", help_of(path), re.MULTILINE)
    for entry in entries:
        assert re.search(r"\S  +\S", entry), f"{path}: {entry} is not described"


@pytest.mark.parametrize("path", PATHS)
def test_the_page_shows_the_help_of_every_command(help_of, path):
    shown = dict(HELP.findall(PAGE.read_text("utf-8")))
    assert shown.get(f"remit {path}".rstrip() + " --help") == help_of(path)


def test_options_with_a_variable_name_it(help_of):
    assert "[variable: REMIT_LEDGER]" in " ".join(help_of("log list").split())
    assert "[variable: REMIT_POLICY]" in " ".join(help_of("explain").split())


def test_the_exit_codes_are_in_the_help_and_in_the_page(help_of):
    page = PAGE.read_text("utf-8")
    for code in Exit:
        assert f"| {code.value} |" in page
        assert f"\n  {code.value} " in help_of("")


def rewrite():
    os.environ["COLUMNS"] = WIDTH
    page = PAGE.read_text("utf-8")
    PAGE.write_text(HELP.sub(lambda found: f"$ {found[1]}\n{said(found[1])}", page), "utf-8")


if __name__ == "__main__":
    sys.exit(rewrite())

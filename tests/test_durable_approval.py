"""The example that waits: its page runs (test_docs.py), and is about the files beside it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "examples" / "durable_approval"
SHOWN = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_shows_the_files_as_they_are():
    shown = dict(SHOWN.findall((FOLDER / "README.md").read_text("utf-8")))
    files = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir() if path.is_file()}
    assert shown == {name: text for name, text in files.items() if name != "README.md"}


@pytest.fixture
def run(tmp_path):
    for path in FOLDER.glob("*.*"):
        shutil.copy(path, tmp_path)

    def run(program: str, *arguments: str) -> str:
        command = [sys.executable, f"{program}.py", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout

    return run


def test_what_was_refused_never_happens_though_policy_comes_to_allow_it(run, tmp_path):
    run("refunds", "--at", "09:00")
    run("manager", "refuse", "--at", "10:00")
    policy = tmp_path / "remit.yaml"
    asking = policy.read_text()
    allowing = asking.replace("<= 100\n", "<= 1000\n").replace("> 100\n", "> 1000\n")
    for text in (asking, allowing):
        policy.write_text(text)
        printed = run("refunds", "--at", "10:05")
        assert "user:maria refused" in printed
        assert "the bank has paid nothing" in printed


def test_an_answer_taken_up_too_late_is_too_old(run):
    run("refunds", "--at", "09:00")
    run("manager", "approve", "--at", "10:00")
    printed = run("refunds", "--at", "10:16")
    assert "waits for a manager" in printed
    assert "the bank has paid nothing" in printed

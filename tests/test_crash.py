"""A few of the schedules of `crash_matrix.py`, and that it would notice what it looks for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("crash_matrix.py")
SUMMARY = re.compile(
    r"(\w+): (\d+) lines, (\d+) schedules, (\d+) processes killed, (\d+) violations"
)


def crash(*options):
    """Schedules, deaths and violations; and everything that was printed."""
    command = [sys.executable, PROGRAM, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode in {0, 1}, done.stderr
    _, _, *counts = SUMMARY.search(done.stdout).groups()
    return [*map(int, counts)], done.stdout


@pytest.mark.parametrize(("ledger", "points"), [("sqlite", 20), ("postgres", 6)])
def test_a_process_killed_anywhere_leaves_what_others_can_go_on_with(ledger, points):
    (schedules, deaths, violations), printed = crash(
        "--ledger", ledger, "--points", str(points), "--seed", "7"
    )
    assert violations == 0, printed
    assert deaths >= schedules * 0.8


@pytest.mark.parametrize(
    ("broken", "message"), [("use", "large was done|reused"), ("start", "small was done 1 times")]
)
def test_what_the_matrix_looks_for_it_would_notice(broken, message):
    (_, _, violations), printed = crash("--points", "6", "--seed", "3", "--without", broken)
    assert violations
    assert re.search(message, printed)

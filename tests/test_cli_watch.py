"""`remit watch` checks again whenever a policy changes."""

from __future__ import annotations

import signal
import subprocess

import pytest
from cli_shell import SCRIPT, environment

GOOD = "remit: 1\nname: n\nrules: [{id: a, action: x, effect: allow}]\n"
BAD = "remit: 1\nname: n\nruels: []\n"


@pytest.fixture
def watching(tmp_path):
    (tmp_path / "remit.yaml").write_text(GOOD, "utf-8")
    child = subprocess.Popen(
        [SCRIPT, "watch", "--every", "0.02"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=environment(),
    )  # fmt: skip
    yield child
    child.kill()
    child.wait(60)
    child.stdout.close()


def test_a_policy_is_checked_now_and_when_it_changes_until_interrupted(watching, tmp_path):
    said = watching.stdout
    assert said.readline() == "1 file, 1 rule: nothing found\n"
    (tmp_path / "remit.yaml").write_text(BAD, "utf-8")
    assert said.readline() == "\n"
    assert "remit.yaml:3:1: unknown key 'ruels'" in said.readline()
    assert said.readline() == "1 file: 1 error\n"
    (tmp_path / "remit.yaml").unlink()
    assert said.readline() == "\n"
    assert "the file cannot be read" in said.readline()
    (tmp_path / "remit.yaml").write_text(GOOD, "utf-8")
    assert said.readline() == "\n"
    assert said.readline() == "1 file, 1 rule: nothing found\n"
    watching.send_signal(signal.SIGINT)
    assert watching.wait(60) == 130

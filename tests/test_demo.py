"""The support desk: the story it tells is what happens, wherever its folder lies."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("agents")

from remit.policy import Policy, cases
from remit.sources import load

FOLDER = Path(__file__).parent.parent / "examples" / "support_desk"


@pytest.fixture
def demo(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return importlib.import_module("support_desk.main")


def ask(folder: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "shop.db")) as database:
        return database.execute(sql).fetchall()


def test_the_story_holds_and_the_database_agrees(demo, tmp_path):
    assert demo.main(folder=tmp_path) == 0
    assert ask(tmp_path, "SELECT order_id, amount FROM refunds") == [(1001, 20), (1002, 450)]
    assert ask(tmp_path, "SELECT name FROM customers WHERE id = 1") == [("Ada Moreno",)]
    [(body,)] = ask(tmp_path, "SELECT body FROM outbox")
    assert "4111" not in body


def test_it_may_be_run_again_in_the_same_folder(demo, tmp_path):
    assert [demo.main(folder=tmp_path) for _ in range(2)] == [0, 0]
    assert ask(tmp_path, "SELECT count(*) FROM refunds") == [(2,)]


def test_with_nobody_at_the_terminal_the_large_refund_is_not_made(demo, tmp_path, capsys):
    assert demo.main(interactive=True, folder=tmp_path) == 0
    assert ask(tmp_path, "SELECT order_id FROM refunds") == [(1001,)]
    assert "refused by maria" in capsys.readouterr().out


@pytest.mark.parametrize(
    "policy",
    [
        "{id: all, action: '*', effect: allow}",
        "{id: none, action: '*', effect: deny}",
    ],
)
def test_it_fails_where_the_facts_are_others_than_the_story_tells(
    demo, tmp_path, monkeypatch, capsys, policy
):
    loose = tmp_path / "remit.yaml"
    loose.write_text(f"remit: 1\nname: other\nrules:\n  - {policy}\n")
    monkeypatch.setattr(demo, "POLICY", loose)
    assert demo.main(folder=tmp_path) == 1
    assert "WRONG" in capsys.readouterr().out


@pytest.mark.parametrize(("no_color", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_refusals_are_red_on_a_terminal_that_wants_color(
    demo, tmp_path, monkeypatch, capsys, *, no_color, colored
):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in no_color.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    demo.main(folder=tmp_path)
    assert ("\x1b[31m" in capsys.readouterr().out) is colored


def test_it_runs_wherever_it_lies_and_under_any_name(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("__pycache__"))
    plain = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "elsewhere"],
        cwd=tmp_path, env={**plain, "TMPDIR": str(tmp_path)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.search(r"send_email .* denied +no-card-numbers", ended.stdout)


def test_the_tests_of_its_policy_pass_and_miss_no_rule():
    file = FOLDER / "refunds.remit-test.yaml"
    policy: Policy = load(FOLDER / "remit.yaml")
    outcomes = [cases.run(policy, case) for case in cases.load(file.read_bytes(), str(file)).cases]
    assert [str(outcome) for outcome in outcomes if not outcome.passed] == []
    assert cases.untested(policy, outcomes) == ()

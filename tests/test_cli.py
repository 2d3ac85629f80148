"""The command line as a whole: how commands end, and what a terminal or a pipe gets to see."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from cli_shell import SCRIPT, Shell, environment, process, terminal
from hypothesis import given
from hypothesis import strategies as st
from ledger_contract import append, record

from remit.audit.record import Kind
from remit.cli.moment import moment, shown
from remit.ledgers.sqlite import SqliteLedger
from remit.visible import json_line

ESCAPE = "\x1b["


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("REMIT_POLICY", "REMIT_LEDGER", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return Shell(capsys)


@pytest.fixture
def ledger(tmp_path):
    """A ledger in the place where commands look for it."""
    path = tmp_path / ".remit" / "ledger.db"
    path.parent.mkdir()
    with SqliteLedger(path) as ledger:
        append(ledger, record(amount=5), record(Kind.RETURNED))
    return path


def test_the_console_script_and_the_function_are_the_same_command(remit, tmp_path):
    assert remit("version", "--json").out == process("version", "--json").out


def test_version_names_remit_python_and_the_platform(remit):
    facts = remit("version", "--json").json
    assert list(facts) == ["remit", "python", "platform"]
    assert all(facts.values())
    assert facts["remit"] in remit("version").out


def test_version_is_an_option_too(remit):
    assert remit("--version").out == f"remit {remit('version', '--json').json['remit']}\n"


def test_a_full_disk_is_told_in_one_line(ledger, tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [SCRIPT, "log", "list"], stdout=full, stderr=subprocess.PIPE, text=True,
            cwd=tmp_path, env=environment(), check=False, timeout=60,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        3, "remit: No space left on device\n"
    )  # fmt: skip


def test_without_a_command_there_is_help(remit):
    assert remit().out == remit("--help").out
    assert remit("log").out == remit("log", "--help").out


@pytest.mark.parametrize(
    "arguments",
    [
        ["chek"],
        ["check", "--strickt"],
        ["explain"],
        ["log", "list", "--limit", "-1"],
        ["log", "list", "--limit", "many"],
        ["log", "list", "--kind", "odd"],
        ["log", "list", "--since", "yesteryear"],
        ["log", "export", "--format", "xml"],
        ["completion", "tcsh"],
        ["explain", "\udcff"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_cannot_be_understood_ends_with_2_and_one_line(remit, arguments):
    ended = remit(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1


def test_a_usage_error_suggests_what_was_meant_and_where_help_is(remit):
    assert 'Did you mean "check"?' in remit("chek").err
    assert remit("log", "list", "--sincce", "1d").err.endswith("See 'remit log list --help'.\n")


def test_without_the_cli_extra_one_line_names_the_cure():
    program = (
        "import sys; sys.modules['cyclopts'] = None\n"
        "from remit.cli import main; sys.exit(main(['version']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'remit[cli]'" in done.stderr


def test_an_interrupt_ends_with_130_and_without_a_traceback(tmp_path):
    policy, fifo = tmp_path / "remit.yaml", tmp_path / "fifo"
    policy.write_text("remit: 1\n")
    os.mkfifo(fifo)
    child = subprocess.Popen(
        [SCRIPT, "explain", "refund", "--policy", policy, "--args", f"@{fifo}"],
        stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    # Opening blocks until the command is waiting at the other end.
    with fifo.open("w"):
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (130, "")


@pytest.mark.parametrize("arguments", [["log", "export"], ["log", "list"], ["version"]])
def test_a_reader_that_goes_away_is_no_error_to_talk_about(ledger, tmp_path, arguments):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [SCRIPT, *arguments], stdout=writer, stderr=subprocess.PIPE, text=True,
        cwd=tmp_path, env=environment(), check=False, timeout=60,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_there_is_a_completion_script_for_every_shell(remit, shell):
    script = remit("completion", shell).out
    assert "remit" in script
    assert "checkpoint" in script


def test_the_completion_script_is_one_that_bash_accepts(remit, tmp_path):
    script = tmp_path / "remit.bash"
    script.write_text(remit("completion", "bash").out)
    program = f"source {script}; complete -p remit"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert "remit" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [["log", "list"], ["log", "show", "0"], ["log", "verify"], ["check"], ["explain", "refund"],
     ["--help"], ["log", "list", "--help"]],
    ids=" ".join,
)  # fmt: skip
def test_colour_is_for_terminals_without_no_color(ledger, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "remit.yaml").write_text(
        "remit: 1\nrules:\n  - {id: a, action: refund, effect: deny}\n"
    )
    assert ESCAPE in terminal(*arguments)
    assert ESCAPE not in terminal(*arguments, NO_COLOR="1")
    assert ESCAPE not in terminal(*arguments, TERM="dumb")
    piped = process(*arguments).out
    assert piped
    assert ESCAPE not in piped


def test_a_terminal_gets_no_line_that_is_wider_than_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    long = "x" * 60
    with SqliteLedger(tmp_path / "ledger.db") as ledger:
        append(ledger, record(subject=f"agent:{long}", action=long, rules=(long, long)))
    for arguments in (["list"], ["show", "0"], ["verify"]):
        shown = terminal("log", *arguments, "--ledger", "ledger.db", NO_COLOR="1")
        assert max(map(len, shown.splitlines())) <= 80
        assert not set(shown) & set("│┃─━┌┏╭")


def test_a_pipe_gets_every_record_in_one_line_and_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    long = "x" * 300
    with SqliteLedger(tmp_path / "ledger.db") as ledger:
        append(ledger, record(action=long))
    header, line = process("log", "list", "--ledger", "ledger.db").out.splitlines()
    assert header.startswith("record  time (UTC)")
    assert long in line


def test_the_variables_say_what_the_options_would(remit, ledger, tmp_path, monkeypatch):
    (tmp_path / "a.yaml").write_text(
        "remit: 1\nrules:\n  - {id: a, action: refund, effect: allow}\n"
    )
    (tmp_path / "b.yaml").write_text("remit: 1\ndefault: abstain\n")
    moved = ledger.rename(tmp_path / "elsewhere.db")
    (tmp_path / ".remit" / "ledger.db.pub").rename(tmp_path / "elsewhere.db.pub")
    assert remit("explain", "refund").code == 3
    assert remit("log", "list").code == 4
    monkeypatch.setenv("REMIT_POLICY", os.pathsep.join(["a.yaml", "b.yaml"]))
    monkeypatch.setenv("REMIT_LEDGER", str(moved))
    assert remit("explain", "refund").code == 0
    assert remit("check", "--json").json["files"] == ["a.yaml", "b.yaml"]
    assert remit("log", "verify").code == 0


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_json_in_one_line_means_the_same_and_hides_nothing(value):
    line = json_line(value)
    assert msgspec.json.decode(line) == value
    assert line.isprintable()


@given(st.integers(0, 2**52))
def test_a_moment_that_is_shown_can_be_given(microseconds):
    text = shown(microseconds)
    assert moment(text) == microseconds * 1000
    assert moment(text.removesuffix("Z")) == microseconds * 1000


def test_output_that_the_locale_cannot_write_is_escaped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "remit.yaml").write_text(
        "remit: 1\nrules:\n  - {id: a, action: refund, effect: deny, reason: zu groß}\n", "utf-8"
    )
    ended = process("explain", "refund", PYTHONIOENCODING="ascii")
    assert (ended.code, ended.err) == (1, "")
    assert r"zu gro\xdf" in ended.out


def test_the_demo_runs_from_a_source_tree(tmp_path):
    pytest.importorskip("agents")
    ended = process("demo", "--folder", str(tmp_path / "demo"), OPENAI_API_KEY="")
    assert ended.code == 0, ended.err
    assert (tmp_path / "demo" / "ledger.db").is_file()

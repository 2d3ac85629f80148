"""Runs `remit` as a user would: in this process, in another one, or on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from remit.cli import main

SCRIPT = Path(sys.executable).with_name("remit")


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return msgspec.json.decode(self.out)

    @property
    def lines(self):
        return [msgspec.json.decode(line) for line in self.out.splitlines()]


class Shell:
    """`remit("check", "x.yaml")`, in a folder of its own and without the user's variables."""

    def __init__(self, capsys):
        self.capsys = capsys

    def __call__(self, *arguments):
        self.capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = self.capsys.readouterr()
        assert "Traceback" not in err
        assert all(line.startswith("remit: ") for line in err.splitlines()), err
        return Ended(int(code), out, err)


def environment(**variables):
    plain = {name: value for name, value in os.environ.items() if not name.startswith("REMIT_")}
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        plain.pop(name, None)
    return {**plain, "TERM": "xterm-256color", **variables}


def process(*arguments, stdin="", **variables):
    """The console script, in a process of its own."""
    done = subprocess.run(
        [SCRIPT, *arguments], input=stdin, capture_output=True, text=True, check=False,
        env=environment(**variables), timeout=120,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


def terminal(*arguments, **variables):
    """What the console script shows on a terminal of 80 columns, escape sequences and all."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [SCRIPT, *arguments], stdin=theirs, stdout=theirs, stderr=theirs,
        env=environment(COLUMNS="80", LINES="40", **variables),
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            read = os.read(ours, 65536)
        except OSError:  # a terminal whose other end is closed
            read = b""
        if not read:
            break
        shown += read
    os.close(ours)
    child.wait(60)
    return shown.decode().replace("\r\n", "\n")

"""Records as lines: text for the eye and JSON for a log, without what nobody asked for."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import threading

import pytest

import remit
from remit import Denied, Guard, MemoryLedger, Policy
from remit.telemetry import ConsoleReader, JsonReader

POLICY = Policy.parse("""
remit: 1
rules:
  - {id: small, action: refund, when: args.amount <= 100, effect: allow}
  - {id: large, action: refund, when: args.amount > 100, effect: deny, reason: too much}
""")


def lines_of(reader_type, tell, **options):
    stream = io.StringIO()
    guard = Guard(POLICY, ledger=MemoryLedger(), readers=[reader_type(stream, **options)])
    with remit.run("triage", agent="support", guard=guard) as run:
        tell(guard)
    return run, stream.getvalue().splitlines()


def everything(guard):
    remit.step("read", output="secret\x1b[2J")
    remit.tag("customer", "c-17")
    guard.call(guard.request("refund", amount=5), lambda: 5)
    with pytest.raises(Denied):
        guard.call(guard.request("refund", amount=500), lambda: 5)
    with pytest.raises(LookupError):
        guard.call(guard.request("refund", amount=6), lambda: {}["x"])


def test_every_record_is_a_line_of_text():
    run, lines = lines_of(ConsoleReader, everything, content=True)
    told = [" ".join(line.split()[1:]) for line in lines]
    head = f"run {run.id} agent:support"
    assert told[:-1] == [
        f"{head} start",
        f"{head} step read, output=secret\\x1b[2J",
        f"{head} tag key=customer, value=c-17",
        f"{head} refund(amount=5) started (small)",
        f"{head} refund(amount=5) returned (small)",
        f"{head} refund(amount=500) refused (large): too much",
        f"{head} refund(amount=6) started (small)",
        f"{head} refund(amount=6) raised KeyError (small)",
    ]
    assert told[-1].startswith(f"{head} end attempt=1, steps=1")


def test_every_record_is_a_line_of_json():
    run, lines = lines_of(JsonReader, everything, content=True)
    told = [json.loads(line) for line in lines]
    assert [one["kind"] for one in told] == [
        "noted", "noted", "noted", "started", "returned", "refused", "started", "raised", "noted",
    ]  # fmt: skip
    assert {one["run"] for one in told} == {run.id}
    assert told[1]["facts"] == {"name": "read", "output": "secret\x1b[2J"}
    assert told[5]["decision"]["effect"] == "deny"
    assert told[5]["decision"]["rules"] == ["large"]
    assert told[7]["error"] == "KeyError"


@pytest.mark.parametrize("reader", [ConsoleReader, JsonReader])
def test_content_is_shown_only_where_it_is_switched_on(reader):
    _, lines = lines_of(reader, everything)
    text = "\n".join(lines)
    # An id or a moment may have the digits of the amount.
    assert not re.search(r"secret|too much|amount\W+500", text)
    assert "read" in text
    assert "c-17" in text


@pytest.mark.parametrize("reader", [ConsoleReader, JsonReader])
def test_what_others_wrote_cannot_forge_a_line_or_move_a_cursor(reader):
    def hostile(_):
        remit.step("a\nb\x1b]0;x\x07\u202e")
        remit.message("user\r\n2026-05-01  run x", "\x9b2J")

    _, lines = lines_of(reader, hostile, content=True)
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)


def test_threads_write_whole_lines():
    stream = io.StringIO()
    guard = Guard(POLICY, ledger=MemoryLedger(), readers=[JsonReader(stream)])
    with remit.run(agent="support", guard=guard):
        tell = remit.keep_context(lambda: [remit.step("x" * 50) for _ in range(50)])
        threads = [threading.Thread(target=tell) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(json.loads(line)["action"] == "run.step" for line in stream.getvalue().splitlines())


def test_lines_need_no_opentelemetry():
    program = (
        "import sys, remit.telemetry\n"
        "assert not any(name.startswith('opentelemetry') for name in sys.modules)\n"
        "sys.modules['opentelemetry'] = None\n"
        "try:\n    remit.telemetry.OpenTelemetry\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "OpenTelemetry is not installed: pip install 'remit[otel]'\n"
    with pytest.raises(AttributeError, match="no attribute 'Opentelemetry'"):
        remit.telemetry.Opentelemetry  # noqa: B018 - looking is the point

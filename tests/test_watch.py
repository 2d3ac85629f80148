"""A watched policy follows its files, and keeps what it has when they are broken."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import logging
import os
import subprocess
import sys
import threading
import weakref

import pytest

from remit.errors import PolicyError, Unavailable
from remit.guard import Guard
from remit.ledgers.memory import MemoryLedger
from remit.ledgers.sqlite import SqliteLedger
from remit.model import Action, Request, Subject
from remit.watched import watch
from remit.watching import changes

NEVER = 3600.0
"""Seconds between looks where a test looks by itself."""
REQUEST = Request(Subject("agent", "a"), Action("x"))
ALLOW = "remit: 1\nrules: [{id: yes, action: x, effect: allow}]\n"
DENY = "remit: 1\nrules: [{id: no, action: x, effect: deny}]\n"


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "remit.yaml"
    write(file, ALLOW)
    return file


def write(file, text):
    """As editors do: a new file takes the place of the old one."""
    new = file.with_suffix(".new")
    new.write_text(text, "utf-8")
    new.replace(file)


def rules(watched):
    return watched.decide(REQUEST).rules


def test_a_change_is_taken_over_and_told(file):
    told = []
    with watch(file, every=NEVER, on_change=told.append) as policy:
        before = policy.policy
        assert rules(policy) == ("yes",)
        write(file, DENY)
        policy.refresh()
        assert rules(policy) == ("no",)
        assert told == [policy.policy]
        assert before.decide(REQUEST).rules == ("yes",)


def test_a_broken_file_keeps_the_policy_and_is_told_once(file, caplog):
    errors = []
    with watch(file, every=NEVER, on_error=errors.append) as policy:
        write(file, "remit: 1\nruels: []\n")
        policy.refresh()
        policy.refresh()
        assert rules(policy) == ("yes",)
        assert [(error.line, error.column) for error in errors] == [(2, 1)]
        assert "policy kept as it was" in caplog.text
        assert "unknown key 'ruels'" in caplog.text
        write(file, DENY)
        policy.refresh()
        assert rules(policy) == ("no",)


def test_a_file_that_goes_and_comes_back_is_taken_over(file):
    errors = []
    with watch(file, every=NEVER, on_error=errors.append) as policy:
        file.unlink()
        policy.refresh()
        assert rules(policy) == ("yes",)
        assert len(errors) == 1
        write(file, DENY)
        policy.refresh()
        assert rules(policy) == ("no",)


def test_a_file_that_only_looks_changed_swaps_nothing(file):
    told = []
    with watch(file, every=NEVER, on_change=told.append, on_error=told.append) as policy:
        before = policy.policy
        write(file, ALLOW)
        policy.refresh()
        assert policy.policy is before
        assert told == []


def test_files_that_come_to_a_folder_and_leave_it_are_seen(file):
    with watch(file.parent, every=NEVER) as policy:
        more = file.with_name("more.yaml")
        write(more, DENY)
        policy.refresh()
        assert rules(policy) == ("more/no",)
        more.unlink()
        policy.refresh()
        assert rules(policy) == ("yes",)


def test_several_files_are_watched(file, tmp_path):
    other = tmp_path / "elsewhere" / "more.yaml"
    other.parent.mkdir()
    write(other, ALLOW)
    with watch(file, other, every=NEVER) as policy:
        write(other, DENY)
        policy.refresh()
        assert rules(policy) == ("more/no",)


def test_what_a_file_includes_is_watched_also_while_it_is_missing(file, tmp_path):
    errors = []
    part = tmp_path / "parts" / "part.yaml"
    part.parent.mkdir()
    write(part, DENY)
    write(file, f"{ALLOW}include: [parts/part.yaml]\n")
    with watch(file, every=NEVER, on_error=errors.append) as policy:
        assert rules(policy) == ("no",)
        write(part, DENY.replace("no,", "never,"))
        policy.refresh()
        assert rules(policy) == ("never",)
        part.unlink()
        policy.refresh()
        assert rules(policy) == ("never",)
        write(file, f"{ALLOW}include: [parts/other.yaml]\n")
        policy.refresh()
        assert len(errors) == 2
        write(part.with_name("other.yaml"), DENY)
        policy.refresh()
        assert rules(policy) == ("no",)


def test_the_environment_stays_the_one_that_was_asked_for(file):
    here = "environments: {here: {rules: {yes: {effect: deny}}}}\n"
    write(file, ALLOW + here)
    with watch(file, environment="here", every=NEVER) as policy:
        assert not policy.decide(REQUEST).allowed
        write(file, f"{ALLOW}{here}# changed\n")
        policy.refresh()
        assert not policy.decide(REQUEST).allowed


def test_without_a_policy_there_is_nothing_to_keep(tmp_path):
    with pytest.raises(PolicyError, match="cannot be read"):
        watch(tmp_path / "nowhere.yaml")


def test_a_listener_that_fails_does_not_end_the_watch(file, caplog):
    def fail(news):
        raise RuntimeError("not today")

    with watch(file, every=NEVER, on_change=fail) as policy:
        write(file, DENY)
        policy.refresh()
        write(file, ALLOW)
        policy.refresh()
        assert rules(policy) == ("yes",)
        assert caplog.text.count("a listener of a watched policy failed") == 2


BRANCHES = [
    pytest.param(False, id="polling"),
    pytest.param(
        True,
        id="watchfiles",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("watchfiles") is None, reason="watchfiles is not installed"
        ),
    ),
]


@pytest.fixture(params=BRANCHES)
def every(request, monkeypatch):
    """Seconds between looks: few without watchfiles, and with it so many that only it is quick."""
    if request.param:
        return NEVER
    monkeypatch.setattr("remit.watching.find_spec", lambda name: None)
    return 0.01


def test_the_thread_takes_over_what_changes(file, every):
    changed, broken = threading.Event(), threading.Event()
    with watch(
        file, every=every, on_change=lambda _: changed.set(), on_error=lambda _: broken.set()
    ) as policy:
        # Until it listens: what changed before is not told to watchfiles.
        while not broken.wait(0.2):
            write(file, f"remit: 1\nruels: []  # {os.urandom(4).hex()}\n")
        assert rules(policy) == ("yes",)
        write(file, DENY)
        assert changed.wait(30)
        assert rules(policy) == ("no",)


def threads():
    return {thread for thread in threading.enumerate() if thread.name == "remit-watch"}


def test_the_thread_ends_when_it_is_closed(file, every):
    before = threads()
    policy = watch(file, every=every)
    (thread,) = threads() - before
    assert thread.daemon
    policy.close()
    thread.join(30)
    assert not thread.is_alive()
    write(file, DENY)
    assert rules(policy) == ("yes",)


def test_the_thread_ends_when_nobody_holds_the_policy(file, every):
    before = threads()
    policy = watch(file, every=every)
    (thread,) = threads() - before
    gone = weakref.ref(policy)
    del policy
    while gone() is not None:
        gc.collect()
    thread.join(30)
    assert not thread.is_alive()


def test_a_guard_decides_by_the_policy_of_the_moment(file):
    ran = []
    with watch(file, every=NEVER) as policy:
        guard = Guard(policy, ledger=MemoryLedger())
        guard.call(REQUEST, lambda: ran.append(1))
        write(file, DENY)
        policy.refresh()
        assert not guard.decide(REQUEST).allowed
        assert ran == [1]


FORKING = """
import os, sys, threading
from remit.watched import watch
changed = threading.Event()
policy = watch(sys.argv[1], every=0.01, on_change=lambda _: changed.set())
child = os.fork()
if child:
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))
with open(sys.argv[1], "w") as file:
    file.write(sys.argv[2])
os._exit(0 if changed.wait(30) and policy.policy.rules == ("no",) else 1)
"""


def test_a_forked_child_follows_the_files_too(file):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKING, str(file), DENY],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_whoever_asks_for_changes_is_given_one_at_once(file, every):
    seen = changes(file, every=every)
    next(seen)
    found = threading.Event()
    asking = threading.Thread(target=lambda: (next(seen), found.set()), daemon=True)
    asking.start()
    while not found.wait(0.2):
        write(file, f"{DENY}# {os.urandom(4).hex()}\n")
    asking.join(30)


def test_decisions_go_on_while_the_policy_is_replaced(file, caplog):
    caplog.set_level(logging.INFO, logger="remit.watched")
    with watch(file, every=NEVER) as policy:
        stop, wrong = threading.Event(), []

        def ask():
            while not stop.is_set():
                if rules(policy) not in {("yes",), ("no",)}:
                    wrong.append(policy.decide(REQUEST))

        asking = [threading.Thread(target=ask) for _ in range(4)]
        for thread in asking:
            thread.start()
        for text in [DENY, ALLOW] * 10:
            write(file, text)
            policy.refresh()
        stop.set()
        for thread in asking:
            thread.join()
    assert wrong == []
    assert caplog.text.count("policy replaced") == 20


class Fickle(MemoryLedger):
    """A ledger that takes records only while it is up."""

    up = True

    def append(self, record):
        if not self.up:
            raise OSError("the disk is full")
        return super().append(record)


def changes_in(ledger):
    """What was recorded of the policy: the act, and its facts."""
    found = [(each.facts(), each.details()) for each in ledger.entries()]
    assert {facts.kind for facts, _ in found} <= {"changed"}
    assert {facts.subject for facts, _ in found} <= {"service:remit"}
    return [(facts.action, details["args"]) for facts, details in found]


def test_a_change_is_on_record_before_it_counts(file):
    ledger, decided = MemoryLedger(), []

    class Looking(MemoryLedger):
        def append(self, record):
            decided.append(rules(policy))
            return ledger.append(record)

    with watch(file, every=NEVER, ledger=Looking()) as policy:
        before = policy.policy
        write(file, DENY)
        policy.refresh()
        policy.refresh()
        assert decided == [("yes",)]
        assert rules(policy) == ("no",)
        ((act, facts),) = changes_in(ledger)
    assert act == "policy.replaced"
    assert (facts["before"], facts["after"]) == (before.digest, policy.policy.digest)
    assert facts["documents"] == {str(file): policy.policy.documents[0].digest}


def test_a_file_that_cannot_be_used_is_on_record(file):
    ledger = MemoryLedger()
    with watch(file, every=NEVER, ledger=ledger) as policy:
        write(file, "remit: 1\nruels: []\n")
        policy.refresh()
        policy.refresh()
        ((act, facts),) = changes_in(ledger)
    assert act == "policy.kept"
    assert (facts["file"], facts["line"], facts["column"]) == (str(file), 2, 1)
    assert facts["message"].startswith("unknown key 'ruels'")
    assert facts["policy"] == policy.policy.digest


def test_no_record_no_change(file, caplog):
    ledger, errors = Fickle(), []
    with watch(file, every=NEVER, ledger=ledger, on_error=errors.append) as policy:
        ledger.up = False
        write(file, DENY)
        policy.refresh()
        policy.refresh()
        assert rules(policy) == ("yes",)
        assert [type(error) for error in errors] == [Unavailable]
        assert caplog.text.count("the disk is full") == 1
        ledger.up = True
        policy.refresh()
        assert rules(policy) == ("no",)
        assert [act for act, _ in changes_in(ledger)] == ["policy.replaced"]


def test_a_broken_file_is_recorded_once_the_ledger_is_there_again(file):
    ledger, errors = Fickle(), []
    with watch(file, every=NEVER, ledger=ledger, on_error=errors.append) as policy:
        ledger.up = False
        write(file, "nothing")
        policy.refresh()
        policy.refresh()
        assert [type(error) for error in errors] == [PolicyError, Unavailable]
        ledger.up = True
        policy.refresh()
        policy.refresh()
        assert [act for act, _ in changes_in(ledger)] == ["policy.kept"]
        write(file, ALLOW)
        policy.refresh()
        assert [act for act, _ in changes_in(ledger)] == ["policy.kept"]
        write(file, "nothing")
        policy.refresh()
        assert [type(error) for error in errors] == [PolicyError, Unavailable, PolicyError]


def test_changes_stand_among_the_calls_of_a_ledger_on_disk(file, tmp_path):
    with (
        SqliteLedger(tmp_path / "ledger.db") as ledger,
        watch(file, every=NEVER, ledger=ledger) as policy,
    ):
        guard = Guard(policy, ledger=ledger)
        guard.call(REQUEST, lambda: None)
        write(file, DENY)
        policy.refresh()
        assert not guard.decide(REQUEST).allowed
        kinds = [each.facts().kind for each in ledger.select()]
    assert kinds == ["started", "returned", "changed"]


def test_a_ledger_that_needs_an_event_loop_changes_nothing(file):
    class OfALoop(MemoryLedger):
        async def append(self, record):
            await asyncio.sleep(0)
            return super().append(record)

    with watch(file, every=NEVER, ledger=OfALoop()) as policy:
        write(file, DENY)
        policy.refresh()
        assert rules(policy) == ("yes",)


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
def test_a_name_that_is_no_text_does_not_end_the_watch(file):
    changed = threading.Event()
    # Where the system cannot tell of such a name, it is the clock that says when to look.
    with watch(file, every=0.05, on_change=lambda _: changed.set()) as policy:
        (file.parent / os.fsdecode(b"\xff.yaml")).write_text("", "utf-8")
        while not changed.wait(0.2):
            write(file, f"{DENY}# {os.urandom(4).hex()}\n")
        assert rules(policy) == ("no",)


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
def test_a_name_of_a_file_that_is_no_text_can_be_recorded(tmp_path):
    file, ledger = tmp_path / os.fsdecode(b"\xff.yaml"), MemoryLedger()
    write(file, ALLOW.replace("remit: 1\n", "remit: 1\nname: x\n"))
    with watch(file, every=NEVER, ledger=ledger) as policy:
        write(file, DENY.replace("remit: 1\n", "remit: 1\nname: x\n"))
        policy.refresh()
        write(file, "nothing")
        policy.refresh()
    assert [act for act, _ in changes_in(ledger)] == ["policy.replaced", "policy.kept"]

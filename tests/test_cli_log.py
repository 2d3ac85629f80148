"""Commands about ledgers: list, show, verify, export, checkpoint."""

from __future__ import annotations

import csv
import io
import sqlite3
from contextlib import closing

import pytest
from cli_shell import Shell
from ledger_contract import NOON, SECOND, append, record

from remit.audit.checkpoint import open_checkpoint
from remit.audit.note import SigningKey, VerifyingKey
from remit.audit.record import Kind
from remit.canonical import freeze
from remit.ledgers.sqlite import SqliteLedger
from remit.model import Effect, Risk

HOSTILE = "\x1b[31m\u202e\x7f"


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("REMIT_POLICY", "REMIT_LEDGER", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return Shell(capsys)


@pytest.fixture
def path(tmp_path):
    """Four calls on four days: done, refused, failed, and one that never ended."""
    folder = tmp_path / ".remit"
    folder.mkdir()
    day = 86_400 * SECOND
    refused = {"rules": ("large",), "effect": Effect.DENY, "risk": Risk.HIGH, "at": NOON + day}
    with SqliteLedger(folder / "ledger.db") as ledger:
        append(
            ledger,
            record(call="a-1", session="run-1", amount=5),
            record(Kind.RETURNED, "a-1", session="run-1"),
            record(Kind.REFUSED, "a-2", subject="agent:clerk", amount=500, **refused),
            record(call="a-3", action="send_email", at=NOON + 2 * day, to="x"),
            record(Kind.RAISED, "a-3", action="send_email", at=NOON + 2 * day),
            record(call="a-4", at=NOON + 3 * day, amount=7),
        )
    return folder / "ledger.db"


def change(path, *statements):
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def indices(ended):
    return [each["index"] for each in ended.lines]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [0, 1, 2, 3, 4, 5]),
        (["--session", "run-1"], [0, 1]),
        (["--call", "a-3"], [3, 4]),
        (["--subject", "agent:clerk"], [2]),
        (["--subject", "clerk"], [2]),
        (["--action", "send_email"], [3, 4]),
        (["--effect", "deny"], [2]),
        (["--kind", "raised"], [4]),
        (["--risk", "high"], [2]),
        (["--rule", "large"], [2]),
        (["--since", "2026-11-22T12:00:00Z"], [2, 3, 4, 5]),
        (["--until", "2026-11-22T13:00:00+01:00"], [0, 1]),
        (["--since", "2026-11-22", "--until", "2026-11-23"], [2]),
        (["--action", "refund", "--limit", "2"], [2, 5]),
        (["--limit", "0", "--kind", "started"], [0, 3, 5]),
        (["--kind", "answered"], []),
    ],
)
def test_list_and_export_give_the_records_that_have_all_that_is_asked(
    remit, path, options, expected
):
    assert indices(remit("log", "list", "--json", *options)) == expected
    if "--limit" not in options:
        assert indices(remit("log", "export", *options)) == expected


def test_list_shows_a_line_for_each_record(remit, path):
    header, *lines = remit("log", "list").out.splitlines()
    assert header.split() == [
        "record",
        "time",
        "(UTC)",
        "kind",
        "risk",
        "subject",
        "action",
        "rules",
    ]
    assert lines[2].split() == [
        "2", "2026-11-22", "12:00:00", "refused", "high", "agent:clerk", "refund", "large"
    ]  # fmt: skip
    assert remit("log", "list", "--kind", "asked").out == "no such record\n"


def test_list_says_when_it_leaves_records_out(remit, path):
    assert "newest 2" in remit("log", "list", "--limit", "2").err
    assert remit("log", "list", "--limit", "6").err == ""


def test_show_tells_all_of_a_record_and_of_every_record_of_a_call(remit, path):
    out = remit("log", "show", "2").out
    assert "args.amount  500" in " ".join(out.split("\n"))
    assert "because" in out
    assert indices(remit("log", "show", "2", "--json")) == [2]
    assert indices(remit("log", "show", "a-3", "--json")) == [3, 4]
    assert remit("log", "show", "a-3").out.count("record ") == 2


@pytest.mark.parametrize("which", ["99", "a-9", "99999999999999999999"])
def test_show_of_what_is_not_there_fails(remit, path, which):
    ended = remit("log", "show", which)
    assert (ended.code, ended.out) == (1, "")
    assert which in ended.err


def test_a_record_in_json_is_the_leaf_and_the_payload_as_they_are_kept(remit, path):
    with closing(sqlite3.connect(path)) as connection:
        kept = connection.execute("SELECT leaf, payload FROM record")
        for (leaf, body), line in zip(kept, remit("log", "export").out.splitlines(), strict=True):
            assert (
                f'"leaf":{leaf},"payload":{body.decode() if isinstance(body, bytes) else body}}}'
                in line
            )


def test_an_erased_payload_is_null_and_shown_as_erased(remit, path):
    erased = remit("log", "erase", "--subject", "clerk", "--keep-at-least", "none", "--by", "ops")
    assert erased.out == "1 payload erased\n"
    assert remit("log", "show", "2", "--json").lines[0]["payload"] is None
    assert "erased" in remit("log", "show", "2").out
    assert "erased" in remit("log", "verify").out
    assert remit("log", "verify").code == 0


def test_a_whole_ledger_is_said_to_be_with_its_facts(remit, path):
    ended = remit("log", "verify")
    assert ended.code == 0
    assert ended.out.startswith(".remit/ledger.db is whole\n")
    assert "call a-4 started at record 5 and never ended: agent:billing-bot refund" in ended.out
    assert len(ended.out.splitlines()) <= 24
    document = remit("log", "verify", "--json").json
    assert (document["whole"], document["size"], document["signed"]) == (True, 6, 6)
    assert [(each["kind"], each["index"]) for each in document["findings"]] == [("unended", 5)]
    assert document["kept"] is None


def test_a_strict_verification_takes_facts_for_defects(remit, path):
    assert remit("log", "verify", "--strict").code == 1


@pytest.mark.parametrize(
    ("statement", "kind", "index"),
    [
        ("UPDATE record SET leaf = replace(leaf, 'refund', 'review') WHERE seq = 2", "changed", 2),
        ("UPDATE record SET payload = replace(payload, '500', '900') WHERE seq = 2", "payload", 2),
        ("DELETE FROM record WHERE seq = 2", "missing", 2),
        ("DELETE FROM record WHERE seq >= 4", "truncated", 4),
    ],
)
def test_a_ledger_that_is_not_whole_fails_and_the_record_is_named(
    remit, path, statement, kind, index
):
    change(path, statement)
    ended = remit("log", "verify")
    assert ended.code == 1
    assert ended.out.startswith(".remit/ledger.db is NOT WHOLE\n")
    document = remit("log", "verify", "--json").json
    assert document["whole"] is False
    broken = [(each["kind"], each["index"]) for each in document["findings"] if each["breaks"]]
    assert any(found.startswith(kind) and at == index for found, at in broken)
    assert str(index) in ended.out


def test_many_findings_are_counted_and_only_some_shown(remit, tmp_path):
    with SqliteLedger(tmp_path / "l.db") as ledger:
        append(ledger, *(record(call=f"c-{number}") for number in range(30)))
    out = remit("log", "verify", "--ledger", "l.db").out
    assert "and 20 more" in out
    assert len(out.splitlines()) <= 24


def test_a_checkpoint_kept_elsewhere_finds_what_a_forger_hides(remit, path, tmp_path):
    kept = remit("log", "checkpoint")
    assert (kept.code, kept.err) == (0, "")
    (tmp_path / "kept.txt").write_text(kept.out, "utf-8")
    key = VerifyingKey.parse(path.with_name("ledger.db.pub").read_text("utf-8"))
    assert open_checkpoint(kept.out, [key]).size == 6
    ended = remit("log", "verify", "--checkpoint", "kept.txt")
    assert ended.code == 0
    assert "kept.txt: 6 records" in ended.out
    forged = tmp_path / "forged.db"
    origin = key.name
    for suffix in (".key", ".pub"):
        forged.with_name(f"forged.db{suffix}").write_bytes(
            path.with_name(f"ledger.db{suffix}").read_bytes()
        )
    with SqliteLedger(forged, origin=origin) as ledger:
        append(ledger, *(record(call=f"f-{number}") for number in range(6)))
    assert remit("log", "verify", "--ledger", forged).code == 0
    ended = remit("log", "verify", "--ledger", forged, "--checkpoint", "kept.txt")
    assert ended.code == 1
    assert "kept elsewhere" in ended.out


def test_a_key_that_was_kept_elsewhere_is_the_one_that_counts(remit, path, tmp_path):
    pub = path.with_name("ledger.db.pub")
    pub.rename(tmp_path / "kept.pub")
    assert remit("log", "verify", "--key", "kept.pub").code == 0
    ended = remit("log", "verify")
    assert ended.code == 4
    assert "--key" in ended.err
    other = SigningKey.from_seed("remit/other", b"x" * 32).verifying
    (tmp_path / "other.pub").write_text(str(other), "utf-8")
    ended = remit("log", "verify", "--key", "other.pub")
    assert ended.code == 1
    assert "untrusted" in ended.out
    assert "nothing: no checkpoint" in ended.out


def test_a_checkpoint_of_another_ledger_does_not_verify(remit, path, tmp_path):
    with SqliteLedger(tmp_path / "other.db") as ledger:
        append(ledger, record())
    theirs = remit("log", "checkpoint", "--ledger", "other.db").out
    (tmp_path / "theirs.txt").write_text(theirs, "utf-8")
    ended = remit("log", "verify", "--checkpoint", "theirs.txt")
    assert (ended.code, ended.out) == (1, "")
    assert "theirs.txt" in ended.err


@pytest.mark.parametrize("option", ["--key", "--checkpoint"])
def test_a_key_or_checkpoint_file_that_is_none_is_named(remit, path, tmp_path, option):
    (tmp_path / "junk").write_bytes(b"\xff\xfe")
    assert remit("log", "verify", option, "none").code == 3
    ended = remit("log", "verify", option, "junk")
    assert ended.code == 3
    assert "junk" in ended.err
    (tmp_path / "junk").write_text("hello", "utf-8")
    assert "junk" in remit("log", "verify", option, "junk").err


def test_records_behind_the_last_checkpoint_are_counted_and_can_be_signed(remit, path):
    change(path, "DELETE FROM checkpoint")
    assert remit("log", "checkpoint").code == 1
    signed = remit("log", "checkpoint", "--sign")
    assert (signed.code, signed.err) == (0, "")
    assert remit("log", "checkpoint").out == signed.out
    assert remit("log", "checkpoint", "--json").json["size"] == 6


def test_a_ledger_of_which_nothing_is_signed_does_not_verify(remit, path):
    change(path, "DELETE FROM checkpoint")
    ended = remit("log", "verify")
    assert ended.code == 1
    assert ended.out.startswith(".remit/ledger.db is NOT SIGNED\n")
    assert "nothing: no checkpoint" in ended.out
    assert remit("log", "verify", "--json").json["whole"] is False


def test_an_empty_ledger_is_whole(remit, tmp_path):
    SqliteLedger(tmp_path / "l.db").close()
    assert remit("log", "verify", "--ledger", "l.db").code == 0
    assert remit("log", "list", "--ledger", "l.db").out == "no such record\n"
    assert remit("log", "export", "--ledger", "l.db").out == ""


def test_what_is_not_whole_is_not_signed(remit, path):
    change(path, "UPDATE record SET leaf = replace(leaf, 'refund', 'review') WHERE seq = 2")
    ended = remit("log", "checkpoint", "--sign")
    assert (ended.code, ended.out) == (1, "")
    assert "record 2" in ended.err


def test_nobody_signs_without_the_key(remit, path):
    path.with_name("ledger.db.key").unlink()
    ended = remit("log", "checkpoint", "--sign")
    assert (ended.code, ended.out) == (4, "")


@pytest.mark.parametrize("command", ["list", "show", "verify", "export", "checkpoint"])
@pytest.mark.parametrize("kind", ["nothing", "text", "database", "folder", "damaged"])
def test_what_cannot_be_read_as_a_ledger_ends_with_4_and_its_name(
    remit, path, tmp_path, command, kind
):
    file = tmp_path / "odd.db"
    if kind == "text":
        file.write_text("hello " * 100, "utf-8")
    elif kind == "database":
        change(file, "CREATE TABLE t (x)")
    elif kind == "folder":
        file.mkdir()
    elif kind == "damaged":
        content = bytearray(path.read_bytes())
        content[4096 : len(content)] = b"\xff" * (len(content) - 4096)
        file.write_bytes(content)
    arguments = ["0"] if command == "show" else []
    ended = remit("log", command, *arguments, "--ledger", "odd.db")
    assert (ended.code, ended.out) == (4, "")
    assert "odd.db" in ended.err


def test_a_record_that_cannot_be_read_is_named_and_verify_recommended(remit, path):
    change(path, """UPDATE record SET leaf = '{"v":1}' WHERE seq = 2""")
    ended = remit("log", "export")
    assert ended.code == 4
    assert "record 2" in ended.err
    assert "remit log verify" in ended.err
    assert remit("log", "verify").code == 1


def test_csv_has_a_line_for_each_record_under_a_header(remit, path):
    out = remit("log", "export", "--format", "csv").out
    header, *rows = csv.reader(io.StringIO(out))
    assert header[:4] == ["index", "time", "kind", "call"]
    assert len(rows) == 6
    assert dict(zip(header, rows[2], strict=True))["rules"] == "large"


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_cell_of_the_csv_is_a_formula(remit, tmp_path, formula):
    with SqliteLedger(tmp_path / "l.db") as ledger:
        append(ledger, record(action=formula))
    out = remit("log", "export", "--format", "csv", "--ledger", "l.db").out
    (_, row) = csv.reader(io.StringIO(out))
    assert f"'{formula}" in row
    assert formula not in row


def test_export_overwrites_nothing_unless_forced(remit, path, tmp_path):
    assert remit("log", "export", "--output", "out.jsonl").code == 0
    before = (tmp_path / "out.jsonl").read_text("utf-8")
    assert before == remit("log", "export").out
    refused = remit("log", "export", "--output", "out.jsonl", "--kind", "raised")
    assert refused.code == 1
    assert (tmp_path / "out.jsonl").read_text("utf-8") == before
    assert remit("log", "export", "--output", path, "--format", "csv").code == 1
    assert remit("log", "export", "--output", "out.jsonl", "--force", "--kind", "raised").code == 0
    assert len((tmp_path / "out.jsonl").read_text("utf-8").splitlines()) == 1
    assert remit("log", "export", "--output", "no/such/folder/x").code == 3


def test_nothing_from_a_ledger_reaches_the_terminal_unseen(remit, tmp_path):
    with SqliteLedger(tmp_path / "l.db") as ledger:
        append(
            ledger,
            record(
                call=HOSTILE, subject=f"agent:{HOSTILE}", action=HOSTILE, session=HOSTILE,
                rules=(HOSTILE,), **{HOSTILE: freeze(HOSTILE)},
            ),
        )  # fmt: skip
    commands = [["list"], ["show", "0"], ["show", HOSTILE], ["verify"], ["export"],
                ["export", "--format", "csv"], ["list", "--json"], ["show", "0", "--json"],
                ["verify", "--json"]]  # fmt: skip
    for arguments in commands:
        ended = remit("log", *arguments, "--ledger", "l.db")
        assert ended.code == 0
        assert not {"\x1b", "\u202e", "\x7f"} & set(ended.out + ended.err)
        assert "x1b" in ended.out or "u001b" in ended.out
    (line,) = remit("log", "list", "--json", "--ledger", "l.db").lines
    assert line["leaf"]["action"] == HOSTILE
    assert line["payload"]["args"] == {HOSTILE: HOSTILE}


def test_erase_counts_erases_and_says_so_in_the_ledger(remit, path):
    erase = ("log", "erase", "--older-than", "0d", "--by", "user:ops")
    kept = remit(*erase)
    assert (kept.code, kept.out.splitlines()[0]) == (0, "0 payloads erased")
    dry = remit(*erase, "--keep-at-least", "none", "--dry-run")
    assert dry.out.splitlines()[0] == "5 payloads would be erased"
    assert "1 kept: of what is under way" in dry.out
    assert remit("log", "list", "--kind", "changed").out == "no such record\n"
    done = remit(*erase, "--keep-at-least", "0d", "--reason", "spring", "--json").json
    assert (done["count"], done["under_way"], done["scrubbed"]) == (5, 1, True)
    (changed,) = remit("log", "list", "--kind", "changed", "--json").lines
    assert changed["payload"]["args"]["reason"] == "spring"
    assert changed["leaf"]["subject"] == "user:ops"
    verified = remit("log", "verify", "--json").json
    assert (verified["whole"], verified["signed"]) == (True, 7)
    assert remit(*erase, "--keep-at-least", "none", "--abandoned").out == "1 payload erased\n"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ([], "say what to erase: give --older-than"),
        (["--user", ""], "nobody has an empty id"),
        (["--older-than", "soon"], "--older-than: 'soon' is no time"),
        (["--user", "ada", "--keep-at-least", "a while"], "--keep-at-least: 'a while'"),
    ],
)
def test_an_erasure_that_cannot_be_understood_erases_nothing(remit, path, options, why):
    ended = remit("log", "erase", *options)
    assert ended.code == 2
    assert why in ended.err

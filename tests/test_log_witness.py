"""Witnesses: what they cosign has only grown, and a verifier may ask for several of them."""

import json
from pathlib import Path

import pytest
import test_log_tamper as tampered
from cli_shell import Shell
from ledger_contract import a_whole_call, append
from test_log_bundle import LOG, NOTES, build, stranger
from test_log_rotation import BRIDGE, ROTATED, SIGNED
from test_log_tamper import breaks, checkpoint, facts, tamper

from remit.audit.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint_unchecked
from remit.audit.cosignature import WitnessKey, WitnessSigner, time_of
from remit.audit.findings import FindingKind
from remit.audit.note import SigningKey, VerifyingKey, merged, open_note, parse_unchecked
from remit.audit.trust import Trust
from remit.audit.verify import verify
from remit.errors import LogError
from remit.ledgers.bundle import Bundle
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_log import SqliteLog

NOW = 1_795_262_400
OURS = tampered.OURS
ANNA, BELA, CLEO = (WitnessSigner.from_seed(f"witness.example/{n}", n.encode() * 32) for n in "abc")
HEAD = Checkpoint("remit/test", 7, bytes(range(32))).sign(OURS)

# What aics-tlog 0.2.1 makes of this checkpoint, with the seed 00 01 02 … 1f.
VECTOR_KEY = "witness.example/w1+e75f6532+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
VECTOR = (
    "519lMgAAAABrAYfAoajZL+WrTLYEZlRUVzmJhVSOxENMk3l2je/Mn7jlde0X7f1RjpuFFg9JdOddUxExqwvRVqRX4zmj"
    "IzZ3158OBg=="
)


def test_we_cosign_what_another_implementation_cosigns():
    signer = WitnessSigner.from_seed("witness.example/w1", bytes(range(32)))
    assert str(signer.verifying) == VECTOR_KEY
    assert signer.cosign(HEAD, NOW) == f"{HEAD}— witness.example/w1 {VECTOR}\n"
    opened = open_note(signer.cosign(HEAD, NOW), [WitnessKey.parse(VECTOR_KEY)])
    assert [time_of(one) for one in opened.signatures] == [NOW]


def test_a_key_of_a_witness_is_none_of_a_log_and_the_other_way_round():
    with pytest.raises(LogError, match="another kind"):
        VerifyingKey.parse(str(ANNA.verifying))
    with pytest.raises(LogError, match="another kind"):
        WitnessKey.parse(str(OURS.verifying))
    with pytest.raises(LogError, match="another kind"):
        SigningKey.parse(ANNA.secret_text())
    assert WitnessSigner.parse(ANNA.secret_text()) == ANNA
    assert ANNA.seed.hex() not in repr(ANNA)


def test_a_cosignature_is_of_one_text_and_one_time():
    (_, signature) = parse_unchecked(ANNA.cosign(HEAD, NOW)).signatures
    message = parse_checkpoint_unchecked(HEAD).text.encode()
    assert ANNA.verifying.verifies(message, signature.signature)
    assert not ANNA.verifying.verifies(message + b"x\n", signature.signature)
    data = signature.signature
    for at in range(len(data)):
        flipped = data[:at] + bytes([data[at] ^ 0x80]) + data[at + 1 :]
        assert not ANNA.verifying.verifies(message, flipped)
    assert not ANNA.verifying.verifies(message, data[:-1])
    assert not ANNA.verifying.verifies(message, ANNA.sign(message))


def test_a_cosignature_alone_does_not_make_a_checkpoint():
    with pytest.raises(LogError, match="not by a trusted key"):
        open_checkpoint(ANNA.cosign(HEAD, NOW), [tampered.THEIRS.verifying])


def test_signatures_of_one_text_are_put_together_once_each():
    one, other = ANNA.cosign(HEAD, NOW), BELA.cosign(HEAD, NOW)
    both = merged(one, other)
    assert len(parse_unchecked(both).signatures) == 3
    assert merged(both, other) == both
    with pytest.raises(LogError, match="different texts"):
        merged(one, NOTES[0])


def trust(*witnesses, quorum=0, key=OURS):
    return Trust((key.verifying,), (), tuple(one.verifying for one in witnesses), quorum)


def cosigned(note, *witnesses):
    for one in witnesses:
        note = one.cosign(note, NOW)
    return note


BOTH = [cosigned(NOTES[0], ANNA, BELA), cosigned(NOTES[1], ANNA)]


@pytest.mark.parametrize(
    ("trusted", "witnessed"),
    [
        (trust(), 0),
        (trust(ANNA), 8),
        (trust(ANNA, BELA), 4),
        (trust(ANNA, BELA, quorum=1), 8),
        (trust(ANNA, BELA, CLEO, quorum=2), 4),
        (trust(ANNA, BELA, CLEO), 0),
        (trust(ANNA, ANNA), 8),
    ],
)
def test_as_much_is_witnessed_as_enough_of_the_witnesses_saw(trusted, witnessed):
    verification = verify(LOG, BOTH, trusted)
    assert verification.intact
    assert (verification.signed, verification.witnessed) == (8, witnessed)
    expected = [(FindingKind.UNWITNESSED, witnessed)] if trusted.witnesses else []
    assert [one for one in facts(verification) if one[0] is FindingKind.UNWITNESSED] == expected


def test_more_witnesses_than_there_are_cannot_be_asked_for():
    with pytest.raises(ValueError, match="there are 1 witnesses, not 2"):
        trust(ANNA, ANNA, quorum=2)


def test_a_checkpoint_that_a_trusted_witness_did_not_sign_counts_for_nothing():
    forged = BOTH[1].replace("\n8\n", "\n9\n")
    wrong = merged(NOTES[1], ANNA.cosign(NOTES[1], NOW)).replace(
        ANNA.cosign(NOTES[1], NOW).split()[-1], ANNA.cosign(NOTES[0], NOW).split()[-1]
    )
    for note in (forged, wrong):
        assert breaks(verify(LOG, [BOTH[0], note], trust(ANNA))) == [(FindingKind.UNTRUSTED, 1)]
    assert verify(LOG, [BOTH[0], wrong], trust(BELA)).intact


def test_a_history_rewritten_by_whoever_has_the_key_is_witnessed_by_nobody():
    forged = tampered.a_log("d")
    verification = verify(forged, [checkpoint(forged, 10)], trust(ANNA))
    assert verification.intact
    assert (verification.signed, verification.witnessed) == (10, 0)


def test_a_witness_sees_through_a_change_of_keys():
    notes = [*SIGNED[:2], cosigned(BRIDGE, ANNA), *SIGNED[3:]]
    assert verify(ROTATED, notes, trust(ANNA)).witnessed == 9


LOGS = {
    "two and one": (LOG, BOTH, None),
    "kept and cosigned": (LOG, NOTES, BOTH[1]),
    "one that is wrong": (LOG, [BOTH[0], BOTH[1].replace("\n8\n", "\n9\n")], None),
    "rewritten": (tampered.a_log("d"), [checkpoint(tampered.a_log("d"), 8)], BOTH[1]),
}


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("trusted", [trust(ANNA), trust(ANNA, BELA), trust(ANNA, BELA, quorum=1)])
def test_both_verifiers_count_alike(tmp_path, name, trusted):
    log, notes, kept = LOGS[name]
    made = build(tmp_path / "log", log, notes)
    files = []
    for number, witness in enumerate(trusted.witnesses):
        files.append(tmp_path / f"w{number}.pub")
        files[-1].write_text(f"{witness}\n")
    if kept:
        (tmp_path / "kept").write_text(kept)
    given = stranger.Given(None, kept and str(tmp_path / "kept"), files, trusted.quorum)
    theirs = stranger.verify(str(made), given)
    seen = Bundle(made).verify(trusted, checkpoint=kept)
    assert (theirs["witnessed"], theirs["signed"]) == (seen.witnessed, seen.signed)
    assert sorted((one["kind"], one["index"]) for one in theirs["findings"]) == sorted(
        (one.kind.value, one.index) for one in seen.findings
    )


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMIT_LEDGER", "l.db")
    with SqliteLedger("l.db") as ledger:
        append(ledger, *a_whole_call())
    shell = Shell(capsys)
    shell("key", "generate", "w", "--witness", "--name", "witness.example/w")
    return shell


WITNESS = ("log", "witness", "--signer", "w.key", "--key", "l.db.pub", "--seen", "seen")


def grow(call):
    with SqliteLedger("l.db") as ledger:
        append(ledger, *a_whole_call(call))


def test_a_witness_cosigns_what_grew_and_the_ledger_keeps_it(remit):
    first = remit(*WITNESS)
    assert (first.code, "nothing was seen" in first.err) == (0, True)
    assert Path("seen").read_text().strip() == first.out.strip()
    grow("c-2")
    second = remit(*WITNESS)
    assert (second.code, second.err) == (0, "")
    assert remit("log", "verify", "--witness", "w.pub").code == 1
    Path("cosigned").write_text(second.out)
    added = remit("log", "checkpoint", "--add", "cosigned")
    assert added.out == second.out
    assert remit("log", "checkpoint").out == second.out
    verified = remit("log", "verify", "--witness", "w.pub")
    assert (verified.code, "all, by 1 of 1 witness" in verified.out) == (0, True)
    assert remit("log", "verify", "--witness", "w.pub", "--json").json["witnessed"] == 4
    assert remit("key", "show", "w.key", "--json").json["kind"] == "witness"


def test_who_has_not_been_seen_by_enough_witnesses_is_not_witnessed(remit):
    remit("key", "generate", "v", "--witness", "--name", "witness.example/v")
    Path("cosigned").write_text(remit(*WITNESS).out)
    remit("log", "checkpoint", "--add", "cosigned")
    two = ("log", "verify", "--witness", "w.pub", "--witness", "v.pub")
    ended = remit(*two)
    assert (ended.code, "NOT WITNESSED" in ended.out) == (1, True)
    assert remit(*two, "--quorum", "1").code == 0
    assert remit(*two, "--quorum", "3").code == 2
    assert remit("log", "verify", "--witness", "l.db.pub").code == 3


def test_the_same_again_is_cosigned_again(remit):
    assert remit(*WITNESS).code == 0
    assert remit(*WITNESS).code == 0


@pytest.mark.parametrize("how", ["rewritten", "went back", "another log", "lost a part"])
def test_a_witness_does_not_cosign_what_contradicts_what_it_saw(remit, how):
    grow("c-2")
    assert remit(*WITNESS).code == 0
    before = Path("seen").read_text()
    origin, secret = SqliteLog("l.db").origin, Path("l.db.key").read_text()
    if how == "lost a part":
        grow("c-3")
        tamper("l.db", "DELETE FROM record WHERE seq = 4")
    else:
        for name in ("l.db", "l.db.key", "l.db.pub"):
            Path(name).unlink()
        name = "other" if how == "another log" else origin
        with SqliteLedger("l.db", origin=name, signer=SigningKey.parse(secret)) as ledger:
            append(ledger, *a_whole_call("forged"))
            if how == "rewritten":
                append(ledger, *a_whole_call("forged-2"), *a_whole_call("forged-3"))
        Path("l.db.pub").write_text(str(SigningKey.parse(secret).verifying))
    ended = remit(*WITNESS)
    assert (ended.code, ended.out) == (1, "")
    said = {
        "rewritten": "two histories", "went back": "went back: it signs 2 records, and 4",
        "another log": "this ledger is other", "lost a part": "cannot show that it only grew",
    }  # fmt: skip
    assert said[how] in ended.err
    assert Path("seen").read_text() == before


def test_what_is_no_key_or_no_checkpoint_is_named(remit):
    assert remit(*WITNESS[:3], "l.db.key", *WITNESS[4:]).code == 3
    assert remit(*WITNESS[:5], "w.pub", *WITNESS[6:]).code == 3
    remit("key", "generate", "other")
    unknown = remit(*WITNESS[:5], "other.pub", *WITNESS[6:])
    assert (unknown.code, "not by a trusted key" in unknown.err) == (1, True)
    Path("odd").write_text(NOTES[0])
    ended = remit("log", "checkpoint", "--add", "odd")
    assert (ended.code, "no such checkpoint of 4 records" in ended.err) == (1, True)
    assert json.loads(remit("log", "verify", "--json").out)["witnessed"] is None

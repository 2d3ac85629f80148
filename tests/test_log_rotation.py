"""A log changes its key: who trusts the old one can follow, and who stole it is found."""

from contextlib import closing

import pytest
import test_log_tamper as tampered
from ledger_contract import NOON, a_whole_call, append, record
from test_log_bundle import LOG, NOTES, agreed, build, export, ours, stranger, write

from remit.audit import rotation
from remit.audit.checkpoint import Checkpoint
from remit.audit.findings import FindingKind
from remit.audit.note import SigningKey, cosign
from remit.audit.record import Kind, encode
from remit.audit.rotation import Rotation
from remit.audit.stored import Stored
from remit.audit.tree import leaf_hash, root
from remit.audit.trust import Trust
from remit.audit.verify import verify
from remit.errors import LogError
from remit.ledgers import keys, sqlite_upkeep
from remit.ledgers.bundle import Bundle
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_log import SqliteLog
from remit.model import Action, Request, Subject

FIRST = tampered.OURS
SECOND = SigningKey.from_seed("remit/log", b"2" * 32)
THIRD = SigningKey.from_seed("remit/log", b"3" * 32)
EVIL = SigningKey.from_seed("remit/log", b"e" * 32)
OPERATOR = Subject("user", "operator")


def announcement(index, old=FIRST, new=SECOND, args=None):
    args = args or Rotation.make("remit/log", old, new).properties
    request = Request(OPERATOR, Action(rotation.ACTION, args))
    made = record(Kind.CHANGED, f"r-{index}")
    entry = encode(type(made)(Kind.CHANGED, made.call, made.at, request), bytes([index] * 16))
    return Stored(index, entry.leaf, entry.payload, leaf_hash(entry.leaf))


def head(log, size, *signers):
    return Checkpoint("remit/log", size, root(one.hash for one in log[:size])).sign(*signers)


def grown(log, more):
    return tampered.renumbered([*log, *tampered.a_log(more)[:4]])


ROTATED = grown([*LOG[:8], announcement(8)], "e")
"""Eight records of the first key, its replacement, and four of the second key."""
BRIDGE = head(ROTATED, 9, FIRST, SECOND)
SIGNED = [*NOTES, BRIDGE, head(ROTATED, 11, SECOND), head(ROTATED, 13, SECOND)]

TWICE = grown([*ROTATED, announcement(13, SECOND, THIRD)], "f")
SIGNED_TWICE = [*SIGNED, head(TWICE, 14, SECOND, THIRD), head(TWICE, 18, THIRD)]


def check(log, notes, *trusted, retired=(), **options):
    trust = Trust(tuple(key.verifying for key in trusted), tuple(key.verifying for key in retired))
    return verify(iter(log), iter(notes), trust, origin="remit/log", **options)


def untrusted(verification):
    return [one.index for one in verification.findings if one.kind is FindingKind.UNTRUSTED]


@pytest.mark.parametrize("key", [FIRST, SECOND])
def test_whoever_trusts_the_old_key_or_the_new_one_finds_the_log_whole(key):
    verification = check(ROTATED, SIGNED, key)
    assert verification.intact
    assert verification.signed == 13
    (rotated,) = verification.rotations
    assert (rotated.index, rotated.size) == (8, 9)
    assert rotated.previous == str(FIRST.verifying)
    assert rotated.key == str(SECOND.verifying)


@pytest.mark.parametrize("key", [FIRST, SECOND, THIRD])
def test_a_chain_of_keys_is_followed_from_any_of_them(key):
    verification = check(TWICE, SIGNED_TWICE, key)
    assert verification.intact
    assert verification.signed == 18
    assert [one.index for one in verification.rotations] == [8, 13]


def test_keys_that_were_replaced_may_be_named_too():
    verification = check(TWICE, SIGNED_TWICE, THIRD, retired=[SECOND, FIRST])
    assert verification.intact
    assert verification.signed == 18


def test_after_the_rotation_the_old_key_signs_nothing():
    stolen = head(ROTATED, 12, FIRST)
    for trusted in (FIRST, SECOND):
        verification = check(ROTATED, [*SIGNED[:-1], stolen], trusted)
        assert verification.signed == 11
    (finding,) = (
        one for one in check(ROTATED, [*SIGNED[:-1], stolen], FIRST).findings if one.breaks
    )
    assert finding.kind is FindingKind.UNTRUSTED
    assert "record 8 replaced its key" in finding.message


def test_a_log_rewritten_with_the_old_key_is_worth_nothing_to_whoever_knows_the_new_one():
    forged = tampered.a_log("d")
    notes = [head(forged, 4, FIRST), head(forged, 10, FIRST)]
    for retired in ([], [FIRST]):
        verification = check(forged, notes, SECOND, retired=retired)
        assert verification.signed == 0
        assert untrusted(verification) == [0, 1]
    kept = check(forged, notes, SECOND, retired=[FIRST], outside=NOTES[1])
    assert FindingKind.FORKED in {one.kind for one in kept.findings}


def test_the_residual_risk_is_that_whoever_knows_only_the_old_key_cannot_tell():
    forged = tampered.a_log("d")
    notes = [head(forged, 10, FIRST)]
    assert check(forged, notes, FIRST).intact
    # Any checkpoint kept since is enough.
    with pytest.raises(LogError, match="not by a trusted key"):
        check(forged, notes, FIRST, outside=SIGNED[-1])
    assert not check(forged, notes, FIRST, outside=BRIDGE).intact


def test_an_announcement_alone_replaces_nothing():
    notes = [*NOTES, head(ROTATED, 9, FIRST), head(ROTATED, 11, SECOND)]
    verification = check(ROTATED, notes, FIRST)
    assert (verification.signed, verification.rotations) == (9, ())
    assert untrusted(verification) == [3]


def test_a_checkpoint_by_two_keys_replaces_nothing_that_was_not_announced():
    log = grown(LOG, "e")
    notes = [*NOTES, head(log, 10, FIRST, SECOND), head(log, 12, SECOND)]
    verification = check(log, notes, FIRST)
    assert (verification.signed, verification.rotations) == (10, ())


def test_whoever_may_append_but_not_sign_cannot_bring_in_a_key():
    word = Rotation.make("remit/log", EVIL, SECOND)
    hijack = {"previous": str(FIRST.verifying), "key": str(EVIL.verifying)}
    for args in (
        hijack | {"statement": word.statement},
        hijack | {"statement": cosign(word.statement, EVIL)},
        hijack,
        {"statement": 7},
        {"statement": "nonsense"},
        Rotation.make("remit/other", FIRST, EVIL).properties,
    ):
        log = grown([*LOG[:8], announcement(8, args=args)], "e")
        notes = [*NOTES, cosign(head(log, 9, FIRST), EVIL), head(log, 11, EVIL)]
        verification = check(log, notes, FIRST)
        assert (verification.signed, verification.rotations) == (9, ())
        assert untrusted(verification) == [3]


def test_an_announcement_whose_payload_is_gone_or_changed_is_not_followed():
    for payload in (None, b"{}"):
        log = [tampered.replace(one, payload=payload) if one.index == 8 else one for one in ROTATED]
        verification = check(log, SIGNED, FIRST)
        assert verification.rotations == ()
        assert verification.signed == 9


LOGS = {
    "rotated": (ROTATED, SIGNED, None),
    "rotated twice": (TWICE, SIGNED_TWICE, None),
    "kept from before": (ROTATED, SIGNED, NOTES[0]),
    "kept from the moment": (ROTATED, SIGNED, BRIDGE),
    "kept from after": (ROTATED, SIGNED, SIGNED[-1]),
    "the old key goes on": (ROTATED, [*SIGNED[:-1], head(ROTATED, 12, FIRST)], None),
    "announced only": (ROTATED, [*NOTES, head(ROTATED, 9, FIRST), head(ROTATED, 11, SECOND)], None),
    "not announced": (LOG, [*NOTES, head(LOG, 9, FIRST, SECOND), head(LOG, 10, SECOND)], None),
    "rewritten": (tampered.a_log("d"), [head(tampered.a_log("d"), 10, FIRST)], NOTES[1]),
    "a fork by the old key": (ROTATED, [head(tampered.a_log("d"), 6, FIRST), *SIGNED], None),
    "a fork by the new key": (ROTATED, [*SIGNED[:-1], head(tampered.a_log("d"), 10, SECOND)], None),
    "damaged": (ROTATED, [NOTES[0], NOTES[1].replace("\n8\n", "\n7\n"), *SIGNED[2:]], None),
    "by somebody else": (ROTATED, [head(ROTATED, 3, EVIL), *SIGNED], None),
}
TRUSTED = {
    "the first": [FIRST],
    "the second": [SECOND],
    "the second, and the first as it was": [SECOND, FIRST],
    "the last": [THIRD],
    "all": [THIRD, SECOND, FIRST],
}


@pytest.mark.parametrize("name", LOGS)
def test_both_verifiers_follow_alike(tmp_path, name):
    log, notes, kept = LOGS[name]
    made = build(tmp_path / "log", log, notes)
    for chosen in TRUSTED.values():
        text = "".join(f"{key.verifying}\n" for key in chosen)
        (made / "key").write_text(text)
        found = agreed(made, kept)
        if found == "no answer":
            continue
        file = None if kept is None else str(tmp_path / "kept.checkpoint")
        seen = stranger.verify(str(made), stranger.Given(kept=file))
        with closing(Bundle(made)) as read:
            verification = read.verify(checkpoint=kept)
        assert [
            (one["index"], one["size"], one["previous"], one["key"]) for one in seen["rotations"]
        ] == [(one.index, one.size, one.previous, one.key) for one in verification.rotations]


def test_a_rotation_is_a_record_a_checkpoint_and_a_key(tmp_path):
    path = tmp_path / "audit.db"
    with SqliteLedger(path, clock=lambda: NOON) as ledger:
        append(ledger, *a_whole_call())
        old = ledger.verifying_key()
        bridge = ledger.rotate_key(by=OPERATOR)
        new = ledger.verifying_key()
        append(ledger, *a_whole_call("c-2"))
        ledger.checkpoint()
        changed = ledger.entry(2).facts()
    assert new != old
    assert (changed.kind, changed.action, changed.subject) == (
        Kind.CHANGED, "key.rotated", "user:operator"
    )  # fmt: skip
    log = SqliteLog(path)
    assert bridge in list(log.checkpoints())
    assert log.trust() == Trust((new,), (old,))
    assert keys.load_signing(path).verifying == new
    assert not path.with_name("audit.db.key.next").exists()
    for trusted in ([old], [new], None):
        verification = log.verify(trusted)
        assert (verification.signed, verification.findings) == (5, ())
    assert log.verify([new], checkpoint=bridge).intact


def test_another_process_that_still_has_the_old_key_signs_nothing_more(tmp_path):
    path = tmp_path / "audit.db"
    with SqliteLedger(path, signer=FIRST) as ledger:
        append(ledger, *a_whole_call())
        with SqliteLedger(path, signer=FIRST) as other:
            other.rotate_key(SECOND, by=OPERATOR)
            assert other.trust() == Trust((SECOND.verifying,), (FIRST.verifying,))
        append(ledger, *a_whole_call("c-2"))
        with pytest.raises(LogError, match="signs no more: record 2 says that another"):
            ledger.checkpoint()
        with pytest.raises(LogError, match="signs no more"):
            ledger.rotate_key(THIRD, by=OPERATOR)
        with pytest.raises(LogError, match="signs no more"):
            ledger.close()
    with SqliteLedger(path, signer=SECOND) as ledger:
        ledger.checkpoint()
        with pytest.raises(LogError, match="has signed this log before"):
            ledger.rotate_key(FIRST, by=OPERATOR)
        with pytest.raises(ValueError, match="pass new="):
            ledger.rotate_key(by=OPERATOR)
        assert ledger.verify([FIRST.verifying]).signed == 5


def test_a_running_ledger_takes_up_the_key_that_another_process_put_beside_it(tmp_path):
    path = tmp_path / "audit.db"
    with SqliteLedger(path) as ledger, SqliteLedger(path, clock=lambda: NOON) as other:
        append(ledger, *a_whole_call())
        other.rotate_key(by=OPERATOR)
        append(ledger, *a_whole_call("c-2"))
        ledger.checkpoint()
    assert SqliteLog(path).verify().findings == ()


@pytest.mark.parametrize("point", ["before", "announced", "public"])
def test_a_rotation_that_was_interrupted_is_completed_by_the_next(tmp_path, monkeypatch, point):
    path = tmp_path / "audit.db"
    with SqliteLedger(path) as ledger:
        append(ledger, *a_whole_call())
        old = ledger.verifying_key()
        if point == "before":
            interrupt(monkeypatch, sqlite_upkeep, "rotate")
        elif point == "announced":
            interrupt(monkeypatch, keys, "_put_in_place")
        else:
            interrupt(monkeypatch, keys.Path, "replace", at=2)
        with pytest.raises(KeyboardInterrupt):
            ledger.rotate_key(by=OPERATOR)
        waiting = keys.read_signing(path.with_name("audit.db.key.next"))
        monkeypatch.undo()
        ledger.rotate_key(by=OPERATOR)
        assert ledger.verifying_key() == waiting.verifying
    log = SqliteLog(path)
    assert log.trust() == Trust((waiting.verifying,), (old,))
    verification = log.verify([old])
    assert (verification.size, verification.signed, verification.findings) == (3, 3, ())


def interrupt(monkeypatch, place, name, at=1):
    original, count = getattr(place, name), 0

    def stop(*arguments):
        nonlocal count
        count += 1
        if count == at:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(place, name, stop)


def test_a_bundle_of_a_rotated_log_carries_its_keys(tmp_path):
    path = tmp_path / "audit.db"
    with SqliteLedger(path) as ledger:
        append(ledger, *a_whole_call())
        old = ledger.verifying_key()
        ledger.rotate_key(by=OPERATOR)
    made = export(path, tmp_path / "audit")
    assert len((made / "key").read_text().splitlines()) == 2
    assert ours(made) == agreed(made)
    kept = write(tmp_path / "old.pub", str(old))
    seen = stranger.verify(str(made), stranger.Given(str(kept)))
    assert (seen["whole"], seen["signed"], len(seen["rotations"])) == (True, 3, 1)

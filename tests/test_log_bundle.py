"""A log as files, and two verifiers that share no code and have to agree on them."""

import ast
import importlib.util
import json
import shutil
import tarfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import test_log_tamper as tampered
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_contract import a_whole_call, append, record
from msgspec.structs import replace

from remit.audit import tiles
from remit.audit.note import VerifyingKey
from remit.audit.record import Kind
from remit.audit.stored import Parts
from remit.audit.tree import TILE_WIDTH, Frontier, root
from remit.errors import LogError
from remit.ledgers import bundle
from remit.ledgers.bundle import Bundle
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_log import SqliteLog
from remit.model import Approval, Subject

PROGRAM = Path(__file__).parent.parent / "verifier" / "remit_verify.py"
SPEC = importlib.util.spec_from_file_location("remit_verify", PROGRAM)
stranger = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(stranger)

SIZE = 700
"""Two full tiles, a part of a third, and a level above."""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "audit.db"
    with SqliteLedger(path) as made:
        calls = (a_whole_call(f"c-{n}", amount=n) for n in range(SIZE // 2))
        records = [one for call in calls for one in call]
        for end in (100, 256, 600, SIZE):
            made.append_all(records[made.size() : end]).result(60)
            made.checkpoint()
    return path


def export(path, output):
    log = SqliteLog(path)
    with log.parts() as parts, bundle.created(output) as put:
        bundle.write(parts, log.trust(), put)
    return output


@pytest.fixture(scope="module")
def whole(ledger, tmp_path_factory):
    return export(ledger, tmp_path_factory.mktemp("bundle") / "audit")


def ours(path, checkpoint=None):
    """What Remit finds, as a stranger would say it; or that it cannot be read."""
    try:
        with closing(Bundle(path)) as found:
            seen = found.verify(checkpoint=checkpoint)
    except LogError:
        return "no answer"
    findings = Counter((one.kind.value, one.index, one.breaks) for one in seen.findings)
    return seen.size, seen.root, seen.signed, seen.checkpoints, findings


def theirs(path, checkpoint=None):
    try:
        kept = checkpoint and write(path.parent / "kept.checkpoint", checkpoint)
        seen = stranger.verify(str(path), stranger.Given(kept=kept and str(kept)))
    except (stranger.Unreadable, stranger.Unusable):
        return "no answer"
    head = stranger.strict_base64(seen["root"])
    findings = Counter((one["kind"], one["index"], one["breaks"]) for one in seen["findings"])
    return seen["size"], head, seen["signed"], seen["checkpoints"], findings


def write(path, text):
    path.write_text(text)
    return path


def agreed(path, checkpoint=None):
    found = ours(path, checkpoint)
    assert theirs(path, checkpoint) == found
    return found


def breaks(found):
    return found == "no answer" or any(breaks for _, _, breaks in found[-1])


def files(folder):
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


def test_a_bundle_is_laid_out_in_tiles(whole):
    assert files(whole) == [
        "bundle.json",
        "checkpoint",
        "checkpoints",
        "key",
        "payload/000",
        "payload/001",
        "payload/002.p/188",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002.p/188",
        "tile/1/000.p/2",
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002.p/188",
    ]


def test_tiles_hold_what_the_log_does(ledger, whole):
    log = SqliteLog(ledger)
    with closing(Bundle(whole)) as read:
        assert list(read.entries()) == list(log.select())
        assert list(read.checkpoints()) == list(log.checkpoints())
        assert read.entry(300) == log.entry(300)
        assert read.verifying_key() == log.verifying_key()
    hashes = [one.hash for one in log.select()]
    assert (whole / "tile/0/001").read_bytes() == b"".join(hashes[256:512])
    upper = tiles.unpack_hashes((whole / "tile/1/000.p/2").read_bytes())
    assert upper == [root(hashes[:256]), root(hashes[256:512])]


def test_a_folder_and_a_tar_file_are_the_same_and_verify_the_same(ledger, whole, tmp_path):
    packed = export(ledger, tmp_path / "audit.tar")
    again = export(ledger, tmp_path / "again.tar")
    assert packed.read_bytes() == again.read_bytes()
    with tarfile.open(packed) as tar:
        assert sorted(tar.getnames()) == files(whole)
    found = agreed(packed)
    assert found == agreed(whole)
    assert found[0] == found[2] == SIZE
    assert not found[-1]


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 512, 1000])
def test_a_log_of_any_size_has_a_bundle(tmp_path, size):
    path = tmp_path / "audit.db"
    with SqliteLedger(path) as made:
        if size:
            made.append_all(record(Kind.REFUSED, f"c-{n}") for n in range(size)).result(60)
    found = agreed(export(path, tmp_path / "audit"))
    assert found[0] == found[2] == size
    assert not found[-1]


def test_a_log_signed_before_its_end_has_the_tiles_of_both(tmp_path):
    log = tampered.a_log()
    made = build(tmp_path / "log", log, [tampered.checkpoint(log, 4)])
    assert {"tile/0/000.p/4", "tile/0/000.p/10", "payload/000.p/4"} <= set(files(made))


@given(st.integers(0, 10**10), st.integers(1, TILE_WIDTH))
def test_the_names_of_tiles_are_those_of_the_specification(index, width):
    assert tiles.tile_path("tile/0", index, width) == stranger.tile_name("tile/0", index, width)


def test_indexes_are_written_in_groups_of_three_digits():
    assert tiles.tile_path("tile/0", 1234067) == "tile/0/x001/x234/067"
    assert tiles.tile_path("tile/entries", 67, 5) == "tile/entries/067.p/5"


payloads = st.lists(st.none() | st.binary(max_size=40), max_size=8)


@given(st.lists(st.binary(max_size=40), max_size=8), payloads)
def test_tiles_are_read_as_they_were_written(leaves, bodies):
    assert tiles.unpack_leaves(tiles.pack_leaves(leaves)) == leaves
    assert tiles.unpack_payloads(tiles.pack_payloads(bodies)) == bodies


def test_the_stranger_shares_no_code_with_remit():
    names = set()
    for node in ast.walk(ast.parse(PROGRAM.read_text())):
        if isinstance(node, ast.Import):
            names |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.partition(".")[0])
    assert "remit" not in names
    assert {name for name in names if name not in stranger.sys.stdlib_module_names} == {
        "cryptography"
    }


# The tamper suite, through both.


def build(output, log, notes):
    """The bundle of a log that may be anything; whoever writes it notices gaps."""
    nodes = []
    Frontier().extend((one.hash for one in log), nodes)
    parts = Parts("remit/log", len(log), log, notes, nodes)
    with bundle.created(output) as put:
        bundle.write(parts, tampered.OURS.verifying, put)
    return output


LOG, NOTES = tampered.LOG, tampered.NOTES
OTHER = tampered.a_log("d")
FORKED = [*LOG[:6], *OTHER[6:]]


def changed(index, **changes):
    return [tampered.replace(one, **changes) if one.index == index else one for one in LOG]


def signed(log, *sizes):
    return [tampered.checkpoint(log, size) for size in sizes]


LOGS = {
    "honest": (LOG, NOTES, None),
    "honest, and a checkpoint was kept": (LOG, NOTES[:1], NOTES[1]),
    "empty": ([], [], None),
    "a leaf changed": (changed(3, leaf=LOG[3].leaf.replace(b"refund", b"search")), NOTES, None),
    "a leaf and its hash changed": (
        changed(3, leaf=OTHER[3].leaf, hash=OTHER[3].hash),
        NOTES,
        None,
    ),
    "a hash changed": (changed(5, hash=bytes(32)), NOTES, None),
    "a payload changed": (changed(9, payload=b"{}"), NOTES, None),
    "payloads erased": (
        [tampered.replace(one, payload=None) if one.index in {2, 3, 7} else one for one in LOG],
        NOTES,
        None,
    ),
    "a tail cut off": (LOG[:7], NOTES, None),
    "a tail and its checkpoint cut off": (LOG[:5], NOTES[:1], NOTES[1]),
    "another history": (OTHER, signed(OTHER, 4, 8), NOTES[1]),
    "another history from the beginning": (OTHER, signed(OTHER, 4, 8), NOTES[0]),
    "a history nobody signed": (OTHER, NOTES, None),
    "a history nobody signed, and one was kept": (OTHER, NOTES, signed(OTHER, 8)[0]),
    "a fork": (LOG, [*NOTES, *signed(FORKED, 8)], None),
    "a fork in between": (LOG, [NOTES[0], *signed(FORKED, 8), NOTES[1]], None),
    "a fork before": (LOG, [*signed(FORKED, 7), NOTES[1]], None),
    "forks and no truth": (LOG, [*signed(OTHER, 8), *signed(FORKED, 8)], None),
    "forks of all kinds": (
        LOG,
        [*signed(OTHER, 2, 4), *signed(LOG, 4, 6), *signed(OTHER, 6, 7)],
        None,
    ),
    "another key": (LOG, [NOTES[0], tampered.checkpoint(LOG, 8, tampered.THEIRS)], None),
    "another log": (LOG, [tampered.checkpoint(LOG, 8, origin="remit/other")], None),
    "checkpoints out of order": (LOG, NOTES[::-1], None),
    "checkpoints out of order beyond the end": (LOG[:5], [*NOTES[::-1], *NOTES], None),
    "damaged checkpoints": (
        LOG,
        ["", NOTES[0], "nonsense", NOTES[1].replace("\n8\n", "\n9\n")],
        None,
    ),
    "calls that never ended": ([*LOG[:5], tampered.entry(5, record(call="c-0"))], [], None),
    "records swapped": (tampered.renumbered([*LOG[:5], LOG[6], LOG[5], *LOG[7:]]), NOTES, None),
    "a record deleted": (tampered.renumbered(LOG[:4] + LOG[5:]), NOTES, None),
}


@pytest.mark.parametrize("name", LOGS)
def test_both_find_what_was_done_to_a_log(tmp_path, name):
    log, notes, kept = LOGS[name]
    made = build(tmp_path / "log", log, notes)
    found = agreed(made, kept)
    direct = tampered.check(log, notes, origin="remit/log", outside=kept)
    assert found[2:4] == (direct.signed, direct.checkpoints)
    assert found[-1] == Counter((one.kind.value, one.index, one.breaks) for one in direct.findings)


leaves = st.sampled_from(
    [
        b"",
        b"{}",
        b"\xff",
        b"null",
        b"NaN",
        b"[" * 5000,
        *(
            LOG[0].leaf.replace(old, new)
            for old, new in [
                (b'"v":1', b'"v":2'),
                (b'"v":1', b'"v":true'),
                (b'"v":1', b'"v":"1"'),
                (b'"v":1', b'"v":1,"more":[]'),
                (b'"v":1', b'"v":NaN'),
                (b"started", b"begun"),
                (b'"rules":[', b'"rules":[1,'),
                (b'"call"', b'"cull"'),
                (b'"c-0"', b"null"),
                (b'"c-0"', b'"\\ud800"'),
                (b'"effect":"allow"', b'"effect":7'),
            ]
        ),
    ]
)


@given(leaves, st.booleans())
def test_both_know_a_leaf_remit_did_not_write(leaf, hidden):
    nonsense = tampered.replace(LOG[9], leaf=leaf)
    log = [*LOG[:9], tampered.rehashed(nonsense) if hidden else nonsense]
    with TemporaryDirectory() as folder:
        agreed(build(Path(folder) / "log", log, NOTES))


@pytest.mark.parametrize("name", [*tampered.TAMPERINGS, *tampered.INNER])
def test_what_is_done_to_a_ledger_shows_in_its_bundle_or_keeps_it_from_having_one(
    ledger, tmp_path, name
):
    path = tmp_path / "audit.db"
    shutil.copy(ledger, path)
    shutil.copy(f"{ledger}.pub", f"{path}.pub")
    statements = (tampered.TAMPERINGS | tampered.INNER)[name]
    tampered.tamper(path, *(one.replace("SELECT 10,", f"SELECT {SIZE},") for one in statements))
    try:
        made = export(path, tmp_path / "audit")
    except LogError:
        assert not (tmp_path / "audit").exists()
        return
    found = agreed(made)
    # A bundle does not carry what a log remembers of its tree beside the tiles.
    assert breaks(found) or name == "change the frontier"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_byte_of_a_bundle_can_change_so_that_one_finds_it_and_the_other_does_not(whole, data):
    name = data.draw(st.sampled_from([one for one in files(whole) if one != "checkpoint"]))
    original = (whole / name).read_bytes()
    at = data.draw(st.integers(0, len(original) - 1))
    what = data.draw(st.sampled_from(["flip", "cut", "double"]))
    flipped = bytes([original[at] ^ data.draw(st.integers(1, 255))])
    damage = {
        "flip": original[:at] + flipped + original[at + 1 :],
        "cut": original[:at],
        "double": original[:at] + original[at : at + 1] + original[at:],
    }[what]
    (whole / name).write_bytes(damage)
    try:
        found = agreed(whole)
    finally:
        (whole / name).write_bytes(original)
    if name.startswith(("tile/", "payload/")):
        assert breaks(found)


def test_a_bundle_with_a_file_too_few_is_not_read(whole, tmp_path):
    for name in files(whole):
        copy = tmp_path / name.replace("/", "-")
        shutil.copytree(whole, copy)
        (copy / name).unlink()
        found = agreed(copy)
        assert breaks(found) or name == "checkpoint"


def test_a_key_that_was_kept_finds_a_bundle_made_by_somebody_else(whole, tmp_path):
    forged = tmp_path / "forged.db"
    with SqliteLedger(forged, origin=Bundle(whole).origin) as made:
        made.append_all(a_whole_call("forged")).result(60)
    copy = export(forged, tmp_path / "forged")
    kept = write(tmp_path / "kept.pub", (whole / "key").read_text())
    assert not breaks(agreed(copy))
    seen = stranger.verify(str(copy), stranger.Given(str(kept)))
    assert seen["signed"] == 0
    assert not seen["whole"]
    verification = Bundle(copy).verify([VerifyingKey.parse(kept.read_text())])
    assert [one.kind.value for one in verification.findings if one.breaks] == ["untrusted"]


def test_both_find_an_approval_that_released_two_calls(tmp_path):
    maria = Subject("user", "maria")
    answer = Approval(approved=True, approver=maria, digest="d", at=1, request="a-1")
    path = tmp_path / "audit.db"
    with SqliteLedger(path) as made:
        for call in ("c-1", "c-2"):
            # A ledger of ours refuses the second; somebody else's may not.
            append(
                made, replace(record(call=call), approvals=(answer,)), record(Kind.RETURNED, call)
            )
    found = agreed(export(path, tmp_path / "audit"))
    assert found[-1] == {("reused", 2, True): 1}


def test_the_program_says_what_it_found_and_ends_accordingly(whole, tmp_path, capsys):
    assert stranger.main([str(whole)]) == 0
    assert "is whole" in capsys.readouterr().out
    assert stranger.main([str(whole), "--json", "--strict"]) == 0
    assert json.loads(capsys.readouterr().out)["whole"] is True
    copy = tmp_path / "copy"
    shutil.copytree(whole, copy)
    data = (copy / "payload/000").read_bytes()
    (copy / "payload/000").write_bytes(data.replace(b"because", b"perhaps", 1))
    assert stranger.main([str(copy)]) == 1
    assert "payload-changed" in capsys.readouterr().out
    assert stranger.main([str(tmp_path / "nowhere")]) == 4
    assert stranger.main([str(whole), "--key", str(tmp_path / "nowhere")]) == 3
    assert "remit_verify:" in capsys.readouterr().err


def test_nothing_is_left_of_a_bundle_that_could_not_be_made(tmp_path):
    for output in (tmp_path / "log", tmp_path / "log.tar"):
        with pytest.raises(LogError, match="record 3 is missing"):
            build(output, [one for one in LOG if one.index != 3], [])
    assert list(tmp_path.iterdir()) == []


def test_a_leaf_too_long_for_a_tile_is_refused_with_the_cure(tmp_path):
    long = tampered.entry(0, record(action="a" * 70_000))
    with pytest.raises(LogError, match="export JSON Lines instead"):
        build(tmp_path / "log", [long], [])

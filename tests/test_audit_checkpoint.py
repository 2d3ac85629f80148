"""Signed notes and checkpoints, against those of other implementations."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.audit import note
from remit.audit.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint_unchecked
from remit.audit.note import Note, SigningKey, VerifyingKey, open_note
from remit.errors import LogError

# The example in the documentation of Go's golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PETER_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
PETER_NOTE = (
    PETER_TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqf"
    "qdngotpRZb6KE6RyyBwJnAM=\n"
)

# What the checksum database of Go served at three moments.
SUMDB = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SUMDB_CHECKPOINTS = [
    (
        6476701,
        "mb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=",
        (
            "Az3grsLX85Gz+s1SiTbgkuqxgItqFq7gsMUEyVnrsa9LM7Us9S+1xbFIGu95949rj4nPRYfvimWEPWL+o3Ge"
            "oWwOoAw="
        ),
    ),
    (
        3935567,
        "SapHtgdNCeF00Cx8kqztePV24kgzNg++Xovae42HAMw=",
        (
            "Az3grsm7Wm4CVNR1RHq9BFnu9jzcRlU2uw7lr0gfUWgO6+rqPNjT+fUTl9gH0NRTgdwW9nItuQSMbhSaLCsk"
            "8YeYSAs="
        ),
    ),
    (
        52544510,
        "+TGlZfnTizQCJgyZR56QixD8+X4dd8Wefy8U1w6k0Ig=",
        (
            "Az3grn6d1PSjcypDf9bfcFVU5fvJB7VkLc0MAbz8jqeQVnSbAj9pKcsB5dJt5VdswPDUtiFar5LPRBu+uEQA"
            "T1CDfAc="
        ),
    ),
]

OURS = SigningKey.from_seed("remit/test", bytes(32))
THEIRS = SigningKey.from_seed("witness.example", bytes(range(32)))
HEAD = Checkpoint("remit/test", 7, bytes(range(32)))


def damage(text, at, to):
    return text[:at] + to + text[at + 1 :]


def test_we_sign_what_go_signs():
    key = SigningKey.parse(PETER_SECRET)
    assert note.sign(PETER_TEXT, key) == PETER_NOTE
    assert key.secret_text() == PETER_SECRET
    assert str(key.verifying) == PETER


def test_we_open_what_go_signed():
    opened = open_note(PETER_NOTE, [VerifyingKey.parse(PETER)])
    assert opened.text == PETER_TEXT
    assert [(one.name, one.hash.hex()) for one in opened.signatures] == [
        ("PeterNeumann", "c74f20a3")
    ]
    assert str(opened) == PETER_NOTE


@pytest.mark.parametrize(("size", "root", "signature"), SUMDB_CHECKPOINTS)
def test_we_open_checkpoints_of_the_go_checksum_database(size, root, signature):
    text = f"go.sum database tree\n{size}\n{root}\n"
    signed = f"{text}\n— sum.golang.org {signature}\n"
    checkpoint = open_checkpoint(signed, [VerifyingKey.parse(SUMDB)])
    assert (checkpoint.origin, checkpoint.size) == ("go.sum database tree", size)
    assert checkpoint.text == text
    with pytest.raises(LogError, match="did not sign this"):
        open_checkpoint(signed.replace(str(size), str(size + 1)), [VerifyingKey.parse(SUMDB)])


def test_a_key_survives_being_written_down():
    assert VerifyingKey.parse(str(OURS.verifying)) == OURS.verifying
    assert SigningKey.parse(OURS.secret_text()) == OURS


def test_a_secret_is_not_shown_by_accident():
    assert OURS.secret_text() not in repr(OURS)
    assert OURS.seed.hex() not in repr(OURS)
    assert repr(bytes(4)) not in repr(OURS)


@given(st.integers(0, len(PETER) - 1), st.sampled_from("Aa1+/=\n "))
def test_a_damaged_verifying_key_is_refused(at, char):
    damaged = damage(PETER, at, char)
    try:
        key = VerifyingKey.parse(damaged)
    except LogError:
        return
    assert str(key) == damaged.strip() == PETER


def test_a_damaged_signing_key_is_noticed_before_it_signs():
    damaged = OURS.secret_text().replace(OURS.hash.hex(), "00000000")
    with pytest.raises(LogError, match="damaged"):
        _ = SigningKey.parse(damaged).verifying


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        "name+0000+AAAA",
        "name+zzzzzzzz+AAAA",
        "name+00000000+AAAA",
        "na me+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "n+c74f20a3+ARpc",
        "n+c74f20a3+!!!!",
    ],
)
def test_a_text_that_is_no_key_is_refused(text):
    with pytest.raises(LogError):
        VerifyingKey.parse(text)
    with pytest.raises(LogError):
        SigningKey.parse(text)
    with pytest.raises(LogError):
        SigningKey.parse(f"PRIVATE+KEY+{text}")


def test_signatures_by_strangers_are_ignored_but_do_not_count():
    signed = HEAD.sign(THEIRS, OURS)
    assert open_checkpoint(signed, [OURS.verifying]) == HEAD
    assert [one.name for one in open_note(signed, [OURS.verifying]).signatures] == ["remit/test"]
    stranger = SigningKey.from_seed("remit/test", b"x" * 32)
    with pytest.raises(LogError, match=re.escape("not by a trusted key (remit/test+")):
        open_checkpoint(signed, [stranger.verifying])
    with pytest.raises(LogError, match="nobody"):
        open_checkpoint(signed, [])


def test_a_false_signature_of_a_trusted_key_spoils_a_note_others_signed():
    signed = HEAD.sign(OURS, THEIRS)
    other = Checkpoint("remit/test", 8, HEAD.root).sign(OURS, THEIRS)
    mixed = str(
        Note(
            HEAD.text,
            (
                note.parse_unchecked(signed).signatures[0],
                note.parse_unchecked(other).signatures[1],
            ),
        )
    )
    assert open_checkpoint(mixed, [OURS.verifying]) == HEAD
    with pytest.raises(LogError, match=re.escape("witness.example did not sign this")):
        open_checkpoint(mixed, [OURS.verifying, THEIRS.verifying])


def test_witnesses_can_sign_later():
    signed = note.cosign(HEAD.sign(OURS), THEIRS)
    assert signed == HEAD.sign(OURS, THEIRS)
    assert len(open_note(signed, [OURS.verifying, THEIRS.verifying]).signatures) == 2


@given(st.integers(0), st.characters())
def test_a_note_changed_anywhere_is_refused_or_is_the_same_note(at, char):
    signed = HEAD.sign(OURS)
    changed = damage(signed, at % len(signed), char)
    try:
        opened = open_checkpoint(changed, [OURS.verifying])
    except LogError:
        return
    assert changed == signed
    assert opened == HEAD


@given(st.text())
def test_opening_nonsense_is_refused_and_never_fails_otherwise(text):
    for nonsense in (text, f"{text}\n\n— a b\n", f"{HEAD.text}\n— {text}\n"):
        with pytest.raises(LogError):
            open_checkpoint(nonsense, [OURS.verifying])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n",
        "origin\n1\n",
        "origin\n1\n{root}",
        "\n1\n{root}\n",
        "origin\n01\n{root}\n",
        "origin\n-1\n{root}\n",
        "origin\n+1\n{root}\n",
        "origin\n1_0\n{root}\n",
        "origin\n\N{ARABIC-INDIC DIGIT ONE}\n{root}\n",
        "origin\n\n{root}\n",
        "origin\n99999999999999999999\n{root}\n",
        "origin\n1\nAAAA\n",
        "origin\n1\n{root}\n\n",
        "origin\n1\n{root}\n\nextension\n",
    ],
)
def test_a_text_that_is_no_checkpoint_is_refused(text):
    with pytest.raises(LogError):
        Checkpoint.parse(text.replace("{root}", "A" * 43 + "="))


lines = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1)


@given(lines, st.integers(0, 2**62), st.binary(min_size=32, max_size=32), st.lists(lines))
def test_a_checkpoint_survives_being_written_down(origin, size, root, extensions):
    checkpoint = Checkpoint(origin, size, root, tuple(extensions))
    assert Checkpoint.parse(checkpoint.text) == checkpoint


def test_an_origin_cannot_smuggle_in_a_size():
    with pytest.raises(LogError, match="are lines"):
        Checkpoint("origin\n999\nx", 1, bytes(32))


def test_looking_without_checking_says_so_in_its_name():
    forged = HEAD.sign(THEIRS)
    assert parse_checkpoint_unchecked(forged) == HEAD

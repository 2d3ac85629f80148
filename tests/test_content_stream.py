"""Text in pieces: nothing is released that would have been replaced in the whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.content import Kind, Stream, redact, scanner

SENSITIVE = scanner(Kind.PII, Kind.SECRET)
CARD = "4111 1111 1111 1111"
IBAN = "GB82WEST12345698765432"
TEXTS = [
    f"My card is {CARD}, thanks. " * 20,
    "Write to ann@example.com or call (212) 555-0123. " * 15,
    "passport no. X1234567, born on 12 March 1985, " * 12 + "that is all",
    "key=" + "eyJhbGciOiJIUzI1NiJ9." + "a" * 900 + "." + "b" * 40 + " and then " * 60,
    "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkq\n" * 60 + "-----END PRIVATE KEY-----\nend",
    "ship to 12 Elm Grove, Springfield, IL 62704 please. " * 12,
    "no secrets here, only words that go on and on. " * 20,
    "",
]


def streamed(text, sizes, scanner=SENSITIVE):
    stream, out, at = Stream(scanner), [], 0
    for size in sizes:
        out.append(stream.feed(text[at : at + size]))
        at += size
    return "".join((*out, stream.feed(text[at:]), stream.finish()))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 300, 5000])
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:12])
def test_the_pieces_come_out_as_the_whole_would(text, size):
    assert streamed(text, [size] * (len(text) // size)) == redact(text)


@given(
    st.lists(
        st.sampled_from(
            [
                CARD, "ann@example.com", " ", "\n", "word", ", ", "x" * 300, IBAN, "4", " tel. ",
                "123-45-6789", "password: hunter2!x ", "born on 12 March 1985 ",
            ]
        ),
        max_size=25,
    ).map("".join),
    st.lists(st.integers(1, 40), max_size=40),
)  # fmt: skip
def test_however_it_is_cut_nothing_slips_through(text, sizes):
    assert streamed(text, sizes) == redact(text)


def test_text_that_can_no_longer_matter_is_let_go():
    stream = Stream(SENSITIVE)
    released = "".join(stream.feed("and on it goes ") for _ in range(1000))
    assert len(released) > 14_000
    assert len(stream._text) < 1000


def test_a_word_without_an_end_is_let_go_in_parts():
    stream = Stream(SENSITIVE)
    released = "".join(stream.feed("x" * 1000) for _ in range(40))
    assert len(released) > 30_000
    assert released + stream.finish() == "x" * 40_000


def test_a_key_without_an_end_is_replaced_before_it_is_known():
    stream = Stream(SENSITIVE)
    pieces = [stream.feed("-----BEGIN PRIVATE KEY-----\n")]
    pieces += [stream.feed("MIIEvQIBADANBgkq\n") for _ in range(900)]
    assert "MIIE" not in "".join(pieces)
    assert "MIIE" not in "".join((*pieces, stream.finish()))


def test_a_long_word_does_not_push_out_what_explains_a_value():
    text = "x" * 300 + "password: hunter2!x and " + "so on and " * 60
    assert streamed(text, [7] * 200) == redact(text)
    assert "hunter2" not in streamed(text, [7] * 200)


def test_a_stream_keeps_its_numbers():
    text = (
        f"ann@example.com {'and so on ' * 60} bob@example.com {'and so on ' * 60} ann@example.com"
    )
    assert streamed(text, [5] * 300).split("and")[0] == "[EMAIL_1] "
    assert streamed(text, [5] * 300).endswith("[EMAIL_1]")

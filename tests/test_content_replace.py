"""What stands in the place of what was found."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.canonical import freeze
from remit.content import (
    Kind,
    MemoryVault,
    Placeholders,
    Pseudonyms,
    Tokens,
    mask,
    redact,
    scanner,
)

KEY = b"sixteen bytes or more"
MAIL = "ann@example.com"


def test_placeholders_number_values_and_not_places():
    text = f"{MAIL} bob@example.com ANN@EXAMPLE.COM 4111 1111 1111 1111 4111111111111111"
    assert redact(text) == "[EMAIL_1] [EMAIL_2] [EMAIL_1] [CARD_1] [CARD_1]"


def test_placeholders_last_as_long_as_they_are_used():
    numbers = Placeholders()
    assert redact("bob@example.com", numbers) == "[EMAIL_1]"
    assert redact([MAIL, "bob@example.com"], numbers) == ["[EMAIL_2]", "[EMAIL_1]"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("4111 1111 1111 1111", "**** **** **** 1111"),
        ("123-45-6789", "***-**-****"),
        ("ab", "**"),
        ("DE89370400440532013000", "******************3000"),
    ],
)
def test_a_mask_shows_the_end_of_what_is_long(text, shown):
    assert mask("any", text) == shown


def test_pseudonyms_are_the_same_under_the_same_key_only():
    one = redact(MAIL, Pseudonyms(KEY))
    assert one == redact(MAIL.upper(), Pseudonyms(KEY))
    assert one != redact(MAIL, Pseudonyms(KEY + b"!"))
    assert one != redact("bob@example.com", Pseudonyms(KEY))


@pytest.mark.parametrize("make", [Pseudonyms, lambda key: Tokens(MemoryVault(), key)])
def test_a_key_that_can_be_guessed_is_refused(make):
    with pytest.raises(ValueError, match="at least 16 bytes"):
        make(b"short")


@given(st.lists(st.sampled_from([MAIL, " ", "\u00e9\ud800", "4111 1111 1111 1111", "[EMAIL:x]"])))
def test_tokens_lead_back_to_exactly_what_was_there(parts):
    text = "".join(parts)
    tokens = Tokens(MemoryVault(), KEY)
    hidden = redact({"a": [text]}, tokens)
    assert scanner(Kind.PII).scan(hidden) == ()
    assert tokens.restore(hidden) == {"a": [text]}


def test_a_token_that_was_made_up_stays_as_it_is():
    tokens = Tokens(MemoryVault(), KEY)
    redact(MAIL, tokens)
    made_up = f"[EMAIL:{'0' * 32}]"
    assert tokens.restore(made_up) == made_up
    elsewhere = redact(MAIL, Tokens(MemoryVault(), KEY + b"!"))
    assert tokens.restore(elsewhere) == elsewhere


@dataclass
class Person:
    name: str
    mail: str


class Model(pydantic.BaseModel):
    mail: str
    age: int


class Struct(msgspec.Struct, frozen=True):
    mail: str


class Colour(Enum):
    RED = "red"


class Pair(NamedTuple):
    left: object
    right: object


@pytest.mark.parametrize(
    ("value", "redacted"),
    [
        (Person("Ann", MAIL), Person("Ann", "[EMAIL_1]")),
        (Model(mail=MAIL, age=4), Model(mail="[EMAIL_1]", age=4)),
        (Struct(MAIL), Struct("[EMAIL_1]")),
        (Pair(1, MAIL), Pair(1, "[EMAIL_1]")),
        ((MAIL, 1.5), ("[EMAIL_1]", 1.5)),
        ({MAIL}, {"[EMAIL_1]"}),
        ({MAIL: MAIL}, {"[EMAIL_1]": "[EMAIL_1]"}),
        (b"\xff " + MAIL.encode(), b"\xff [EMAIL_1]"),
        (4111111111111111, "[CARD_1]"),
        (Decimal(4111111111111111), "[CARD_1]"),
    ],
)
def test_a_value_keeps_its_form(value, redacted):
    assert redact(value) == redacted
    assert type(redact(value)) is type(redacted)


def test_a_frozen_value_stays_frozen():
    frozen = freeze({"a": {"mail": MAIL}})
    assert redact(frozen) == {"a": {"mail": "[EMAIL_1]"}}
    assert type(redact(frozen)) is type(frozen)


@pytest.mark.parametrize(
    "value",
    [
        None, True, 7, 1.5, "text", b"bytes", [1, [2]], (1,), {1}, {"a": {"b": None}},
        Person("a", "b"), Model(mail="x", age=1), Struct("x"), Colour.RED,
        datetime(2026, 5, 1, tzinfo=UTC), Decimal(3),
    ],
)  # fmt: skip
def test_what_has_nothing_to_hide_is_itself(value):
    assert redact(value) is value

"""Freezing: what was decided is what runs. Bytes: what one digest means to everybody."""

from __future__ import annotations

import datetime as dt
import enum
import json
import math
import pickle
import struct
import uuid
from collections import OrderedDict, defaultdict
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import NamedTuple

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.canonical import Frozen, Limits, canonical, digest, freeze, freeze_with_rebuild, read
from remit.canonical.families import freeze_family
from remit.canonical.freezer import Freezer
from remit.errors import NotData

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
whole = st.integers(-(2**53) + 1, 2**53 - 1)
real = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | whole | real | text
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclass
class Line:
    sku: str
    price: Decimal
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Order:
    lines: list[Line]
    total: float = field(init=False, default=0.0)


class Point(NamedTuple):
    x: int
    y: int


class Model(pydantic.BaseModel):
    name: str
    lines: list[Line] = []


class Struct(msgspec.Struct):
    name: str
    when: dt.date


def again(value):
    frozen, rebuild = freeze_with_rebuild(value)
    return frozen if rebuild is None else rebuild(frozen)


@given(values)
def test_a_frozen_value_says_what_the_value_said(value):
    assert json.loads(json.dumps(freeze(value))) == json.loads(json.dumps(value))


@given(values)
def test_freezing_twice_is_freezing_once(value):
    frozen = freeze(value)
    assert freeze(frozen) == frozen


@given(values)
def test_what_is_rebuilt_equals_what_was_given_and_shares_nothing_that_can_change(value):
    rebuilt = again(value)
    assert rebuilt == value
    assert type(rebuilt) is type(value)
    if isinstance(value, list | dict):
        assert rebuilt is not value


@given(values)
def test_canonical_bytes_read_back_and_do_not_depend_on_order(value):
    frozen = freeze(value)
    # RFC 8785 writes large doubles without an exponent; to its readers all numbers are doubles.
    assert json.loads(canonical(frozen), parse_int=float) == json.loads(
        json.dumps(value), parse_int=float
    )
    assert canonical(_reversed(frozen)) == canonical(frozen)


@given(st.dictionaries(text, values, max_size=4))
def test_what_is_frozen_has_the_bytes_that_are_written_member_by_member(value):
    frozen = freeze(value)
    assert canonical(frozen) == canonical(dict(frozen))


@pytest.mark.parametrize("number", [1e16, 1.5, 1e-7, 5e-324, -0.0, 2**53 - 1, 10**15, 10**14])
@pytest.mark.parametrize("key", ["a", "\x7f", "\x00\n", "\u20ac", "\ufb33", "\U0001f600"])
def test_members_with_any_number_and_any_name_are_written_as_by_themselves(number, key):
    frozen = freeze({key: [number], "b": {"\u20ac": number, "\U0001f600": 1, "\ufb33": 2}})
    assert canonical(frozen) == canonical(dict(frozen))


def test_an_integer_that_no_double_holds_has_no_bytes():
    with pytest.raises(NotData, match="2\\*\\*53"):
        canonical(Frozen(number=2**53))


def _reversed(value):
    if isinstance(value, dict):
        return {k: _reversed(v) for k, v in reversed(value.items())}
    return [_reversed(v) for v in value] if isinstance(value, tuple) else value


# RFC 8785 appendix B: the bits of a double, and what they are written as.
RFC8785_NUMBERS = """
0000000000000000 0
8000000000000000 0
0000000000000001 5e-324
8000000000000001 -5e-324
7fefffffffffffff 1.7976931348623157e+308
ffefffffffffffff -1.7976931348623157e+308
4340000000000000 9007199254740992
c340000000000000 -9007199254740992
4430000000000000 295147905179352830000
44b52d02c7e14af5 9.999999999999997e+22
44b52d02c7e14af6 1e+23
44b52d02c7e14af7 1.0000000000000001e+23
444b1ae4d6e2ef4e 999999999999999700000
444b1ae4d6e2ef4f 999999999999999900000
444b1ae4d6e2ef50 1e+21
3eb0c6f7a0b5ed8c 9.999999999999997e-7
3eb0c6f7a0b5ed8d 0.000001
41b3de4355555553 333333333.3333332
41b3de4355555554 333333333.33333325
41b3de4355555555 333333333.3333333
41b3de4355555556 333333333.3333334
41b3de4355555557 333333333.33333343
becbf647612f3696 -0.0000033333333333333333
43143ff3c1cb0959 1424953923781206.2
"""


@pytest.mark.parametrize("line", RFC8785_NUMBERS.split("\n")[1:-1])
def test_numbers_are_written_as_rfc_8785_appendix_b_writes_them(line):
    bits, written = line.split()
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(number).decode() == written


def test_members_are_sorted_by_utf16_code_units_as_in_rfc_8785_section_3_2_3():
    given = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert list(json.loads(canonical(given)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_text_is_escaped_as_in_rfc_8785_section_3_2_2_2():
    given = "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/\x7f\u2028"
    expected = '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f\u2028"'
    assert canonical(given).decode() == expected


def test_a_whole_double_and_the_integer_are_the_same_number():
    assert digest({"amount": 100.0}) == digest({"amount": 100})
    assert digest({"amount": True}) != digest({"amount": 1})


@pytest.mark.parametrize(
    ("value", "frozen"),
    [
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Decimal("12.50"), 12.5),
        (Decimal("1E+3"), 1000),
        (dt.datetime(2026, 11, 21, 9, 30, tzinfo=dt.UTC), "2026-11-21T09:30:00+00:00"),
        (dt.date(2026, 11, 21), "2026-11-21"),
        (dt.time(9, 30), "09:30:00"),
        (dt.timedelta(minutes=1.5), 90.0),
        (b"\x00\xff", "AP8="),
        (bytearray(b"\x00\xff"), "AP8="),
        (Path("/tmp/x"), "/tmp/x"),
        (PurePosixPath("a/b"), "a/b"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ({3, 1, 2}, (1, 2, 3)),
        (frozenset({"b", "a"}), ("a", "b")),
        ((1, [2]), (1, (2,))),
        (Point(1, 2), {"x": 1, "y": 2}),
        (Line("a", Decimal("1.5"), ["t"]), {"sku": "a", "price": 1.5, "tags": ("t",)}),
        (Order([]), {"lines": (), "total": 0.0}),
        (Model(name="m", lines=[Line("a", Decimal(1))]), None),
        (Struct("s", dt.date(2026, 1, 1)), {"name": "s", "when": "2026-01-01"}),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(int, a=1), {"a": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        ({Colour.RED.value: [Colour.RED]}, {"red": ("red",)}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_family_of_data_has_a_frozen_form_and_a_way_back(value, frozen):
    if frozen is not None:
        assert freeze(value) == frozen
        assert type(freeze(value)) is (Frozen if isinstance(frozen, dict) else type(frozen))
    assert again(value) == value


def test_what_is_rebuilt_from_objects_shares_nothing_that_can_change():
    line = Line("a", Decimal(1), ["t"])
    order, model = again(Order([line])), again(Model(name="m", lines=[line]))
    line.tags.append("later")
    assert order.lines[0].tags == ["t"]
    assert model.lines[0].tags == ["t"]
    assert again(model).model_fields_set == {"name", "lines"}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (Decimal("NaN"), "NaN"),
        (Decimal("0.1234567890123456789"), "more digits than a double"),
        (2**53, "beyond 2\\*\\*53"),
        ("\ud800", "lone surrogate"),
        ({"\ud800": 1}, "lone surrogate"),
        ({1: 2}, "keys must be text"),
        (object(), "object, which is not data"),
        (len, "not data"),
        (Line, "not data"),
        (iter([]), "not data"),
        (1j, "complex, which is not data"),
        ({"a": {"b": [0, {"c": math.nan}]}}, r"a\.b\[1\]\.c is nan"),
    ],
)
def test_what_is_not_data_is_refused_by_name(value, why):
    with pytest.raises(NotData, match=why):
        freeze(value)


def test_a_value_that_contains_itself_is_refused():
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(NotData, match="contains itself"):
        freeze(loop)


@pytest.mark.parametrize(
    ("value", "limits", "why"),
    [
        ([[[1]]], Limits(depth=2), "nested over 2 levels"),
        ([1] * 11, Limits(items=10), "more than 10 items"),
        ({str(i): [i] for i in range(6)}, Limits(items=10), "more than 10 items"),
        (["ab"] * 6, Limits(text=11), "more than 11 bytes of text"),
        ("äöü", Limits(text=5), "more than 5 bytes"),
    ],
)
def test_what_is_beyond_the_limits_is_refused(value, limits, why):
    with pytest.raises(NotData, match=why):
        freeze(value, limits)


def test_an_endless_iterable_is_refused_at_the_limit():
    class Endless(list):
        def __iter__(self):
            while True:
                yield 1

    with pytest.raises(NotData, match="more than 10000 items"):
        freeze(Endless())


def test_a_value_whose_own_code_fails_is_refused_and_says_how():
    @dataclass
    class Moody:
        x: int = 1

        def __getattribute__(self, name):
            if name == "x":
                raise RuntimeError("not today")
            return super().__getattribute__(name)

    with pytest.raises(NotData, match="could not be read: RuntimeError: not today"):
        freeze(Moody())


def test_an_object_that_does_not_come_back_as_it_was_is_refused():
    @dataclass
    class Doubling:
        amount: int

        def __post_init__(self):
            self.amount *= 2

    frozen, rebuild = freeze_with_rebuild(Doubling(40))
    assert frozen == {"amount": 80}
    with pytest.raises(NotData, match="Doubling comes back different"):
        rebuild(frozen)


def test_a_model_with_private_attributes_is_refused():
    class Private(pydantic.BaseModel):
        name: str
        _secret: int = pydantic.PrivateAttr(1)

    with pytest.raises(NotData, match="declare it opaque"):
        freeze(Private(name="x"))


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.__setitem__("a", 2),
        lambda f: f.__delitem__("a"),
        lambda f: f.update(a=2),
        lambda f: f.setdefault("b", 2),
        lambda f: f.pop("a"),
        lambda f: f.popitem(),
        lambda f: f.clear(),
        lambda f: f.__ior__({"b": 1}),
        lambda f: setattr(f, "x", 1),
    ],
)
def test_a_frozen_mapping_refuses_to_change(change):
    frozen = freeze({"a": 1})
    with pytest.raises((TypeError, AttributeError)):
        change(frozen)
    assert frozen == {"a": 1}


def test_a_frozen_mapping_can_be_copied_and_sent():
    frozen = freeze({"a": {"b": [1]}})
    assert deepcopy(frozen) is frozen
    assert type(pickle.loads(pickle.dumps(frozen))["a"]) is Frozen
    assert hash(frozen) == hash(freeze({"a": {"b": [1]}}))


@given(values)
def test_canonical_bytes_are_read_as_any_reader_reads_them(value):
    text = canonical(freeze(value))
    assert read(text) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"to": "a", "to": "b"}', "has the member 'to' more than once"),
        ('[{"a": {"x": 1, "y": 2, "x": 1}}]', "has the member 'x' more than once"),
        ('{"score": NaN}', "has the number NaN, which is none in JSON"),
        ("[-Infinity]", "has the number -Infinity"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        (b"\xff", "is not JSON"),
    ],
)
def test_text_that_readers_read_differently_is_no_data(text, why):
    with pytest.raises(NotData, match=why):
        read(text)


@given(st.none() | st.booleans() | st.text(max_size=8) | st.dictionaries(st.text(max_size=3), real))
def test_what_is_frozen_as_it_is_has_the_form_that_looking_into_it_finds(value):
    limits = Limits(text=4, items=2)

    def found(freezing):
        try:
            return freezing()
        except NotData as error:
            return error.why

    whole = found(lambda: Freezer(limits, freeze_family).freeze(value, limits.depth))
    assert found(lambda: freeze_with_rebuild(value, limits)) == whole

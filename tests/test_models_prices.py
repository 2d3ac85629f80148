from __future__ import annotations

import json
from decimal import Decimal
from importlib.resources import files

import pytest

from remit.models import prices
from remit.models.usage import Usage

TABLE = json.loads(files("remit.models").joinpath("prices.json").read_text())
MILLION = 1_000_000


def test_every_price_says_where_it_was_read_and_when():
    assert TABLE["version"] <= max(entry["checked"] for entry in TABLE["models"].values())
    for model, entry in TABLE["models"].items():
        assert entry["source"], model
        assert len(entry["checked"]) == len("2026-01-01"), model


def test_what_is_read_from_a_cache_or_written_to_one_has_its_own_price():
    usage = Usage(
        input=4 * MILLION, output=MILLION, cached=MILLION, written=MILLION, written_longer=MILLION
    )
    # One million each at 2, 0.20, 2.50 and 4 dollars read, and one at 10 written.
    assert prices.standard().cost("claude-sonnet-5", usage) == Decimal("18.7")


def test_reasoning_is_paid_for_as_output_once():
    thought = Usage(output=MILLION, reasoning=900_000)
    assert prices.standard().cost("gpt-4o", thought) == 10


def test_sums_are_right_to_the_last_digit():
    one = prices.standard().cost("gpt-4o-mini", Usage(input=1, output=1))
    assert one == Decimal("0.00000075")
    assert sum([one] * 100_000) == Decimal("0.075")


def test_a_long_call_has_the_prices_of_long_calls_for_all_of_it():
    cost = prices.standard().cost
    assert cost("gpt-5.4", Usage(input=272_000)) == Decimal("0.68")
    assert cost("gpt-5.4", Usage(input=272_001)) == Decimal("1.360005")


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        ("gpt-99", Usage(input=1)),
        ("gpt-4o-2024-05-13", Usage(input=1)),
        ("gpt-4o", Usage(input=1, written=1)),
        ("gpt-4o", Usage(input=1, besides="service tier priority")),
        ("claude-sonnet-4-5", Usage(input=200_001)),
        ("gpt-4o", Usage(input=1, cached=2)),
    ],
    ids=["model", "version of a model", "kind of token", "tier", "length", "counts"],
)
def test_what_the_table_does_not_say_is_unknown_and_not_nothing(model, usage):
    assert prices.standard().cost(model, usage) is None


def test_a_file_goes_before_the_table_that_comes_with_remit(tmp_path):
    file = tmp_path / "prices.json"
    file.write_text('{"models": {"gpt-4o": {"input": 1, "output": "2", "also": ["mine"]}}}')
    table = prices.load(file)
    assert table.cost("mine", Usage(input=MILLION, output=MILLION)) == 3
    assert table.cost("gpt-4o", Usage(input=MILLION)) == 1
    assert table.cost("gpt-4o-mini", Usage(input=MILLION)) == Decimal("0.15")


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ('{"input": 1}', "needs 'input' and 'output'"),
        ('{"input": 1, "output": 2, "inptu": 3}', "unknown 'inptu'"),
        ('{"input": "one", "output": 2}', "input is no number"),
        ('{"input": -1, "output": 2}', "input is no price"),
        ('{"input": NaN, "output": 2}', "input is no price"),
        ('{"input": 1, "output": 2, "above": {"input": 2}}', "says how many 'tokens'"),
        ('{"input": 1, "output": 2, "also": ["mine"]}', "mine is there twice"),
        ("3", "is no mapping"),
    ],
)
def test_a_mistake_in_a_file_of_prices_is_an_error(tmp_path, entry, why):
    file = tmp_path / "prices.json"
    file.write_text(f'{{"models": {{"mine": {entry}}}}}')
    with pytest.raises(ValueError, match=why):
        prices.load(file)

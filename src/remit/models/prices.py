"""What tokens cost. A model that the table does not have has an unknown cost, never none.

The table is `prices.json`: amounts in USD for a million tokens, as text, so that sums are
exact. Each entry says where its amounts were read, and when.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from remit.models.usage import Usage

PER = 1_000_000
_RATES = ("input", "output", "cached", "written", "written_longer")
_FIELDS = {*_RATES, "also", "above", "source", "checked"}


@dataclass(frozen=True, slots=True)
class Rates:
    """What a million tokens cost, in USD; None where nobody here knows."""

    input: Decimal
    output: Decimal
    cached: Decimal | None = None
    written: Decimal | None = None
    written_longer: Decimal | None = None

    def cost(self, usage: Usage) -> Decimal | None:
        """What *usage* costs, to the last digit."""
        fresh = usage.input - usage.cached - usage.written - usage.written_longer
        if fresh < 0:
            return None
        cost = fresh * self.input + usage.output * self.output
        for tokens, rate in (
            (usage.cached, self.cached),
            (usage.written, self.written),
            (usage.written_longer, self.written_longer),
        ):
            if tokens and rate is None:
                return None
            cost += tokens * (rate or 0)
        return cost / PER


@dataclass(frozen=True, slots=True)
class Price:
    """What one model costs."""

    rates: Rates
    above: tuple[int, Rates | None] | None = None
    """Other rates, for all tokens of a call whose input is longer than this."""

    def cost(self, usage: Usage) -> Decimal | None:
        """What *usage* costs; None if a part of it is billed in a way that is not known here."""
        if usage.besides:
            return None
        rates: Rates | None = self.rates
        if self.above is not None and usage.input > self.above[0]:
            rates = self.above[1]
        return None if rates is None else rates.cost(usage)


class Prices:
    """What models cost, by their exact names."""

    def __init__(self, models: Mapping[str, Price]) -> None:
        self._models = dict(models)

    @classmethod
    def read(cls, text: str, where: str) -> Prices:
        """The table in *text*.

        Raises:
            ValueError: it is no such table; the message says in which entry.
        """
        table = json.loads(text)
        if not isinstance(table, dict) or not isinstance(table.get("models"), dict):
            raise _wrong(where, "a table of prices has 'models'")
        found: dict[str, Price] = {}
        for model, entry in table["models"].items():
            price = _price(entry, f"{where}: {model}")
            for name in (model, *entry.get("also", ())):
                if name in found:
                    raise _wrong(where, f"{name} is there twice")
                found[name] = price
        return cls(found)

    def cost(self, model: str, usage: Usage) -> Decimal | None:
        """What *usage* of *model* costs in USD, or None if that is not known here."""
        price = self._models.get(model)
        return None if price is None else price.cost(usage)

    def over(self, other: Prices) -> Prices:
        """These prices, and those of *other* for what is not here."""
        return Prices({**other._models, **self._models})


def _price(entry: Any, where: str) -> Price:
    if not isinstance(entry, dict):
        raise _wrong(where, "is no mapping")
    if unknown := sorted(set(entry) - _FIELDS):
        raise _wrong(where, f"unknown {unknown[0]!r}; there are {', '.join(sorted(_FIELDS))}")
    rates = _rates(entry, where)
    above = entry.get("above")
    if above is None:
        return Price(rates)
    if not isinstance(above, dict) or not isinstance(above.get("tokens"), int):
        raise _wrong(where, "'above' says how many 'tokens'")
    if len(above) == 1:
        return Price(rates, (above["tokens"], None))
    return Price(rates, (above["tokens"], _rates(above, f"{where}: above")))


def _rates(entry: Mapping[str, Any], where: str) -> Rates:
    amounts: dict[str, Decimal] = {}
    for name in _RATES:
        if name not in entry:
            continue
        try:
            amounts[name] = Decimal(str(entry[name]))
        except InvalidOperation:
            raise _wrong(where, f"{name} is no number") from None
        if not amounts[name].is_finite() or amounts[name] < 0:
            raise _wrong(where, f"{name} is no price")
    if not {"input", "output"} <= amounts.keys():
        raise _wrong(where, "needs 'input' and 'output'")
    return Rates(**amounts)


def _wrong(where: str, what: str) -> ValueError:
    return ValueError(f"{where}: {what}")


@cache
def standard() -> Prices:
    """The table that comes with Remit."""
    return Prices.read(files("remit.models").joinpath("prices.json").read_text(), "prices.json")


def load(file: str | Path) -> Prices:
    """The prices in *file*, and those that come with Remit for what it does not have."""
    return Prices.read(Path(file).read_text(encoding="utf-8"), str(file)).over(standard())

"""Tools by name: what a model gets to know, and what its JSON becomes."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
import pydantic
import pytest

import remit
from remit import Guard, MemoryLedger, Policy, Toolbox

POLICY = """
remit: 1
name: tools
default: allow
rules:
  - {id: no-large, action: refund, effect: deny, when: args.amount > 100, reason: too much}
"""


class Address(pydantic.BaseModel):
    street: str
    zip: int


@dataclass
class Line:
    sku: str
    count: int = 1


@pytest.fixture
def toolbox():
    toolbox = Toolbox(Guard(Policy.parse(POLICY), ledger=MemoryLedger()))

    @toolbox.register
    def refund(order_id: str, amount: Annotated[float, msgspec.Meta(ge=0)], why: str = "") -> str:
        """Pay an order back.

        All of it or some.
        """
        return f"{order_id} {amount} {why}"

    @toolbox.register(name="calendar.add")
    async def add(when: dt.datetime, kind: Literal["call", "visit"] = "call") -> dt.datetime:
        return when

    @toolbox.register
    def ship(lines: list[Line], to: Address) -> tuple[list[Line], Address]:
        return lines, to

    @toolbox.register
    def count(upto: int):
        yield from range(upto)

    @toolbox.register
    def anything(**more):
        return more

    return toolbox


def test_names_and_schemas_are_what_a_model_is_told(toolbox):
    assert toolbox.names == ("refund", "calendar.add", "ship", "count", "anything")
    refund, add, ship, _, anything = toolbox.schemas()
    assert refund == {
        "name": "refund",
        "description": "Pay an order back.\n\nAll of it or some.",
        "parameters": {
            "type": "object",
            "properties": {
                "order_id": {"type": "string"},
                "amount": {"type": "number", "minimum": 0},
                "why": {"type": "string", "default": ""},
            },
            "required": ["order_id", "amount"],
            "additionalProperties": False,
        },
    }
    assert add["parameters"]["properties"]["when"] == {"type": "string"}
    assert "Line" in ship["parameters"]["$defs"]
    assert ship["parameters"]["properties"]["to"]["properties"]["zip"]["type"] == "integer"
    assert anything["parameters"]["additionalProperties"] is True


def test_json_becomes_the_types_a_tool_declares(toolbox):
    assert toolbox.call("refund", {"order_id": "o-1", "amount": 5}) == "o-1 5.0 "
    when = dt.datetime(2026, 11, 21, 9, tzinfo=dt.UTC)
    assert asyncio.run(toolbox.acall("calendar.add", {"when": "2026-11-21T09:00:00Z"})) == when
    arguments = {"lines": [{"sku": "a"}], "to": {"street": "Elm", "zip": 1}}
    assert toolbox.call("ship", arguments) == ([Line("a")], Address(street="Elm", zip=1))
    assert list(toolbox.call("count", {"upto": 3})) == [0, 1, 2]
    assert toolbox.call("anything", {"a": 1}) == {"a": 1}


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("refnd", {}, "there is no tool 'refnd'"),
        ("refund", {"order_id": "o", "amount": 500}, "too much"),
        ("refund", {"order_id": "o", "amount": "5"}, "argument 'amount': Expected `float`"),
        ("refund", {"order_id": "o", "amount": -1}, "argument 'amount'"),
        ("refund", {"order_id": "o"}, "needs 'amount'; its arguments are 'order_id', 'amount'"),
        ("refund", {"order_id": "o", "amont": 1}, "has no argument 'amont' and needs 'amount'"),
        ("ship", {"lines": [], "to": {"street": "x", "zip": "no"}}, "zip"),
        ("anything", {"x": object()}, "not data"),
    ],
)
def test_what_does_not_fit_is_denied_and_recorded(toolbox, name, arguments, why):
    ledger = toolbox.guard.ports.ledger
    with pytest.raises(remit.Denied, match=why):
        toolbox.call(name, arguments)
    with pytest.raises(remit.Denied, match=why):
        asyncio.run(toolbox.acall(name, arguments))
    assert [record.kind.value for record in ledger.records] == ["refused", "refused"]


def test_a_name_is_taken_once(toolbox):
    with pytest.raises(ValueError, match="'refund' is registered already"):
        toolbox.register(name="refund")(lambda: None)

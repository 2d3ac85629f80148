"""The programs of `differential/`, on a small number; run them by hand on a large one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from random import Random

import pytest

from remit.expr import EvalError, ExprError
from remit.policy import consult, narrow, part

sys.path.append(str(Path(__file__).parent / "differential"))

from expressions import ACTIVATION, ENVIRONMENT
from grammar import KINDS, expression, made

HERE = Path(__file__).parent / "differential"


def program(name):
    spec = importlib.util.spec_from_file_location(f"differential_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


policies, cel = program("policies"), program("cel")


@pytest.fixture(autouse=True)
def what_the_programs_change_is_put_back(monkeypatch):
    for module, name in (
        (narrow, "WORTH_AN_INDEX"),
        (narrow, "ALWAYS_WORTH_IT"),
        (consult, "MANY"),
        (consult, "FIRST"),
        (part, "MANY"),
        (part, "OFTEN"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_thousand_decisions_agree_with_the_reference(seed):
    assert list(policies.disagreements(1000, seed)) == []


def test_what_is_wrong_is_told_with_all_it_takes_to_see_it_again(monkeypatch):
    monkeypatch.setattr(policies, "summary", lambda _: "something else")
    found = list(policies.disagreements(3, seed=1))
    assert len(found) == 3
    assert all("said something else" in each for each in found)


def test_a_seed_makes_the_same_expressions_every_time():
    assert [expression(Random(4)) for _ in range(3)] == [expression(Random(4)) for _ in range(3)]


def test_half_of_the_expressions_have_a_value_and_both_forms_agree_on_all():
    random = Random(1)
    answers = [cel.answer(expression(random)) for _ in range(1000)]
    assert "two answers" not in {answer[0] for answer in answers}
    values = [answer for answer in answers if answer[0] not in cel.NO_VALUE]
    assert 400 < len(values) < 800
    assert {kind for kind, _ in values} >= {*KINDS}


def test_answers_agree_if_type_and_value_do_or_neither_has_a_value():
    assert cel.agree(["int", "1"], ["int", "1"])
    assert not cel.agree(["int", "1"], ["uint", "1"])
    assert cel.agree(["error", "this"], ["refused", "that"])
    assert not cel.agree(["error", "this"], ["int", "1"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # What comparing with the official runtime found.
        ("1.0 / math.trunc(-0.5)", float("-inf")),
        ("1.0 / math.ceil(-0.5)", float("-inf")),
        ("1.0 / math.round(-0.25)", float("-inf")),
        ("1.0 / math.floor(-0.0)", float("-inf")),
        ("math.ceil(-1.5)", -1.0),
        ("-9223372036854775808 % 1", 0),
        ("duration('0') == duration('0s') && duration('-0') == duration('0s')", True),
        # Spelled like the official runtime, whatever the number is before it is a double.
        ("'%.2f'.format([9007199254740993.0])", "9007199254740992.00"),
        ("'%.2f'.format([9007199254740993])", "9007199254740992.00"),
        ("'%.2f'.format([9007199254740993u])", "9007199254740992.00"),
    ],
)
def test_what_ours_once_got_wrong_is_right(text, value):
    assert ENVIRONMENT.compile(text).evaluate(ACTIVATION) == value


def test_a_remainder_whose_quotient_overflows_is_an_error():
    with pytest.raises((EvalError, ExprError)):
        ENVIRONMENT.compile("-9223372036854775808 % (i - 8)").evaluate(ACTIVATION)


def test_every_kind_of_expression_can_be_made():
    random = Random(2)
    for kind in KINDS:
        assert made(random, kind, 2)

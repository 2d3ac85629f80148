"""Facts that nothing declares: what can still be told to be misspelt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.policy import Policy
from remit.policy.check import Kind
from remit.policy.check.spelling import _one_edit


def facts_found(*conditions: str) -> list[str]:
    rules = "".join(
        f"  - {{id: r{n}, action: a{n}, when: '{condition}', effect: allow}}\n"
        for n, condition in enumerate(conditions)
    )
    found = Policy.parse(f"remit: 1\nrules:\n{rules}").check()
    return [f.message.split("'")[1] for f in found if f.kind is Kind.MISSPELT_FACT]


@pytest.mark.parametrize("fact", ["orle", "rol", "rolee", "rple", "sccopes", "usr", "tenat"])
def test_a_fact_one_letter_away_from_a_field_of_the_session_is_found(fact):
    assert facts_found(f'session.{fact} == "x"') == [f"session.{fact}"]


def test_a_fact_one_letter_away_from_one_that_more_rules_read_is_found():
    conditions = ['context.region == "eu"'] * 2 + ['context.regoin == "eu"']
    assert facts_found(*conditions) == ["context.regoin"]
    owner = ['subject.properties.team == "a"'] * 2 + ['subject.properties.teem == "a"']
    assert facts_found(*owner) == ["subject.properties.teem"]


@pytest.mark.parametrize(
    "condition",
    [
        'session.role == "x"',
        'session.region == "x"',
        'context.role == "x"',
        'context.urole == "x" && context.vrole == "x"',
        'args.session.orle == "x"',
        'context.ab == "x"',
    ],
)
def test_what_may_well_be_meant_is_left_alone(condition):
    assert facts_found(condition) == []


letters = st.text("abc", max_size=5)


def edits(text: str) -> set[str]:
    """Every text one edit away, the slow way."""
    splits = [(text[:i], text[i:]) for i in range(len(text) + 1)]
    return (
        {a + b[1:] for a, b in splits if b}
        | {a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1}
        | {a + c + b[1:] for a, b in splits if b for c in "abc"}
        | {a + c + b for a, b in splits for c in "abc"}
    ) - {text}


@given(letters, letters)
def test_one_edit_is_what_the_slow_way_says(one, other):
    assert _one_edit(one, other) == (other in edits(one))

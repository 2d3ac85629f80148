"""Defects that were planted are found, and nothing is found where there are none."""

from __future__ import annotations

import planted
import pytest

from remit.policy import Policy


def test_of_200_planted_defects_95_in_100_are_found_and_nothing_is_beside_them():
    samples = [sample for _, sample in planted.defects()]
    assert len(samples) == 200
    assert len({sample.text for sample in samples}) == 200
    found = sum(map(planted.is_found, samples))
    print(f"{found} of 200 planted defects found")
    assert found >= 190
    beside = [f for s in samples for f in planted.serious(s) if f.rule not in {"defect", "over"}]
    assert beside == []


def test_on_200_clean_policies_nothing_of_the_planted_kinds_is_found():
    assert [planted.serious(planted.clean(seed)) for seed in range(200)] == [[]] * 200


@pytest.mark.parametrize("seed", range(0, 200, 10))
def test_every_rule_of_a_clean_policy_decides_something(seed):
    sample = planted.clean(seed)
    policy = Policy.parse(sample.text)
    for rule, request in sample.witnesses:
        assert rule in policy.decide(request).rules, (rule, sample.text)

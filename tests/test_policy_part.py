"""What is asked for often has candidates of its own, and is decided as everything else."""

from __future__ import annotations

import pytest

from remit.model import Action, Request, Resource, Subject
from remit.policy import Policy
from remit.policy.part import LARGEST, OFTEN, TRIES

RULES = 600


def policy(noun: str, pattern: str) -> Policy:
    """Many rules about any action; *pattern* says whom or what number *n* is about."""
    rules = "".join(
        f"  - {{id: r{n}, action: '*', {noun}: '{pattern.format(n=n)}', effect: allow}}\n"
        for n in range(RULES)
    )
    last = f"  - {{id: all, action: '*', {noun}: '*', when: args.n > 4, effect: deny}}\n"
    return Policy.parse(f"remit: 1\nrules:\n{rules}{last}")


def about(noun: str, name: str, **args) -> Request:
    if noun == "subject":
        return Request(Subject("agent", name), Action("x", args))
    return Request(Subject("agent", "a"), Action("x", args), Resource("file", name))


def parts(made: Policy):
    return made._dispatch.find("x").parts


@pytest.mark.parametrize(("noun", "kind"), [("subject", "agent"), ("resource", "file")])
def test_what_is_asked_for_often_is_decided_among_those_it_concerns(noun, kind):
    made = policy(noun, kind + ":n{n}")
    for asked in range(OFTEN + 3):
        assert made.decide(about(noun, "n7", n=1)).rules == ("r7",)
        assert made.decide(about(noun, "n7", n=9)).rules == ("all",)
        assert made.decide(about(noun, "n7")).errors
        assert made.decide(about(noun, f"n{asked}", n=1)).rules == (f"r{asked}",)
    (part,) = parts(made).shapes()
    assert [each.label for each in part.candidates] == ["all", "r7"]


def test_parts_do_not_grow_with_what_is_asked_about(monkeypatch):
    monkeypatch.setattr("remit.policy.part.PARTS", 4)
    monkeypatch.setattr("remit.policy.part.OFTEN", 1)
    made = policy("resource", "file:n{n}")
    for n in range(50):
        assert made.decide(about("resource", f"n{n}", n=1)).rules == (f"r{n}",)
        assert len(parts(made).shapes()) <= 4


def test_decisions_of_parts_are_forgotten_with_the_others(monkeypatch):
    monkeypatch.setattr("remit.policy.part.OFTEN", 1)
    made = policy("resource", "file:n{n}")
    made.decide(about("resource", "n7", n=1))
    (part,) = parts(made).shapes()
    assert part.decisions
    assert part
    made._dispatch.forget_decisions()
    assert not part.decisions
    assert not part


def test_where_everything_concerns_most_candidates_there_are_no_parts(monkeypatch):
    monkeypatch.setattr("remit.policy.part.OFTEN", 1)
    wide = "".join(
        f"  - {{id: w{n}, action: '*', resource: 'file:*', effect: ask}}\n"
        for n in range(LARGEST + 1)
    )
    made = Policy.parse(f"remit: 1\nname: wide\nrules:\n{wide}").stack(
        policy("resource", "file:n{n}")
    )
    for n in range(TRIES):
        assert parts(made)
        assert made.decide(about("resource", f"n{n}", n=1)).approval
    assert parts(made) is None
    assert made.decide(about("resource", "n1", n=1)).approval


def test_where_no_rule_says_whom_or_what_it_is_about_there_are_no_parts():
    assert parts(policy("subject", "*")) is None

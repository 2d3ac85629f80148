"""What a check of a policy finds, and what it leaves alone."""

from __future__ import annotations

import pytest

from remit.policy import Policy

ALLOW = "{id: yes, action: '*', when: args.n > 1, effect: allow}"
TWO = "['user:u', 'user:v']"

FOUND = [
    (["{id: no, action: 'a*', effect: deny}", "{id: a, action: [ab, Ac], effect: allow}"], "a",
     "rule 'a' never matters: all it is about is denied by 'no'"),
    (["{id: n1, action: a, effect: deny}", "{id: n2, action: b, effect: deny}",
      "{id: x, action: [a, b], effect: ask}"], "x",
     "rule 'x' never matters: all it is about is denied by 'n1' and 'n2'"),
    (["{id: no, action: 'a*', effect: deny}", "{id: a, action: 'ab*', effect: allow}"], "a",
     "rule 'a' never matters"),
    (["{id: a, action: x, effect: deny}", "{id: b, action: X, effect: deny}"], "b",
     "rule 'b' repeats 'a'; remove one of them"),
    (["{id: a, action: x, subject: 'user:u', effect: ask, approvers: ['user:u']}"], "a",
     "nobody can lift rule 'a': user:u cannot approve requests of their own"),
    ([f"{{id: a, action: x, subject: 'user:u', effect: ask, approvers: {TWO}, quorum: 2}}"], "a",
     "nobody can lift rule 'a'"),
    (["{id: a, action: 'd\u0435lete', effect: allow}"], "a", "only look like ASCII; type it again"),
]  # fmt: skip

LEFT_ALONE = [
    ["{id: no, action: a, when: args.n > 1, effect: deny}", "{id: a, action: a, effect: allow}"],
    ["{id: no, action: a, subject: 'user:*', effect: deny}", "{id: a, action: a, effect: allow}"],
    ["{id: no, action: a, mode: monitor, effect: deny}", "{id: a, action: a, effect: allow}"],
    ["{id: no, action: a, approvers: 'user:m', effect: deny}", "{id: a, action: a, effect: allow}"],
    ["{id: no, action: a*b, effect: deny}", "{id: a, action: 'a*', effect: allow}"],
    ["{id: no, action: a, effect: deny}", "{id: a, action: [a, b], effect: allow}"],
    ["{id: a, action: x, subject: ['user:u', 'user:v'], effect: ask, approvers: ['user:u']}"],
    ["{id: a, action: x, subject: 'user:u', effect: ask, approvers: ['user:u', 'role:m']}"],
    ["{id: a, action: '\u0443\u0434\u0430\u043b\u0438', effect: allow}"],
]  # fmt: skip


def policy(*rules: str, head: str = "", name: str = "p") -> Policy:
    lines = "".join(f"  - {rule}\n" for rule in rules)
    text = f"remit: 1\nname: {name}\n{head}\nrules:\n{lines or '  []'}\n"
    return Policy.parse(text, file=f"{name}.yaml")


@pytest.mark.parametrize(("rules", "rule", "message"), FOUND)
def test_a_rule_that_is_probably_not_meant_is_found(rules, rule, message):
    (finding,) = policy(ALLOW, *rules).check()
    assert finding.rule == rule
    assert message in finding.message
    assert finding.place.line == 5 + len(rules)
    assert str(finding).startswith(f"p.yaml:{5 + len(rules)}:10: warning: ")


@pytest.mark.parametrize("rules", LEFT_ALONE)
def test_a_rule_that_may_be_meant_is_left_alone(rules):
    assert policy(ALLOW, *rules).check() == ()


def test_rules_behind_a_catch_all_are_found_where_the_first_match_decides():
    rules = ["{id: all, action: '*', effect: allow}", "{id: no, action: x, effect: deny}"]
    (finding,) = policy(*rules, head="order: first-match").check()
    assert "rule 'no' is never reached: 'all' stands before it" in finding.message
    assert policy(*rules).check() == ()
    assert policy(*rules[::-1], head="order: first-match").check() == ()


def test_a_denial_in_one_document_makes_rules_of_another_pointless():
    above = policy("{id: no, action: x, effect: deny}", head="default: abstain", name="above")
    below = policy("{id: a, action: x, effect: allow}", name="below")
    (finding,) = above.stack(below).check()
    assert (finding.place.file, finding.rule) == ("below.yaml", "a")


def test_a_document_that_allows_nothing_is_found():
    (finding,) = policy("{id: no, action: x, effect: deny}").check()
    assert "'p' allows nothing" in finding.message
    (finding,) = policy(ALLOW, head="mode: monitor").check()
    assert "every document is in mode: monitor" in finding.message
    assert policy("{id: no, action: x, effect: deny}", head="default: abstain").check() == ()

"""What a check of a policy finds, and what it leaves alone."""

from __future__ import annotations

import pytest

from remit.errors import PolicyError
from remit.policy import Policy
from remit.policy.check import Kind

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

MANY_OTHERS = [
    f"{{id: n{n}, action: a, when: 'args.other == {n} && args.kind == \"k{n}\"', effect: deny}}"
    for n in range(20)
]
FOUND.append(
    (
        [
            *MANY_OTHERS,
            "{id: low, action: a, when: args.n < 5, effect: deny}",
            "{id: high, action: a, when: args.n >= 5, effect: deny}",
            "{id: x, action: a, when: args.n > 0, effect: allow}",
        ],
        "x",
        "rule 'x' never matters: all it is about is denied by 'low' and 'high'",
    )
)

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
    allowed, finding = policy(*rules, head="order: first-match").check()
    assert "rule 'no' is never reached: 'all' stands before it" in finding.message
    assert finding.related[0].place == allowed.place
    assert allowed.kind is Kind.EVERYTHING_ALLOWED
    assert policy(*rules).check() == (allowed,)
    (note,) = policy(*rules[::-1], head="order: first-match").check()
    assert (note.kind, note.level) == (Kind.EVERYTHING_ALLOWED, "note")


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


# One defect each: what heads the policy, its rules, and the kind that is found on which rule.
KINDS = [
    ("", ["{id: no, action: a, when: args.n > 5, effect: deny}",
          "{id: x, action: a, when: args.n > 9, effect: allow}"], Kind.SHADOWED, "x"),
    ("", ["{id: low, action: a, when: args.n <= 5, effect: deny}",
          "{id: high, action: a, when: args.n > 5, effect: deny}",
          "{id: x, action: a, when: args.n > 0, effect: allow}"], Kind.SHADOWED, "x"),
    ("", ["{id: q, action: a, effect: ask}", "{id: x, action: a, effect: allow}"],
     Kind.SHADOWED, "x"),
    ("", ["{id: x, action: a, effect: allow, when: 'args.n > 5 && args.n < 3'}"],
     Kind.CONTRADICTORY, "x"),
    ("", ["{id: x, action: a, effect: allow, when: 'args.n > 9 || (args.m == 1 && args.m == 2)'}"],
     Kind.CONTRADICTORY, "x"),
    ("", ["{id: x, action: a, effect: deny, when: 'args.f || !args.f'}"], Kind.ALWAYS_TRUE, "x"),
    ("", ["{id: x, action: a, effect: allow, when: 'true'}"], Kind.ALWAYS_TRUE, "x"),
    ("", ["{id: all, action: 'a*', effect: allow}", "{id: x, action: ab, effect: allow}"],
     Kind.REDUNDANT, "x"),
    ("", ["{id: m, action: a, when: args.n > 1, effect: ask}",
          "{id: x, action: a, when: args.n > 9, effect: ask, approvers: 'role:boss'}"],
     Kind.OVERLAPPING_ASKS, "x"),
    ("", ["{id: x, action: a, effect: ask, approvers: 'role:boss', mode: monitor}"],
     Kind.MONITORED, "x"),
    ("", ["{id: x, action: a, effect: ask, approvers: 'role:*'}"], Kind.NOT_LIFTABLE, "x"),
    ("", ["{id: x, action: a, effect: ask, approvers: ['user:a', 'user:A'], quorum: 2}"],
     Kind.NOT_LIFTABLE, "x"),
    ("", ['{id: x, action: "a\\u200bb", effect: allow}'], Kind.LOOK_ALIKE, "x"),
    ("order: first-match", ["{id: o, action: a, when: args.n > 5, effect: ask}",
                            "{id: x, action: a, when: args.n > 9, effect: allow}"],
     Kind.UNREACHABLE, "x"),
    ("", ["{id: x, action: '*', effect: deny}"], Kind.NOTHING_ALLOWED, "x"),
]  # fmt: skip
MEANT = [
    ("", ["{id: no, action: a, when: args.n > 9, effect: deny}",
          "{id: x, action: a, when: args.n > 5, effect: allow}"]),
    # Where an argument is missing both apply, and a denial alone would not ask.
    ("", ["{id: no, action: a, when: args.n == 5, effect: deny}",
          "{id: x, action: a, when: 'args.n >= 5 && args.n <= 5', effect: ask}"]),
    ("", ["{id: q, action: a, effect: ask}",
          "{id: x, action: a, effect: allow, obligations: [{type: redact}]}"]),
    ("", ["{id: n, action: a, approvers: 'role:m', effect: deny}",
          "{id: x, action: a, effect: allow}"]),
    ("", ["{id: all, action: 'a*', effect: deny}",
          "{id: x, action: ab, effect: deny, reason: because}"]),
    ("", ["{id: m, action: a, when: args.n > 1 && args.n <= 9, effect: ask}",
          "{id: x, action: a, when: args.n > 9, effect: ask, approvers: 'role:boss'}"]),
    ("", ["{id: x, action: a, subject: 'user:a', effect: ask, approvers: ['user:a', 'user:b']}"]),
    ("", ["{id: x, action: a, when: 'session.user != \"a\"', effect: ask, approvers: 'user:a'}"]),
    ("order: first-match", ["{id: o, action: a, when: args.n > 9, effect: ask}",
                            "{id: x, action: a, when: args.n > 5, effect: allow}"]),
    ("order: first-match", ["{id: o, action: a, effect: deny, approvers: 'role:m'}",
                            "{id: x, action: a, effect: allow}"]),
]  # fmt: skip


@pytest.mark.parametrize(("head", "rules", "kind", "rule"), KINDS)
def test_each_kind_of_defect_is_found_on_its_rule(head, rules, kind, rule):
    assert (kind, rule) in {(f.kind, f.rule) for f in policy(ALLOW, *rules, head=head).check()}


@pytest.mark.parametrize(("head", "rules"), MEANT)
def test_rules_that_share_actions_and_all_matter_are_left_alone(head, rules):
    look = "{id: look, action: look, effect: allow}"
    assert policy(look, *rules, head=head).check() == ()


def test_an_ask_in_one_document_leaves_an_allow_in_another_its_meaning():
    above = policy("{id: q, action: x, effect: ask}", name="above")
    below = policy("{id: a, action: x, effect: allow}", name="below")
    assert above.stack(below).check() == ()


def test_a_policy_whose_only_permission_cannot_apply_allows_nothing():
    never = "{id: a, action: x, when: 'args.n in []', effect: allow}"
    kinds = {finding.kind for finding in policy(never).check()}
    assert kinds == {Kind.CONTRADICTORY, Kind.NOTHING_ALLOWED}


def test_of_a_window_that_is_over_before_a_condition_begins_nothing_is_left():
    rule = "{id: a, action: x, effect: ask, valid: {until: 2026-01-01}, when: %s}"
    late = "'now > timestamp(\"2027-01-01T00:00:00Z\")'"
    kinds = {finding.kind for finding in policy(ALLOW, rule % late).check()}
    assert Kind.CONTRADICTORY in kinds


AEGIS = """\
version: "1"
defaults: {risk_level: medium, approval: approve}
rules:
  - {name: write_ops, match: {type: "write_*", target: "*"}, risk_level: high, approval: approve}
  - name: after_hours_write_block
    match: {type: "write_*", target: "*"}
    conditions: {time_after: "18:00"}
    approval: block
  - name: early_morning_write_block
    match: {type: "write_*", target: "*"}
    conditions: {time_before: "08:00"}
    approval: block
  - {name: block_deletes, match: {type: "delete_*", target: "*"}, approval: block}
"""


def test_the_after_hours_rules_of_an_aegis_policy_are_behind_one_without_hours():
    found = Policy.parse(AEGIS, file="policy.yaml").check()
    dead = {f.rule.replace("_", "-"): f for f in found if f.kind is Kind.UNREACHABLE}
    assert set(dead) == {"after-hours-write-block", "early-morning-write-block"}
    assert all("stands before it" in finding.message for finding in dead.values())


def test_limits_are_held_against_tools_and_their_approvers_looked_at():
    text = (
        "remit: 1\nname: shop\ntools: {pay: {properties: {amount: {type: number}}}}\n"
        "rules:\n- {id: pay, action: pay, effect: allow}\nlimits:\n"
        "- {id: a, action: pay, window: 1d, max: {calls: 3}, effect: ask, approvers: 'user:*'}\n"
    )
    (found,) = Policy.parse(text).check()
    assert str(found).startswith("policy.yaml:7:8: warning: nobody can lift limit 'a': user:* is")
    with pytest.raises(PolicyError, match=r"policy.yaml:8:30: .*'amout'"):
        Policy.parse(
            text + "- {id: b, action: pay, when: args.amout > 3, window: 1d, max: {calls: 3}}\n"
        )

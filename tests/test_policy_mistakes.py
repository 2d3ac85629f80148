"""Every mistake in a policy is told with its place and a cure."""

from __future__ import annotations

import pytest

from remit.errors import PolicyError
from remit.policy import Policy
from remit.policy.load import mistakes
from remit.policy.located import MAX_BYTES

HEAD = "remit: 1\nrules:\n"
RULE = HEAD + "  - id: a\n    action: x\n    effect: deny\n"
ASK = HEAD + "  - id: a\n    action: x\n    effect: ask\n"

# text, line, column, part of the message, part of the cure
MISTAKES = [
    # The file
    ("", 0, 0, "the file is empty", "begins with its version"),
    ("# nothing\n", 0, 0, "the file is empty", "begins with its version"),
    (b"remit: 1\nname: \xff\n", 2, 7, "byte 0xff is not UTF-8", "save the file as UTF-8"),
    ("remit: 1\nname: a\x00b\n", 2, 8, "U+0000 cannot stand", "remove it"),
    ("remit: 1\n\u2028rules: []\n", 2, 1, "U+2028 cannot stand", "remove it"),
    ("#" * (MAX_BYTES + 1), 0, 0, "over the 8388608", "split it"),
    # YAML
    ("remit: 1\nremit: 1\n", 2, 1, "'remit' stands twice, first on line 1", "keep one"),
    ("remit: 1\n---\nremit: 1\n", 2, 1, "a second document", "one document per file"),
    ("remit: 1\nname: &a x\n<<: *a\n", 3, 1, "merge keys", "write the keys out"),
    ("remit: 1\nname: *a\n", 2, 7, "repeats nothing", "put text in quotes"),
    ("remit: 1\nname: !!str x\n", 2, 7, "YAML tag", "remove any other tag"),
    ("remit: 1\nname: !x y\n", 2, 7, "YAML tag", "in quotes"),
    ("remit: 1\n1: x\n", 2, 1, "the key 1 is not text", "put it in quotes"),
    ("remit: 1\n~: x\n", 2, 1, "the key ~ is not text", "put it in quotes"),
    ("remit: 1\n? [a]\n: b\n", 2, 3, "a key must be text", "cannot be one"),
    ("remit: 1\nname: 'x\n", 3, 1, "not YAML", "close the quote"),
    ("remit: 1\nrules: [a, b\n", 3, 1, "not YAML", "close the bracket"),
    ("remit: 1\nrules:\n\t- id: a\n", 3, 1, "not YAML", "indent with spaces"),
    ("remit: 1\nname: a: b\n", 2, 8, "not YAML", "put the value in quotes"),
    ("remit: 1\nname: 99999999999999999\n", 2, 7, "beyond 2**53", "put it in quotes"),
    ("remit: 1\nname: .nan\n", 2, 7, "not a number", "write a finite one"),
    ("remit: 1\nname: 1e999\n", 2, 7, "not a number", "write a finite one"),
    ("[" * 40, 1, 33, "over 32 levels", "flatten it"),
    # The document
    ("- a\n", 1, 1, "a policy is a mapping", "not a list"),
    ("rules: []\n", 1, 1, "no 'remit'", "begin it with 'remit: 1'"),
    ("remit: 2\n", 1, 8, "this version of Remit", "reads 'remit: 1' only"),
    ("remit: '1'\n", 1, 8, "'remit' is a whole number", "not text"),
    ("remit: 1\nrule: []\n", 2, 1, "unknown key 'rule'", "did you mean 'rules'?"),
    ("remit: 1\nzzz: []\n", 2, 1, "unknown key 'zzz'", "there are remit, name"),
    ("remit: 1\nname: Big Name\n", 2, 7, "'Big Name' cannot be the name", "lower-case"),
    ("remit: 1\ndefault: denny\n", 2, 10, "'denny' is no default", "did you mean 'deny'?"),
    ("remit: 1\norder: any\n", 2, 8, "'any' is no order", "severity or first-match"),
    ("remit: 1\nmode: true\n", 2, 7, "'mode' is text, not a boolean", "put true in quotes"),
    ("remit: 1\nrules: x\n", 2, 8, "'rules' is a list, not text", "begin each item with '- '"),
    ("remit: 1\nrules:\n", 2, 7, "'rules' is a list, not nothing", "begin each item"),
    # Rules
    (HEAD + "  - x\n", 3, 5, "a rule is a mapping", "not text"),
    (HEAD + "  - {action: x, effect: deny}\n", 3, 5, "no 'id'", "a name of its own"),
    (HEAD + "  - {id: a, effect: deny}\n", 3, 5, "no 'action'", "'*' for all"),
    (HEAD + "  - {id: a, action: x}\n", 3, 5, "no 'effect'", "deny, ask or allow"),
    (
        HEAD + "  - id: a\n    action: x\n    efect: deny\n", 5, 5,
        "unknown key 'efect' in a rule", "did you mean 'effect'?",
    ),
    (HEAD + "  - {id: A b, action: x, effect: deny}\n", 3, 10, "'A b' cannot be", "lower-case"),
    (HEAD + "  - {id: default, action: x, effect: deny}\n", 3, 10, "'default'", "another id"),
    (RULE + "  - {id: a, action: y, effect: deny}\n", 6, 10, "twice, first on line 3", "rename"),
    (HEAD + "  - {id: a, action: x, effect: block}\n", 3, 32, "'block' is no effect", "deny or"),
    (HEAD + "  - {id: 404, action: x, effect: deny}\n", 3, 10, "not a number", "404 in quotes"),
    (RULE + "    risk: hihg\n", 6, 11, "'hihg' is no risk", "did you mean 'high'?"),
    (RULE + "    mode: observe\n", 6, 11, "'observe' is no mode", "enforce or monitor"),
    (RULE + "    reason: ''\n", 6, 13, "'reason' is empty", "leave the key out"),
    (RULE + "    reason:\n", 6, 12, "'reason' has no value", "leave the key out"),
    (RULE + "    reason: [a]\n", 6, 13, "'reason' is text", "not a list"),
    # Patterns
    (HEAD + "  - {id: a, action: [], effect: deny}\n", 3, 21, "list of 'action'", "name at"),
    (HEAD + "  - {id: a, action: '{x,y}', effect: deny}\n", 3, 21, "'{' has no", "list the"),
    (HEAD + "  - {id: a, action: [x, 'a[b]'], effect: deny}\n", 3, 25, "'[' has no", "list the"),
    (HEAD + "  - {id: a, action: '!x', effect: deny}\n", 3, 21, "'!' has no", "opposite effect"),
    (HEAD + "  - {id: a, action: 'a\\b', effect: deny}\n", 3, 21, "has no", "needs escaping"),
    (HEAD + "  - {id: a, action: '\uff0a', effect: allow}\n", 3, 21, "looks like", "write '*'"),
    (HEAD + "  - {id: a, action: '\u200b', effect: allow}\n", 3, 21, "empty pattern", "for all"),
    (HEAD + f"  - {{id: a, action: {'x' * 300}, effect: deny}}\n", 3, 21, "256", "shorten it"),
    (HEAD + "  - {id: a, action: true, effect: deny}\n", 3, 21, "not a boolean", "true in quotes"),
    (RULE + "    subject: bot\n", 6, 14, "matched as 'type:id'", "'agent:billing-*'"),
    (RULE + "    resource: [file]\n", 6, 16, "matched as 'type:id'", "'file:/tmp/*'"),
    # Approvals
    (RULE + "    quorum: 2\n", 6, 5, "nobody may lift this denial", "name approvers"),
    (RULE + "    expires: 1h\n", 6, 5, "nobody may lift this denial", "name approvers"),
    (
        HEAD + "  - {id: a, action: x, effect: allow, approvers: 'user:a'}\n", 3, 39,
        "'approvers' has no meaning", "write effect: ask",
    ),
    (ASK + "    approvers: alice\n", 6, 16, "'alice' names no approver", "user:alice"),
    (ASK + "    approvers: []\n", 6, 16, "list of 'approvers' is empty", "leave the key out"),
    (ASK + "    approvers: ['user:a', 'user:a']\n", 6, 27, "stands twice", "keep one"),
    (ASK + "    quorum: 0\n", 6, 13, "at least 1", "write effect: deny"),
    (ASK + "    quorum: '2'\n", 6, 13, "whole number", "not text"),
    (ASK + "    quorum: true\n", 6, 13, "whole number", "not a boolean"),
    (ASK + "    approvers: ['user:a']\n    quorum: 2\n", 7, 13, "2 approvals are", "name more"),
    (ASK + "    expires: soon\n", 6, 14, "'soon' is no time", "write it like 15m"),
    (ASK + "    expires: 0m\n", 6, 14, "'0m' is no time", "write it like 15m"),
    (ASK + "    expires: 31d\n", 6, 14, "up to 30 days", "write it like 15m"),
    (ASK + "    expires: 900\n", 6, 14, "not a number", "900 in quotes"),
    # Obligations
    (RULE + "    obligations: [{type: redact}]\n", 6, 5, "a denial runs nothing", "remove it"),
    (ASK + "    obligations: [{fields: [a]}]\n", 6, 19, "no 'type'", "type: redact"),
    (ASK + "    obligations: redact\n", 6, 18, "'obligations' is a list", "begin each item"),
    (ASK + "    obligations: [redact]\n", 6, 19, "an obligation is a mapping", "not text"),
    # Conditions
    (RULE + "    when: true\n", 6, 11, "'when' is text", "put true in quotes"),
    (RULE + "    when: args.x >\n", 6, 19, "in the condition", ""),
    (RULE + "    when: arg.x > 1\n", 6, 11, "in the condition", "did you mean 'args'?"),
    (RULE + "    when: 'args.x == \"a\" && $'\n", 6, 29, "in the condition", ""),
    (RULE + "    when: |\n      args.x > 1 &&\n      arg.y > 2\n", 8, 7, "in the cond", "args"),
    (RULE + "    when: >-\n      args.x > 1\n\n      && arg.y > 2\n", 9, 10, "in the cond", "args"),
    (RULE + "    when: args.x > 1 &&\n      arg.y > 2\n", 7, 7, "in the condition", "args"),
    (RULE + "    when: \"'\\u0041' == 'A' && arg.y > 2\"\n", 6, 31, "in the condition", "args"),
    (RULE + "    when: 1 + 1\n", 6, 11, "in the condition", "bool"),
    (RULE + "    when: session.role > 1\n", 6, 11, "in the condition", ""),
    (RULE + "    when: subject.name == 'x'\n", 6, 11, "in the condition", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "line", "column", "what", "cure"),
    MISTAKES,
    ids=[f"{number}-{row[3][:40]}" for number, row in enumerate(MISTAKES)],
)
def test_a_mistake_is_told_with_its_place_and_a_cure(source, line, column, what, cure):
    with pytest.raises(PolicyError) as caught:
        Policy.parse(source, file="policies/refunds.yaml")
    error = caught.value
    assert what in error.message
    assert cure in error.message
    assert (error.file, error.line, error.column) == ("policies/refunds.yaml", line, column)
    assert "\n" not in str(error)


def test_an_alias_bomb_is_refused_before_it_goes_off():
    layers = ["remit: 1", "a: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    layers += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    with pytest.raises(PolicyError, match="aliases repeat over 10000 values; write them out"):
        Policy.parse("\n".join(layers))


def test_aliases_within_the_bound_repeat_what_they_name():
    policy = Policy.parse(
        HEAD + "  - {id: a, action: &names [x, y], effect: allow}\n"
        "  - {id: b, action: *names, effect: deny}\n"
    )
    assert policy.documents[0].rules[1].action == ("x", "y")


def test_all_mistakes_are_told_at_once_from_the_top_of_the_file():
    text = HEAD + "  - {id: A, action: '[', effect: no}\nmod: x\n"
    found = mistakes(text, "p.yaml")
    assert [(error.line, error.column) for error in found] == [(3, 10), (3, 21), (3, 34), (4, 1)]
    with pytest.raises(PolicyError) as caught:
        Policy.parse(text, file="p.yaml")
    assert str(caught.value) == str(found[0])
    assert caught.value.__notes__ == [f"also {error}" for error in found[1:]]


def test_a_policy_without_mistakes_has_none():
    assert mistakes(RULE, "p.yaml") == ()


def test_a_byte_order_mark_is_no_mistake():
    assert Policy.parse(b"\xef\xbb\xbf" + RULE.encode()).documents[0].rules[0].id == "a"


def test_words_that_yaml_once_took_for_booleans_are_text():
    rule = "  - {id: no, action: [on, yes, 12:30, 1_000], effect: deny, reason: Yes}\n"
    read = Policy.parse(HEAD + rule).documents[0].rules[0]
    assert (read.id, read.action, read.reason) == ("no", ("on", "yes", "12:30", "1_000"), "Yes")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("15m", 900), ("1h30m", 5400), ("2d", 172800), ("45s", 45), ("30d", 2592000)],
)
def test_times_are_written_with_their_units(written, seconds):
    (rule,) = Policy.parse(ASK + f"    expires: {written}\n").documents[0].rules
    assert rule.terms.ttl == seconds


def test_two_policies_of_one_name_cannot_be_stacked():
    one, other = Policy.parse(RULE, file="a/x.yaml"), Policy.parse(RULE, file="b/x.yaml")
    with pytest.raises(PolicyError, match=r"b/x\.yaml: the policy 'x' is already loaded from a/x"):
        one.stack(other)

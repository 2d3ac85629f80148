"""What Aegis and Kite Logik passed over in silence is told: the place, the reason and the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from remit.errors import PolicyError
from remit.policy import Policy
from remit.policy.load import mistakes
from remit.policy.tools import Tools

FOLDER = Path(__file__).parent / "policy_formats"
A = "version: '1'\nrules:\n  - match: {type: x}\n    approval: block\n"
C = A + "    conditions:\n      "
K = "version: 1\nrules:\n  - name: a\n    when: {action: x}\n"
T = "version: 1\nrules:\n  - name: a\n    when:\n      args:\n        "

# text, line, column, part of the message, part of the cure
AEGIS = [
    ("version: '2'\ndefaults: {approval: block}\n", 1, 10, "version 1 only", "reads Aegis"),
    ("version: true\ndefaults: {approval: block}\n", 1, 10, "version 1 only", "reads Aegis"),
    ("version: '1'\ndefaults: {approval: auto}\nrule: []\n", 3, 1, "unknown key 'rule'", "rules"),
    ("version: '1'\ndefaults: {aproval: auto}\n", 2, 12, "unknown key 'aproval'", "'approval'?"),
    ("version: '1'\ndefaults: {approval: Block}\n", 2, 22, "'Block' is no approval", "'block'?"),
    ("version: '1'\ndefaults: {risk_level: hihg}\n", 2, 24, "'hihg' is no risk_level", "'high'?"),
    ("version: '1'\ndefaults:\n", 2, 10, "'defaults' is a mapping", "not nothing"),
    (A + "scope: team\n", 5, 1, "a scope decides nothing", "load the policies"),
    (A + "plan_rules: {}\n", 5, 1, "rules over several calls", "deny the step"),
    (A + "rate_limits: []\n", 5, 1, "reads no limits", "remove them"),
    (A + "policy: {}\n", 5, 1, "unknown key 'policy'", "there are version"),
    (A + "    approvel: auto\n", 5, 5, "unknown key 'approvel'", "did you mean 'approval'?"),
    (A + "    risk_level: 3\n", 5, 17, "'risk_level' is text", "put 3 in quotes"),
    (A + "  - {name: rule_0, match: {type: y}}\n", 5, 12, "'rule_0' stands twice", "rename one"),
    (A + "  - {name: Defaults, match: {type: y}}\n", 5, 12, "'defaults' names what", "rename"),
    ("version: '1'\nrules:\n  - {approval: auto}\n", 3, 5, "has no 'match'", "{type: '*'}"),
    ("version: '1'\nrules:\n  - {match: {}}\n", 3, 13, "'match' is empty", "{type: '*'}"),
    ("version: '1'\nrules:\n  - {match: x}\n", 3, 13, "'match' is a mapping", "not text"),
    ("version: '1'\nrules:\n  - {match: {typ: x}}\n", 3, 14, "unknown key 'typ'", "'type'?"),
    ("version: '1'\nrules:\n  - {match: {type: [x, y]}}\n", 3, 20, "a list as 'type'", "for each"),
    ("version: '1'\nrules:\n  - {match: {type: 'r[ab]'}}\n", 3, 20, "'[' has no", "list the"),
    ("version: '1'\nrules:\n  - {match: {target: \uff0a}}\n", 3, 22, "looks like a wild", "'*'"),
    (A + "    conditions:\n", 5, 16, "'conditions' is a mapping", "not nothing"),
    (A + "    conditions: {}\n", 5, 17, "'conditions' is empty", "leave the key out"),
    (C + "param_gtt: {amount: 100}\n", 6, 7, "unknown key 'param_gtt'", "mean 'param_gt'?"),
    (C + "semantic: destructive\n", 6, 7, "nobody can check", "param_matches"),
    (C + "time_after: '24:00'\n", 6, 19, "no time of day", "like '18:00'"),
    (C + "time_after: 6pm\n", 6, 19, "no time of day", "like '18:00'"),
    (C + "time_after: 18\n", 6, 19, "is text, not a number", "put 18 in quotes"),
    (C + "time_before: '08:00:30'\n", 6, 20, "no time of day", "like '18:00'"),
    (C + "time_before: '00:00'\n", 6, 20, "always or never", "change one"),
    (C + "time_after: '8:00'\n      time_before: '08:00'\n", 7, 20, "or never", "change one"),
    (C + "weekdays: 3\n", 6, 17, "a list of numbers", "write [1, 2]"),
    (C + "weekdays: []\n", 6, 17, "a list of numbers", "write [1, 2]"),
    (C + "weekdays: [1, mon]\n", 6, 21, "mon is no day", "1 for Monday"),
    (C + "weekdays: ['1']\n", 6, 18, "'1' is no day", "1 for Monday"),
    (C + "weekdays: [0]\n", 6, 18, "0 is no day", "7 for Sunday"),
    (C + "param_eq: {}\n", 6, 17, "compares arguments", "write {amount: 100}"),
    (C + "param_eq: 5\n", 6, 17, "compares arguments", "write {amount: 100}"),
    (C + "param_eq: {x: null}\n", 6, 21, "null is no value", "remove it"),
    (C + "param_eq: {x: [a, ~]}\n", 6, 25, "null is no value", "remove it"),
    (C + "param_eq: {x: yes}\n", 6, 21, "yes is text in YAML 1.2", "'yes' in quotes"),
    (C + "param_eq: {x: 010}\n", 6, 21, "010 is text in YAML 1.2", "plain digits"),
    (C + "param_eq: {x: 2026-01-01}\n", 6, 21, "2026-01-01 is text", "in quotes"),
    (C + "param_eq: {x: 12:30}\n", 6, 21, "12:30 is text", "in quotes"),
    (C + "param_eq: {x: 1_000}\n", 6, 21, "1_000 is text", "plain digits"),
    (C + "param_gt: {order.amount: 5}\n", 6, 18, "only a part of one", "args.order.amount"),
    (C + "param_gt: {x: '100'}\n", 6, 21, "letter by letter", "without quotes"),
    (C + "param_gt: {x: true}\n", 6, 21, "a boolean has no order", "write a number"),
    (C + "param_gt: {x: [1]}\n", 6, 21, "a list has no order", "write a number"),
    (C + "param_contains: {x: [a, b]}\n", 6, 27, "not a list", "a rule for each"),
    (C + "param_contains: {x: ''}\n", 6, 27, "part of every text", "write one value"),
    (C + "param_matches: {x: '(a'}\n", 6, 26, "no regular expression", "those of RE2"),
    (C + "param_matches: {x: '(?=a)b'}\n", 6, 26, "no regular expression", "lookaround"),
    (C + "param_matches: {x: 5}\n", 6, 26, "is text, not a number", "put it in quotes"),
]  # fmt: skip
KITE_LOGIK = [
    ("version: 99\nrules: [{name: a, when: {action: x}}]\n", 1, 10, "version 1 only", "Kite Logik"),
    (K + "package: kitelogik\n", 5, 1, "no use for a package", "remove it"),
    (K + "rule: []\n", 5, 1, "unknown key 'rule'", "'rules'?"),
    (K + "    then: hitll\n", 5, 11, "'hitll' is no then", "'hitl'?"),
    (K + "    risk_tier: operational\n", 5, 16, "'operational' is no risk_tier", "OPERATIONAL"),
    (K + "    scopes: [a]\n", 5, 5, "unknown key 'scopes'", "there are name"),
    (K + "  - {name: a, when: {action: y}}\n", 5, 12, "stands twice, first on line 3", "rename"),
    ("rules:\n  - {name: a, when: {}, then: allow}\n", 2, 21, "'when' is empty", "action: refund"),
    ("rules:\n  - {name: a, then: allow}\n", 2, 5, "no 'when'", "when: {action: refund}"),
    ("rules:\n  - {when: {action: x}}\n", 2, 5, "no 'name'", "a name of its own"),
    ("rules:\n  - {name: a, when: {actoin: x}, then: allow}\n", 2, 22, "'actoin'", "'action'?"),
    ("rules:\n  - {name: a, when: {scopes: x}, then: allow}\n", 2, 22, "'scopes'", "'scope'?"),
    ("rules:\n  - {name: a, when: {arg: {x: {eq: 1}}}}\n", 2, 22, "'arg'", "'args'?"),
    ("rules:\n  - {name: a, when: {action: 'x*'}}\n", 2, 30, "has no patterns", "'action' out"),
    ("rules:\n  - {name: a, when: {role: []}}\n", 2, 28, "'role' is empty", "leave the key out"),
    (T + "x: {}\n", 6, 12, "nothing is asked of 'x'", "{lte: 100}"),
    (T + "x: 5\n", 6, 12, "the test of 'x' is a mapping", "not a number"),
    (T + "x: {gtt: 5}\n", 6, 13, "unknown key 'gtt'", "'gt'?"),
    (T + "order.amount: {gt: 5}\n", 6, 9, "only a part of one", "args.order.amount"),
    (T + "x: {gt: '5'}\n", 6, 17, "letter by letter", "without quotes"),
    (T + "x: {in: 5}\n", 6, 17, "a list of values, not a number", "write [a, b]"),
    (T + "x: {not_in: []}\n", 6, 21, "not an empty list", "write [a, b]"),
    (T + "x: {contains: [a]}\n", 6, 23, "not a list", "a rule for each"),
    (T + "x: {eq: yes}\n", 6, 17, "yes is text in YAML 1.2", "true, false"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "what", "cure"), AEGIS + KITE_LOGIK)
def test_a_mistake_is_told_with_its_place_the_reason_and_the_cure(text, line, column, what, cure):
    with pytest.raises(PolicyError) as caught:
        Policy.parse(text, file="p.yaml")
    error = caught.value
    assert (error.file, error.line, error.column) == ("p.yaml", line, column)
    assert what in error.message
    assert cure in error.message
    assert mistakes(text, "p.yaml")[0].message == error.message


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*/*.yaml")), ids=lambda file: file.stem)
def test_every_key_matters(file):
    source = file.read_text("utf-8")
    keys = {
        "version", "defaults", "rules", "risk_level", "approval", "match", "type", "target",
        "agent", "conditions", "name", "description", "when", "then", "action", "role", "scope",
        "args", "reason", "risk_tier", "time_after", "time_before", "weekdays", "param_eq",
        "param_gt", "param_lt", "param_gte", "param_lte", "param_contains", "param_matches",
        "gt", "gte", "lt", "lte", "eq", "in", "not_in", "contains", "not_contains",
    }  # fmt: skip
    tried = 0
    for key in keys:
        for before in ("\n", " ", "{"):
            at = f"\n{source}".find(f"{before}{key}:")
            if at >= 0:
                start = at + len(before) - 1
                broken = f"{source[:start]}{key[:-1]}#{source[start + len(key) :]}"
                assert mistakes(broken, "p.yaml"), key
                tried += 1
    assert tried > 3


@pytest.mark.parametrize(
    "text",
    [
        "remti: 1\nrules:\n  - {id: a, action: x, effect: deny}\n",
        "version: '1'\nrules: []\n",
        "{}\n",
    ],
)
def test_what_is_in_no_known_format_is_told_to_be_written_in_ours(text):
    with pytest.raises(PolicyError) as caught:
        Policy.parse(text)
    told = [str(caught.value), *getattr(caught.value, "__notes__", ())]
    assert any("remit" in each for each in told)


@pytest.mark.parametrize("text", [C + "param_gt: {amuont: 5}\n", T + "amuont: {gt: 5}\n"])
def test_an_argument_that_no_tool_takes_is_a_mistake_where_tools_are_known(text):
    amount = {"type": "object", "properties": {"amount": {"type": "number"}}}
    Policy.parse(text)
    with pytest.raises(PolicyError, match="amuont") as caught:
        Policy.parse(text, tools=Tools.of({"x": amount, "y": amount}))
    assert caught.value.line > 1

"""Typed tools: what no declared tool takes cannot be meant, and is refused when a policy loads."""

from __future__ import annotations

import pytest

import remit
from remit.policy.check import Kind
from remit.policy.tools import Tools

REFUND = {
    "properties": {
        "order_id": {"type": "string"},
        "amount": {"type": "number"},
        "count": {"type": "integer"},
        "note": {"type": "string"},
        "kind": {"enum": ["full", "part"]},
        "to": {"anyOf": [{"$ref": "#/$defs/Address"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "anything": True,
    },
    "required": ["order_id", "amount", "count", "kind", "to", "tags", "lines", "labels"],
    "$defs": {
        "Address": {"type": "object", "properties": {"zip": {"type": "string"}}},
        "Line": {"properties": {"sku": {"type": "string"}}, "required": ["sku"]},
    },
}
MAIL = {"properties": {"to": {"type": "string"}, "body": {"type": "string"}}, "required": ["to"]}
OPEN = {"properties": {"url": {"type": "string"}}, "additionalProperties": True}
TOOLS = Tools.of({"refund": REFUND, "mail.send": MAIL, "fetch": OPEN, "ping": {"properties": {}}})
TYPED = {
    Kind.ILL_TYPED,
    Kind.UNKNOWN_TOOL,
    Kind.MAY_BE_MISSING,
    Kind.ALLOWS_ONLY_WITH,
    Kind.IMPOSSIBLE_VALUE,
    Kind.WHOLE_NUMBER,
}


def policy(when, action="refund", effect="deny", tools=TOOLS):
    text = f"remit: 1\nrules:\n  - id: a\n    action: {action}\n    effect: {effect}\n"
    text += "".join(f"    when: |\n      {when}\n" if when else "")
    return remit.Policy.parse(text, file="p.yaml", tools=tools)


def refusal(when, action="refund", tools=TOOLS):
    with pytest.raises(remit.PolicyError) as caught:
        policy(when, action, tools=tools)
    return str(caught.value)


def findings(when, action="refund", effect="deny", tools=TOOLS):
    found = policy(when, action, effect, tools).check()
    return [(each.kind, each.message) for each in found if each.kind in TYPED]


@pytest.mark.parametrize(
    ("when", "column", "why"),
    [
        ("args.amout > 100", 7, "unknown attribute 'amout'; refund has 'order_id', 'amount', "),
        ("args.amout > 100", 7, "; did you mean 'amount'?"),
        ('args.amount > "100"', 7, "for refund: no such operation: double > string"),
        ('args.count == "3"', 7, "for refund: int is never string"),
        ("args.amount * 2 > 100", 7, "for refund: no such operation: double * int"),
        ("has(args.amout)", 7, "unknown attribute 'amout'"),
        ("true && args.?amout.orValue(1) > 2", 15, "unknown attribute 'amout'"),
        ('args["amout"] > 1', 7, "unknown attribute 'amout'"),
        ('"amout" in args', 7, "unknown attribute 'amout'"),
        ("action.properties.amout > 1", 7, "unknown attribute 'amout'"),
        ('args.lines.exists(l, l.skew == "x")', 28, "'lines' of refund has 'sku'"),
        ('args.to.zap == "1"', 7, "unknown attribute 'zap'; 'to' of refund has 'zip'"),
        ("args.tags.exists(t, t > 3)", 27, "no such operation: string > int"),
        ("args.labels.colour > 3", 7, "no such operation: string > int"),
        ("args.amount", 7, "for refund: this is of type double, and must be bool"),
    ],
)
def test_what_no_tool_has_and_what_cannot_be_compared_is_refused_with_its_place(when, column, why):
    message = refusal(when)
    assert message.startswith(f"p.yaml:7:{column}: ")
    assert why in message


@pytest.mark.parametrize(
    "when",
    [
        "args.amount > 100",
        "args.amount > 99.5 && args.count * 2 > 3",
        "double(args.amount) * 2.0 > 100.0",
        'args.order_id == "x" && has(args.anything) && args.anything.x > 3',
        'args.tags.all(t, t.startsWith("x")) && "a" in args.tags',
        'session.region == "eu" && context.office == "open"',
        'args.exists(name, name == "note")',
        "args.to == null || args.order_id.size() > 3",
        "size(args) > 3 && action.name == 'refund'",
        "[1].exists(args, args == 1)",
    ],
)
def test_what_fits_the_tool_is_accepted_without_a_finding(when):
    assert findings(when) == []


@pytest.mark.parametrize(
    ("unguarded", "guarded"),
    [
        ('args.note == "x"', 'has(args.note) && args.note == "x"'),
        ('args.note == "x"', 'args.note == "x" && has(args.note)'),
        ('args.note == "x"', '"note" in args && args.note == "x"'),
        ('args.note == "x"', '!has(args.note) || args.note == "x"'),
        ('args.note == "x"', '!(has(args.note) && args.note == "x")'),
        ('args.note == "x"', 'has(args.note) ? args.note == "x" : true'),
        ('args.note == "x"', '!has(args.note) ? true : args.note == "x"'),
        ('args.note == "x"', 'args.?note.orValue("") == "x"'),
        ('args.note == "x"', '(has(args.note) || false) && args.note == "x"'),
        ("args.to.zip == '1'", "args.to != null && has(args.to.zip) && args.to.zip == '1'"),
        ("has(args.to.zip)", "args.to != null && has(args.to.zip)"),
        ("has(args.to.zip)", "args.to == null || has(args.to.zip)"),
        ("args.labels.colour == 'red'", "has(args.labels.colour) && args.labels.colour == 'red'"),
    ],
)
def test_reading_what_may_be_missing_is_a_finding_unless_that_was_thought_of(unguarded, guarded):
    assert {kind for kind, _ in findings(unguarded)} == {Kind.MAY_BE_MISSING}
    assert {kind for kind, _ in findings(unguarded, effect="allow")} == {Kind.ALLOWS_ONLY_WITH}
    assert findings(guarded) == []


@pytest.mark.parametrize(
    "when",
    [
        '(has(args.note) || args.count > 1) && args.note == "x"',
        'has(args.note) || args.note == "x"',
        '!has(args.note) && args.note == "x"',
        'has(args.note) ? true : args.note == "x"',
        '[{"note": 1}].exists(args, has(args.note)) && args.note == "x"',
        "args.lines.exists(to, has(to.sku)) && args.to.zip == '1'",
        'has(args.note) && [{"x": "1"}].exists(args, args.note == "x")',
        '(!has(args.note) && args.count > 1) || args.note == "x"',
    ],
)
def test_a_guard_that_does_not_guard_is_none(when):
    assert {kind for kind, _ in findings(when)} == {Kind.MAY_BE_MISSING}


def test_the_finding_says_what_happens_and_how_to_say_that_it_is_meant():
    ((_, message),) = findings('args.note == "x"')
    assert message == (
        "args.note of refund may be left out; where it is missing the rule applies, "
        "so ask has(args.note) as well"
    )


def test_a_text_that_an_argument_never_is_is_a_finding():
    ((kind, message),) = findings('args.kind in ["full", "prat"]')
    assert kind is Kind.IMPOSSIBLE_VALUE
    assert message == "args.kind of refund is never 'prat'; did you mean 'part'?"
    assert findings('args.kind == "part" || "full" != args.kind') == []


def test_arithmetic_that_fails_on_a_whole_number_is_a_finding():
    ((kind, message),) = findings("args.amount * 1.2 > 100.0")
    assert kind is Kind.WHOLE_NUMBER
    assert message.endswith("write double(...) around it")


# Rules about several tools


def test_a_rule_is_held_against_every_tool_it_is_about():
    assert "for mail.send: no such operation: string > int" in refusal("args.to > 3", "'mail.*'")
    message = refusal("args.to.zip == '1'", "[refund, mail.send]")
    assert "for mail.send: string has no member 'zip'" in message


def test_a_tool_that_is_named_must_have_what_is_read_unless_it_is_asked_for():
    assert "mail.send has no 'amount'" in refusal("args.amount > 1", "[refund, mail.send]")
    assert findings("has(args.amount) && args.amount > 1", "[refund, mail.send]") == []


def test_of_the_tools_that_a_pattern_meets_one_must_have_it():
    closed = Tools.of({"refund": REFUND, "mail.send": MAIL})
    ((kind, message),) = findings("args.amount > 1", "'*'", tools=closed)
    assert kind is Kind.MAY_BE_MISSING
    assert message.startswith("mail.send has no 'amount'; it has 'to', 'body'; ")
    assert findings("has(args.amount) && args.amount > 1", "'*'", tools=closed) == []
    assert "unknown attribute 'amuont'" in refusal("has(args.amuont)", "'*'", tools=closed)


def test_a_tool_that_may_take_anything_leaves_room_for_doubt():
    assert findings("args.body == 'x'", "fetch")[0][0] is Kind.MAY_BE_MISSING
    assert findings("has(args.body)", "fetch") == []
    assert {kind for kind, _ in findings("args.amuont > 1", "'*'")} == {Kind.MAY_BE_MISSING}


def test_names_of_tools_are_compared_as_names_of_actions_are():
    for action in ("REFUND", "' refund '", "'re\u200bfund'", "'r?fund'"):
        assert "unknown attribute 'amout'" in refusal("args.amout > 1", action)


def test_a_rule_about_no_declared_tool_is_a_finding_or_a_mistake_where_there_are_no_others():
    ((kind, message),) = findings("", "refnud")
    assert kind is Kind.UNKNOWN_TOOL
    assert message == "no tool is called 'refnud'; did you mean 'refund'?"
    assert "no tool is called 'refnud'" in refusal("", "refnud", TOOLS.completed())
    assert findings("", "'x*'", tools=TOOLS.completed()) == []


def test_without_tools_nothing_is_known_and_nothing_refused():
    assert findings("args.amout > 1", tools=Tools()) == []
    assert findings("args.amout > 1", tools=Tools().completed()) == []


def test_a_tool_that_is_declared_twice_may_be_called_either_way():
    other = Tools.of(
        {"refund": {"properties": {"amount": {"type": "string"}, "x": {"type": "string"}}}}
    )
    both = TOOLS.joined([other])
    assert findings('has(args.x) && args.x == "1"', tools=both) == []
    ((kind, _),) = findings("args.order_id == '1'", tools=both)
    assert kind is Kind.MAY_BE_MISSING


# In documents

DECLARED = """\
remit: 1
let: {large: args.amount > 100}
tools:
  refund:
    properties: {amount: {type: number}}
    required: [amount]
rules:
  - {id: a, action: refund, when: large, effect: deny}
  - {id: b, action: refund, when: args.amount < 10, effect: allow}
"""


def test_a_document_declares_tools_in_place():
    loaded = remit.Policy.parse(DECLARED)
    assert loaded.decide(request(amount=50)).reason == "no rule allows it"
    with pytest.raises(remit.PolicyError, match=r"policy\.yaml:9:35: unknown attribute 'amuont'"):
        remit.Policy.parse(DECLARED.replace("args.amount < 10", "args.amuont < 10"))


def test_a_mistake_in_a_definition_is_told_where_it_is_written():
    with pytest.raises(remit.PolicyError, match=r"policy\.yaml:2:14: unknown attribute 'amuont'"):
        remit.Policy.parse(DECLARED.replace("args.amount > 100", "args.amuont > 100"))


@pytest.mark.parametrize(
    ("schema", "place", "why"),
    [
        ("{propertees: {}}", "4:6", "unknown key 'propertees' in a schema; did you mean"),
        ("{properties: {a: {type: strng}}}", "4:23", "'strng' is no type of JSON; did you mean"),
        ("{properties: {a: {}}, required: [b]}", "4:38", "'b' is required and no property"),
        ("{properties: [a]}", "4:6", "properties are a mapping"),
        ("{properties: {a: text}}", "4:19", "a schema is a mapping"),
        ("{properties: {a: {$ref: '#/$defs/A'}}}", "4:23", "leads to nothing in this schema"),
        ("{type: string}", "4:5", "the arguments of a tool are an object, not string"),
        ("text", "4:5", "a schema is a mapping"),
    ],
)
def test_a_schema_that_cannot_be_understood_is_refused_with_its_place(schema, place, why):
    text = f"remit: 1\ntools:\n  refund:\n    {schema}\nrules: []\n"
    with pytest.raises(remit.PolicyError) as caught:
        remit.Policy.parse(text, file="p.yaml")
    assert str(caught.value).startswith(f"p.yaml:{place}: in the tool 'refund': ")
    assert why in str(caught.value)


def test_files_are_loaded_with_tools_too(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text("remit: 1\nrules: [{id: a, action: refund, when: args.x == 1, effect: deny}]\n")
    assert remit.load(file).rules == ("a",)
    with pytest.raises(remit.PolicyError, match="unknown attribute 'x'"):
        remit.load(file, tools=TOOLS)


def request(name="refund", **args):
    return remit.Request(remit.Subject("agent", "a"), remit.Action(name, args))


def test_a_checked_condition_decides_as_an_unchecked_one_does():
    typed, untyped = policy("args.amount > 100"), policy("args.amount > 100", tools=Tools())
    for args in ({}, {"amount": 5}, {"amount": 500}, {"amount": "500"}, {"amount": None}):
        assert typed.decide(request(**args)) == untyped.decide(request(**args))

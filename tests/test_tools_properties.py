"""Typed tools, held against what is generated: misspellings, and arguments that fit a schema."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import remit
from remit.expr import EvalError
from remit.policy.check import Kind
from remit.policy.tools import Tools

DOCUMENTS = sorted((Path(__file__).parent / "policies" / "typed").glob("*.yaml"))
LETTERS = "aeqz_"


def edits(word):
    """*word* with one letter left out, put in, replaced or exchanged with the next."""
    for at in range(len(word) + 1):
        before, after = word[:at], word[at:]
        if after and len(word) > 1:
            yield before + after[1:]
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
        for letter in LETTERS:
            yield before + letter + after
            yield before + letter + after[1:]


def argument_names(tools):
    """Every name a condition can read of these tools, nested ones as well."""
    pending, names = list(tools.arguments.values()), set()
    while pending:
        each = pending.pop()
        pending += [each.item] if hasattr(each, "item") else []
        for name, inner in getattr(each, "fields", {}).items():
            names.add(name)
            pending.append(inner)
    return names


def misspellings(text, names):
    """The text with one letter of one read of an argument mistyped: where, how, and the text."""
    start = text.index("rules:")
    for found in re.finditer(r"(?<=[.?])[a-z_]+\b(?!\()", text[start:]):
        word = found[0]
        # `files.read` is a name of an action, and `args.size()` would be a function.
        if word not in names or not re.search(
            r"(args|address|line)\.\??$", text[: start + found.start()]
        ):
            continue
        at = start + found.start()
        for edit in dict.fromkeys(edits(word)):
            if re.fullmatch("[a-z_]+", edit) and edit not in names and edit != "in":
                yield found[0], edit, text[:at] + edit + text[at + len(word) :]


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.stem)
def test_every_misspelling_of_every_argument_is_refused(file):
    text = file.read_text("utf-8")
    policy = remit.Policy.parse(text)
    kinds = {finding.kind for finding in policy.check()}
    assert not kinds & {Kind.MAY_BE_MISSING, Kind.ALLOWS_ONLY_WITH, Kind.UNKNOWN_TOOL}
    (document,) = policy.documents
    tried = 0
    for word, edit, wrong in misspellings(text, argument_names(document.tools)):
        tried += 1
        with pytest.raises(remit.PolicyError, match=f"unknown attribute '{edit}'"):
            pytest.fail(f"{word} as {edit} loads: {remit.Policy.parse(wrong)}")
    assert tried > 500


# Schemas, arguments that fit them, and conditions about them

NAMES = ("a", "b", "c")
LEAVES = st.sampled_from(
    [{"type": "string"}, {"type": "integer"}, {"type": "number"}, {"type": "boolean"}]
)


def nullable(schema):
    return {"anyOf": [schema, {"type": "null"}]}


def objects(parts):
    """Schemas of objects. Null stands in members alone: elsewhere it makes a type dyn."""
    return st.builds(
        lambda properties, required, more: {
            "type": "object",
            "properties": properties,
            "required": sorted(required & properties.keys()),
            "additionalProperties": more,
        },
        st.dictionaries(
            st.sampled_from(NAMES), st.one_of(parts, parts, parts.map(nullable)), min_size=1
        ),
        st.sets(st.sampled_from(NAMES)),
        st.booleans(),
    )


def grown(parts):
    return st.one_of(
        objects(parts),
        st.builds(lambda part: {"type": "object", "additionalProperties": part}, parts),
        st.builds(lambda part: {"type": "array", "items": part}, parts),
    )


SCHEMAS = objects(st.recursive(LEAVES, grown, max_leaves=6))


def fitting(schema):
    """Values that fit *schema*."""
    if options := schema.get("anyOf"):
        return st.one_of([fitting(option) for option in options])
    kind = schema["type"]
    if kind == "array":
        return st.lists(fitting(schema["items"]), max_size=3)
    if kind == "object" and "properties" in schema:
        members = {name: fitting(each) for name, each in schema["properties"].items()}
        required = {name: each for name, each in members.items() if name in schema["required"]}
        rest = {name: each for name, each in members.items() if name not in required}
        return st.fixed_dictionaries(required, optional=rest)
    if kind == "object":
        return st.dictionaries(st.sampled_from(NAMES), fitting(schema["additionalProperties"]))
    return {
        "null": st.none(),
        "string": st.sampled_from(["", "x", "a"]),
        "integer": st.integers(-2, 2),
        "number": st.one_of(st.integers(-2, 2), st.sampled_from([0.5, 2.0])),
        "boolean": st.booleans(),
    }[kind]


def ways(schema, to="args"):
    """The ways that lead to values, as a condition writes them."""
    schema = schema.get("anyOf", [schema])[0]
    for name in NAMES:
        inner = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
        if schema["type"] == "object" and inner:
            way = f"{to}.{name}"
            yield way
            if inner is not True:
                yield from ways(inner, way)


def conditions(schema):
    """Conditions about arguments that fit *schema*, most of which are careful."""
    way = st.sampled_from(sorted(ways(schema)))
    read = way.map("dyn({0}) == 'x'".format)
    split = way.map(lambda each: each.rpartition("."))
    guard = st.one_of(
        way.map("has({})".format),
        way.map("{} != null".format),
        split.map(lambda parts: f"'{parts[2]}' in {parts[0]}"),
        way.map(lambda each: f"({' && '.join(_steps(each))})"),
    )
    loop = st.builds("{}.{}({}, {}.{} == 'x')".format, way, st.sampled_from(["all", "exists"]),
                     st.just("i"), st.just("i"), st.sampled_from(NAMES))  # fmt: skip
    careful = st.builds(
        lambda each, joined: joined.format(" && ".join(_steps(each)), f"dyn({each}) == 'x'"),
        way, st.sampled_from(["({} && {})", "({1} && {0})", "(!({}) || {})", "({} ? {} : true)"]),
    )  # fmt: skip
    lenient = way.map(lambda each: each.replace(".", ".?") + ".hasValue()")
    return st.recursive(
        st.one_of(read, guard, careful, careful, loop, lenient, st.sampled_from(["true", "false"])),
        lambda parts: st.one_of(
            st.builds("({} && {})".format, parts, parts),
            st.builds("({} || {})".format, parts, parts),
            st.builds("!({})".format, parts),
            st.builds("({} ? {} : {})".format, parts, parts, parts),
        ),
        max_leaves=5,
    )


def _steps(way):
    """What makes sure that *way* leads somewhere."""
    members = way.split(".")
    for count in range(2, len(members) + 1):
        step = ".".join(members[:count])
        yield f"has({step})"
        if count < len(members):
            yield f"{step} != null"


MISSING = re.compile(r"no such key|has no member")


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_what_checks_clean_finds_every_member_that_it_reads(data):
    schema = data.draw(SCHEMAS)
    when = data.draw(conditions(schema))
    text = "remit: 1\nrules:\n  - id: x\n    action: x\n    effect: deny\n    when: |\n      "
    try:
        policy = remit.Policy.parse(f"{text}{when}\n", tools=Tools.of({"x": schema}))
    except remit.PolicyError:
        event("refused")
        return
    if any(finding.kind is Kind.MAY_BE_MISSING for finding in policy.check()):
        event("a finding")
        return
    event("clean")
    args = data.draw(fitting(schema))
    request = remit.Request(remit.Subject("agent", "a"), remit.Action("x", args))
    assert MISSING.search(failure(policy, request)) is None


def failure(policy, request):
    """Why the condition of the only rule has no value; empty if it has one."""
    condition = policy.documents[0].rules[0].when
    try:
        condition.program.exact(request)
    except EvalError as error:
        return str(error)
    return ""

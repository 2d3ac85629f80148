"""`remit import` writes what decides as the original does."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from cli_shell import Shell
from hypothesis import given
from hypothesis import strategies as st

from remit.model import Action, Request, Resource, Session, Subject
from remit.policy import Policy
from remit.policy.environment import compile_condition
from remit.policy.formats.condition import quoted
from remit.policy.load import load
from remit.policy.translate import translate

FILES = sorted((Path(__file__).parent / "policy_formats").glob("*/*.yaml"))
QUICKSTART = next(file for file in FILES if file.stem == "quickstart")
HOUR = 3600 * 10**9

awkward = st.text("ab\"'\\{}$#:, \n\té\u2028\x07\x1b\U0001f600", max_size=8)
texts = st.sampled_from(
    [
        "EUR",
        'a "b" \\c',
        "drop table x",
        "DROP  TABLE",
        'it\'s "so"\n',
        "C:\\",
        "it's",
        "tuesday",
        "",
    ]
)
values = st.one_of(
    texts, st.none(), st.booleans(), st.sampled_from([-1, 0, 0.5, 1, 7, 10, 150, 150.5, 201]),
    st.lists(st.sampled_from(["a", "urgent", 1, 7]), max_size=2),
)  # fmt: skip
arguments = st.dictionaries(
    st.sampled_from(
        [
            "amount",
            "currency",
            "final",
            "note to self",
            "tags",
            "codes",
            "share",
            "day",
            "query",
            "other",
        ]
    ),
    values,
)
actions = st.sampled_from(
    ["search", "searches", "retrieve", "write_x", "delete_x", "DELETE_X", "pay", "pays", "sql",
     "début", "get_customer", "approve_refund", "run_shell_command", "else"]
)  # fmt: skip
requests = st.builds(
    lambda agent, action, args, target, role, scopes, hour: Request(
        Subject("agent", agent),
        Action(action, args),
        Resource.parse(target),
        Session(role=role, scopes=tuple(scopes)),
        at=hour * HOUR // 2,
    ),
    st.sampled_from(["billing", "intern-1"]),
    actions,
    arguments,
    st.sampled_from(["", "web", "bank:ours", "db1", "db1:users", "crm"]),
    st.sampled_from(["", "admin", "dba", "o'neil", "manager"]),
    st.lists(st.sampled_from(["all", "of: it", "read_customer", "approve_refund"]), max_size=3),
    st.integers(0, 14 * 48),
)


def same(original, imported, request):
    """The decisions, but for the digest: that is one of the text."""
    found, other = original.decide(request), imported.decide(request)
    assert msgspec.structs.replace(found, policy="") == msgspec.structs.replace(other, policy="")


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_what_is_imported_decides_as_the_original(file):
    source = file.read_bytes()
    original = Policy.parse(source, file=file.name)
    imported = Policy.parse(translate(source, file.name))

    @given(requests)
    def decided_alike(request):
        same(original, imported, request)

    decided_alike()


aegis = st.fixed_dictionaries(
    {
        "match": st.just({"type": "*"}),
        "approval": st.sampled_from(["auto", "approve", "block"]),
        "conditions": st.fixed_dictionaries(
            {"param_eq": st.dictionaries(st.just("x") | awkward.filter(bool), awkward, min_size=1)},
            optional={"param_contains": st.fixed_dictionaries({"x": awkward.filter(bool)})},
        ),
    },
    optional={"description": awkward.filter(str.strip), "name": st.just("A Name")},
)


@given(aegis, arguments, awkward)
def test_whatever_is_written_in_it(rule, args, x):
    document = {"version": "1", "defaults": {"approval": "approve"}, "rules": [rule]}
    source = yaml_of(document)
    original = Policy.parse(source)
    imported = Policy.parse(translate(source, "policy.yaml"))
    wanted = rule["conditions"]["param_eq"]
    for given_args in (args, {**args, "x": x}, {**args, **wanted}):
        same(original, imported, Request(Subject("agent", "a"), Action("pay", given_args)))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_a_text_is_a_literal_that_is_equal_to_it(text):
    found = compile_condition(f"args.x == {quoted(text)}")
    assert found.evaluate(Request(Subject("agent", "a"), Action("pay", {"x": text}))) is True


def yaml_of(value):
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{yaml_of(key)}: {yaml_of(each)}" for key, each in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(yaml_of, value)) + "]"
    return '"' + "".join(f"\\U{ord(char):08x}" for char in value) + '"'


def test_comments_above_a_rule_and_its_name_and_reason_are_kept():
    operators = next(file for file in FILES if "aegis" in str(file) and file.stem == "operators")
    written = translate(operators.read_bytes(), "policies/Our Policy.yaml")
    assert "name: our-policy\n" in written
    assert "  # At night nobody pays,\n  # and nobody refunds.\n  - id: night-watch\n" in written
    assert "reason: 'Nothing is paid at night: ask again \"tomorrow\"'\n" in written


def test_the_document_read_back_is_the_document_but_for_its_places():
    for file in FILES:
        original = load(file.read_bytes(), file.name)
        again = load(translate(file.read_bytes(), file.name), file.name)
        assert (again.name, again.default, again.order) == (
            original.name, original.default, original.order,
        )  # fmt: skip
        for ours, theirs in zip(again.rules, original.rules, strict=True):
            for part in (
                "id",
                "effect",
                "action",
                "subject",
                "resource",
                "risk",
                "reason",
                "terms",
            ):
                assert getattr(ours, part) == getattr(theirs, part), (file, part)
            assert (ours.when and ours.when.text) == (theirs.when and theirs.when.text)


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REMIT_POLICY", raising=False)
    (tmp_path / "policy.yaml").write_bytes(QUICKSTART.read_bytes())
    return Shell(capsys)


def test_import_prints_or_writes_a_policy_that_can_be_used(remit, tmp_path):
    printed = remit("import", "policy.yaml")
    assert (printed.code, printed.out) == (0, translate(QUICKSTART.read_bytes(), "policy.yaml"))
    assert remit("import", "policy.yaml", "--output", "remit.yaml").code == 0
    assert (tmp_path / "remit.yaml").read_text("utf-8") == printed.out
    assert remit("explain", "delete_x").code == 1
    assert remit("check").code == 0


def test_import_overwrites_only_when_told_to(remit, tmp_path):
    (tmp_path / "remit.yaml").write_text("mine")
    refused = remit("import", "policy.yaml", "--output", "remit.yaml")
    assert refused.code == 1
    assert "--force" in refused.err
    assert (tmp_path / "remit.yaml").read_text() == "mine"
    assert remit("import", "policy.yaml", "--output", "remit.yaml", "--force").code == 0


def test_import_says_what_it_cannot_read(remit, tmp_path):
    (tmp_path / "ours.yaml").write_text("remit: 1\n")
    ours = remit("import", "ours.yaml", "--output", "remit.yaml")
    assert ours.code == 3
    assert "need not be imported" in ours.err
    (tmp_path / "bad.yaml").write_text("version: '1'\nrules:\n  - {match: {typ: x}}\n")
    bad = remit("import", "bad.yaml", "--output", "remit.yaml")
    assert bad.code == 3
    assert "bad.yaml:3:14: unknown key 'typ'" in bad.err
    assert remit("import", "nowhere.yaml").code == 3
    assert not (tmp_path / "remit.yaml").exists()


def test_the_commands_read_the_original_too(remit):
    checked = remit("check", "policy.yaml")
    assert "policy.yaml:25:11" in checked.out
    assert "after_hours_write_block" in checked.out
    assert remit("explain", "search", "--resource", "web", "--policy", "policy.yaml").code == 0

"""Policies are tested with cases, and read from files and folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from remit import sources
from remit.errors import PolicyError
from remit.model import Action, Request, Session, Subject
from remit.policy import Policy, cases

POLICIES = Path(__file__).parent / "policies"
SUITE = POLICIES / "support-desk.test.yaml"


def suite(case: str) -> cases.Suite:
    return cases.load(f"remit-test: 1\ncases:\n  - {case}\n", "t.yaml")


def test_the_sample_policy_passes_its_sample_cases():
    tests = cases.load(SUITE.read_bytes(), str(SUITE))
    policy = sources.load(*(SUITE.parent / name for name in tests.policies))
    outcomes = [cases.run(policy, case) for case in tests.cases]
    assert [str(outcome) for outcome in outcomes if not outcome.passed] == []
    assert len(outcomes) == 5
    assert str(outcomes[0]) == "anyone may search: as expected"
    assert cases.untested(policy, outcomes) == ("mail",)


def test_a_difference_is_told_with_the_place_of_the_case():
    (case,) = suite(
        "{name: n, request: {action: x}, expect: {effect: allow, rules: [a], reason: r, advice: b}}"
    ).cases
    policy = Policy.parse(
        "remit: 1\nrules: [{id: no, action: x, when: args.n > 1, effect: deny, reason: too much}]"
    )
    outcome = cases.run(policy, case)
    assert not outcome.passed
    assert str(outcome).splitlines()[:5] == [
        "t.yaml:3:5: n",
        "    effect: expected allow, got deny",
        "    rules: expected a, got no",
        "    reason: expected 'r', got 'too much'",
        "    advice: expected 'b', got ''",
    ]
    assert "    error: no: " in str(outcome)


def test_a_case_describes_a_whole_request():
    (case,) = suite(
        "{name: n, request: {subject: {type: user, id: u, properties: {a: 1}}, action: x,"
        " args: {n: [1]}, resource: 'file:/t', session: {user: m, depth: 2, region: eu},"
        " context: {ip: x}, at: '2026-05-01T00:00:00.5+02:00'}, expect: {effect: deny}}"
    ).cases
    request = case.request
    assert request.subject == Subject("user", "u", {"a": 1})
    assert request.action == Action("x", {"n": [1]})
    assert str(request.resource) == "file:/t"
    assert request.session == Session(user="m", depth=2, facts={"region": "eu"})
    assert request.context == {"ip": "x"}
    assert request.at == 1777586400_500_000_000


CASES = "remit-test: 1\ncases:\n  - "
MISTAKES = [
    ("remit-test: 2\ncases: []\n", 1, 13, "reads 'remit-test: 1' only"),
    ("cases: []\n", 1, 1, "begin it with 'remit-test: 1'"),
    ("remit-test: 1\n", 1, 1, "list at least one"),
    ("remit-test: 1\ncase: []\n", 2, 1, "did you mean 'cases'?"),
    (CASES + "{request: {action: x}, expect: {effect: deny}}\n", 3, 5, "no 'name'"),
    (CASES + "{name: n, expect: {effect: deny}}\n", 3, 5, "say what is asked"),
    (CASES + "{name: n, request: {action: x}}\n", 3, 5, "no 'expect'"),
    (CASES + "{name: n, request: {}, expect: {effect: deny}}\n", 3, 24, "name what is to be"),
    (CASES + "{name: n, request: {action: x}, expect: {effect: no}}\n", 3, 54, "no effect"),
    (CASES + "{name: n, request: {action: x}, expect: {efect: deny}}\n", 3, 46, "'effect'?"),
    (CASES + "{expect: {effect: deny}, name: n, request: {action: x, args: 5}}\n", 3, 66, "a map"),
    (CASES + "{expect: {effect: deny}, name: n, request: {action: x, at: noon}}\n", 3, 64, "noon"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "line", "column", "what"), MISTAKES)
def test_a_mistake_in_a_test_is_told_with_its_place(source, line, column, what):
    with pytest.raises(PolicyError) as caught:
        cases.load(source, "t.yaml")
    assert what in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)


def test_a_folder_is_read_in_the_order_of_its_names():
    policy = sources.load(POLICIES / "layers")
    assert [document.name for document in policy.documents] == ["company", "support-desk"]
    assert policy.documents[0].file == str(POLICIES / "layers" / "company.yml")
    decision = policy.decide(Request(Subject("agent", "a"), Action("kb.delete")))
    assert decision.rules == ("company/no-deletes",)
    assert policy.check() == ()


def test_files_and_folders_may_be_mixed_and_named_as_text():
    files = [str(path) for path in sorted((POLICIES / "layers").iterdir())]
    assert sources.load(*files).digest == sources.load(POLICIES / "layers").digest


def test_paths_that_lead_to_no_policy_are_told(tmp_path):
    with pytest.raises(PolicyError, match=r"nowhere\.yaml: the file cannot be read .*check the"):
        sources.load(tmp_path / "nowhere.yaml")
    with pytest.raises(PolicyError, match=r"the folder has no \*\.yaml or \*\.yml file; add one"):
        sources.load(tmp_path)
    with pytest.raises(PolicyError, match="no policy is named"):
        sources.load()
    (tmp_path / "empty.yaml").write_bytes(b"")
    with pytest.raises(PolicyError, match=r"empty\.yaml: the file is empty"):
        sources.load(tmp_path)
    (tmp_path / "empty.yaml").write_bytes("remit: 1\nname: ä".encode("latin-1"))
    with pytest.raises(PolicyError, match=r"empty\.yaml:2:7: byte 0xe4 is not UTF-8"):
        sources.load(tmp_path)


def test_what_a_session_holds_beyond_the_known_keys_are_facts_however_they_are_written():
    text = "{id: s-1, region: eu, facts: {floor: 3}}"
    suite = cases.load(
        "remit-test: 1\ncases:\n  - name: x\n    request: {action: look, session: "
        f"{text}}}\n    expect: {{effect: deny}}\n",
        "x.remit-test.yaml",
    )
    session = suite.cases[0].request.session
    assert (session.id, session.facts) == ("s-1", {"region": "eu", "floor": 3})

"""Published records of approvals and of logs are held to by Remit's own checks."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"

EXCEPTIONS = {"used-before-issued": "approvals.md", "t5-forged-insertion": "ledger.md"}
"""Explained there: what Remit does otherwise than the corpus expects."""


@pytest.fixture
def evidence(monkeypatch):
    if importlib.util.find_spec("agent_evidence_vectors") is None:
        reason = "agent-evidence-vectors is not installed; it is in the dev group"
        print(reason)
        pytest.skip(reason)
    monkeypatch.syspath_prepend(HERE / "conformance")
    import evidence

    return evidence


def test_the_published_cases_pass_or_are_explained(evidence):
    outcomes = evidence.run_all()
    print(evidence.report(outcomes))
    assert len(outcomes) == 81
    failed = {one.case for one in outcomes if one.passed is False}
    assert failed == set(EXCEPTIONS)
    for case, page in EXCEPTIONS.items():
        assert f"`{case}`" in (DOCS / page).read_text("utf-8")


def test_what_is_not_applicable_is_explained_and_exists(evidence):
    page = (DOCS / "approvals.md").read_text("utf-8")
    named = {case for cases in evidence.NOT_APPLICABLE.values() for case in cases}
    assert {case for case in named if f"`{case}`" not in page} == set()
    assert named == {one.case for one in evidence.run_all() if one.passed is None}


def test_a_case_passes_only_if_it_is_refused_for_its_own_reason(evidence, monkeypatch):
    monkeypatch.setitem(evidence.REASONS, "approval_replayed", "something else")
    (replayed,) = (
        one for one in evidence.run("approval-binding") if one.case == "approval-already-consumed"
    )
    assert replayed.passed is False


def test_the_report_counts_every_suite(evidence):
    report = evidence.report(evidence.run_all())
    for line in DOCS.joinpath("approvals.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        suite = cells[0].partition(" ")[0]
        if suite in evidence.NOT_APPLICABLE and len(cells) == 5:
            cases, passed, failed, without = cells[1:]
            said = f"{suite}: {cases} cases, {passed} passed, {failed} failed, {without} not"
            assert said in report

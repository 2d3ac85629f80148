"""Every policy of the cookbook is without findings, and its cases hold and show all of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from remit import sources
from remit.policy import cases
from remit.policy.coverage import cover

ROOT = Path(__file__).parent.parent
RECIPES = sorted(path.parent for path in ROOT.glob("examples/cookbook/*/remit.yaml"))
PAGE = ROOT / "docs" / "cookbook.md"


def suite(recipe):
    file = recipe / "remit-test.yaml"
    return cases.load(file.read_bytes(), str(file))


@pytest.fixture(params=RECIPES, ids=lambda recipe: recipe.name)
def recipe(request):
    return request.param


def test_there_are_twenty():
    assert len(RECIPES) == 20


def test_a_recipe_has_no_findings_and_can_be_read_in_a_minute(recipe):
    policy = sources.load(recipe / "remit.yaml")
    assert [str(found) for found in policy.check(strict=True)] == []
    lines = (recipe / "remit.yaml").read_text("utf-8").splitlines()
    assert 10 <= len(lines) <= 50
    assert lines[0].startswith("# ")


def test_the_cases_of_a_recipe_hold(recipe):
    policy = sources.load(recipe / "remit.yaml")
    outcomes = [cases.run(policy, case) for case in suite(recipe).cases]
    assert [str(outcome) for outcome in outcomes if not outcome.passed] == []
    assert len(outcomes) >= 6


def test_the_cases_of_a_recipe_show_all_of_it(recipe):
    policy = sources.load(recipe / "remit.yaml")
    covered = cover(policy, [case.request for case in suite(recipe).cases])
    assert [str(gap) for gap in covered.gaps] == []
    assert covered.percent == 100


def test_a_recipe_has_a_case_with_a_name_that_only_looks_like_another(recipe):
    names = [
        text
        for case in suite(recipe).cases
        for text in (case.request.action.name, case.request.resource.id)
    ]
    assert any(not name.isascii() for name in names)


def test_the_page_lists_every_recipe_with_a_sentence(recipe):
    (line,) = re.findall(
        rf"^- \[[^]]+\]\(\.\./examples/cookbook/{recipe.name}/remit\.yaml\): (.+)$",
        PAGE.read_text("utf-8"),
        re.MULTILINE,
    )
    assert line.endswith(".")


def test_what_the_page_shows_in_full_is_what_the_files_say():
    fence = re.compile(r"^```yaml (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    blocks = fence.findall(PAGE.read_text("utf-8"))
    assert len(blocks) == 4
    for name, text in blocks:
        assert (ROOT / "examples" / "cookbook" / name).read_text("utf-8") == text

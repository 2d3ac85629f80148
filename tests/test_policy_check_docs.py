"""Every kind of finding is documented, with a policy that has it and the cure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from remit.policy import Policy
from remit.policy.check import Kind
from remit.policy.load import mistakes

PAGE = (Path(__file__).parent.parent / "docs" / "checking-policies.md").read_text("utf-8")
SECTIONS = {found[1]: found[2] for found in re.finditer(r"(?ms)^### (.+?)\n(.*?)(?=^##|\Z)", PAGE)}
IN_PYTHON = {Kind.ILL_TYPED}
"""What a policy with tools of its own cannot have, since it does not load."""


def test_the_page_has_a_section_for_each_kind_in_their_order_and_no_other():
    assert list(SECTIONS) == [f"{kind.value.id} {kind.value.name}" for kind in Kind]


def test_no_two_kinds_share_an_id_or_a_name():
    assert len({kind.value.id for kind in Kind}) == len({k.value.name for k in Kind}) == len(Kind)
    assert all(re.fullmatch(r"RMT\d{3}", kind.id) for kind in Kind)


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.id)
def test_a_section_says_what_it_is_and_the_cure_and_shows_a_policy_that_has_it(kind):
    about = kind.value
    section = SECTIONS[f"{about.id} {about.name}"]
    assert f"{about.summary} *{about.level}*" in section
    assert section.rstrip().endswith(about.cure)
    if kind in IN_PYTHON:
        assert f'"{about.id}"' in section
        return
    example = re.search(rf"(?s)```yaml {about.name}\.yaml\n(.*?)```", section)[1]
    if kind is Kind.UNUSABLE:
        assert mistakes(example, f"{about.name}.yaml")
        return
    found = Policy.parse(example, file=f"{about.name}.yaml").check(strict=True)
    assert kind in {finding.kind for finding in found}

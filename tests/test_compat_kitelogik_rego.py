"""YAML that became Rego decides as the YAML does."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from remit.compat.kitelogik import compile_yaml, compile_yaml_string

sys.path.insert(0, str(Path(__file__).parent / "differential"))

from kitelogik import FLAGS, compare


def test_a_policy_and_its_rego_decide_alike():
    seen = Counter()
    compare(25, seen)
    assert all(seen[flags] for flags in FLAGS)


def test_what_becomes_rego_keeps_the_names_that_other_modules_ask_for():
    rego = compile_yaml_string(
        "version: 1\nrules:\n"
        "  - {name: a, when: {action: x}, then: allow}\n"
        "  - {name: b, when: {action: y}, reason: no}\n"
    )
    assert rego.count("package kitelogik.userpolicy") == 1
    for name in ("allow if", "deny[found.reason] if", "hitl[found.reason] if"):
        assert name in rego


def test_a_policy_that_is_not_there_or_of_another_kind_does_not_become_rego(tmp_path):
    with pytest.raises(FileNotFoundError):
        compile_yaml(tmp_path / "policy.yaml")
    (tmp_path / "policy.yaml").write_text("remit: 1\nname: a\nrules: []\n")
    with pytest.raises(ValueError, match="only policies of Kite Logik"):
        compile_yaml(tmp_path / "policy.yaml")

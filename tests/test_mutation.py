"""One word misspelt in a shipped policy: it does not load, or `remit check --strict` says so.

Arguments are among those words once the tools of a policy are declared, and so are the fields of
the session. Other facts (of session, context and properties) nobody declares: a wrong name
is told only if it is close to one that more rules read.
"""

from __future__ import annotations

import shutil
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from mutation import misspelt, words, wrong

from remit.cli.init import POLICY
from remit.errors import PolicyError
from remit.model import Session
from remit.policy.check import Level
from remit.policy.tools import NO_TOOLS, Tools, literal
from remit.sources import load

ROOT = Path(__file__).parents[1]
SHIPPED = sorted(
    path
    for folder in ("examples", "tests/policies")
    for path in ROOT.glob(f"{folder}/**/*.y*ml")
    if not path.stem.endswith("test") and "shared" not in path.parts
)
DECLARED = {"key", "choice", "operator", "function", "name"}
ARGUMENTS = {"pattern", "member of args"}


def named(path):
    return str(path.relative_to(ROOT))


def declared(policy):
    """The tools that *policy* names, each with the arguments its rules read."""
    rules = [rule for document in policy.documents for rule in document.rules]
    tools = {pattern for rule in rules for pattern in rule.action if literal(pattern)}
    read = {tool: {} for tool in tools}
    for rule in rules:
        for tool in tools:
            if rule.when and any(fnmatchcase(tool, pattern) for pattern in rule.action):
                reads = rule.when.program.reads
                read[tool] |= {name[1]: {} for name in reads if name[0] == "args" and name[1:]}
    return Tools.of({
        tool: {"properties": names, "required": list(names), "additionalProperties": False}
        for tool, names in read.items()
    }).completed()  # fmt: skip


def warnings(path, tools):
    """What `remit check --strict` stops at."""
    found = load(path, tools=tools).check()
    return {(each.kind, each.message) for each in found if each.level is not Level.NOTE}


def survivors(path, kinds, tools, among=None):
    """The words of these kinds that can be wrong without anybody being told."""
    text = path.read_text(encoding="utf-8")
    before = warnings(path, tools)
    for word in words(text, path.name):
        if word.kind not in kinds or (among and word.text not in among):
            continue
        path.write_text(misspelt(text, word), encoding="utf-8")
        try:
            if warnings(path, tools) <= before:
                yield f"{word.place}: {word.kind} {word.text!r} as {word.wrong!r}"
        except PolicyError:
            continue


@pytest.fixture
def copied(tmp_path):
    """A policy with what lies beside it, to be written to."""

    def copy(path):
        shutil.copytree(path.parent, tmp_path / "copy")
        return tmp_path / "copy" / path.name

    return copy


@pytest.mark.parametrize("path", SHIPPED, ids=named)
def test_no_word_of_the_language_can_be_misspelt_unnoticed(path, copied):
    assert list(survivors(copied(path), DECLARED, NO_TOOLS)) == []


@pytest.mark.parametrize("path", SHIPPED, ids=named)
def test_no_tool_and_no_argument_can_be_misspelt_once_tools_are_declared(path, copied):
    tools = declared(load(path))
    assert list(survivors(copied(path), ARGUMENTS, tools)) == []


@pytest.mark.parametrize("path", SHIPPED, ids=named)
def test_no_field_of_the_session_can_be_misspelt_unnoticed(path, copied):
    fields = set(Session.__struct_fields__)
    assert list(survivors(copied(path), {"member of session"}, NO_TOOLS, fields)) == []


def test_no_word_of_the_policy_that_init_writes_can_be_misspelt_unnoticed(tmp_path):
    path = tmp_path / "remit.yaml"
    path.write_text(POLICY, encoding="utf-8")
    assert list(survivors(path, DECLARED | ARGUMENTS, declared(load(path)))) == []


def test_a_word_is_never_misspelt_as_itself():
    for word in ("id", "aa", "deny", "x", "!", "args", "\u00e9\u00e9"):
        assert wrong(word) != word


def test_the_words_of_a_policy_are_all_found():
    found = [(word.kind, word.text) for word in words(POLICY, "remit.yaml")]
    assert ("key", "rules") in found
    assert ("choice", "allow") in found
    assert ("name", "args") in found
    assert ("member of args", "amount") in found
    assert ("operator", "&&") in found

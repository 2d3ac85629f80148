"""One word misspelt in a shipped policy: it does not load, or `remit check --strict` says so.

`python tests/test_mutation.py` prints how many words each policy has, and which survive.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from mutation import misspelt, words, wrong

from remit.cli.init import POLICY
from remit.errors import PolicyError
from remit.policy.check import Level
from remit.policy.tools import NO_TOOLS
from remit.sources import load

ROOT = Path(__file__).parents[1]
# Parts of other policies: what they name, they do not declare.
PARTS = {"money.yaml", "company.yml"}
SHIPPED = sorted(
    path
    for folder in ("examples", "src/remit/templates", "tests/policies")
    for path in ROOT.glob(f"{folder}/**/*.y*ml")
    if not path.stem.endswith("test") and path.name not in PARTS
)


def named(path):
    return str(path.relative_to(ROOT))


def warnings(path):
    """What `remit check --strict` stops at."""
    found = load(path, tools=NO_TOOLS.completed()).check(strict=True)
    return {(each.kind, each.message) for each in found if each.level is not Level.NOTE}


def survivors(path, of=None, above=None):
    """The words of *path* that can be wrong in the policy *of* without anybody being told.

    Args:
        path: the file with the words.
        of: the policy it is a part of; itself, if not said.
        above: the first line that is not looked at.
    """
    text = path.read_text(encoding="utf-8")
    before = warnings(of or path)
    for word in words(text, path.name):
        if above is not None and word.place.line >= above:
            continue
        path.write_text(misspelt(text, word), encoding="utf-8")
        try:
            if warnings(of or path) <= before:
                yield f"{word.place}: {word.kind} {word.text!r} as {word.wrong!r}"
        except PolicyError:
            continue
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def copied(tmp_path):
    """A policy with what lies beside it, to be written to."""

    def copy(path):
        shutil.copytree(path.parent, tmp_path / "copy")
        return tmp_path / "copy" / path.name

    return copy


@pytest.mark.parametrize("path", SHIPPED, ids=named)
def test_no_word_of_a_shipped_policy_can_be_misspelt_unnoticed(path, copied):
    assert list(survivors(copied(path))) == []


def test_no_word_of_an_included_file_can_be_misspelt_unnoticed(copied):
    policy = copied(ROOT / "tests" / "policies" / "language" / "refunds.yaml")
    included = policy.parent / "shared" / "money.yaml"
    # What a template that nothing uses would be about, nothing says.
    unused = included.read_text("utf-8").split("  unused:")[0].count("\n") + 1
    assert list(survivors(included, policy, above=unused)) == []


def test_no_word_of_the_policy_that_init_writes_can_be_misspelt_unnoticed(tmp_path):
    path = tmp_path / "remit.yaml"
    path.write_text(POLICY, encoding="utf-8")
    assert list(survivors(path)) == []


def test_a_word_is_never_misspelt_as_itself():
    for word in ("id", "aa", "deny", "x", "!", "args", "\u00e9\u00e9"):
        assert wrong(word) != word


def test_the_words_of_a_policy_are_all_found():
    found = [(word.kind, word.text) for word in words(POLICY, "remit.yaml")]
    assert ("key", "rules") in found
    assert ("choice", "allow") in found
    assert ("name", "args") in found
    assert ("member", "amount") in found
    assert ("operator", "&&") in found
    assert ("key", "order_id") in found
    assert ("choice", "number") in found


def main():
    """How many words each policy has, and which of them can be misspelt unnoticed."""
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        scaffold = Path(folder) / "remit.yaml"
        scaffold.write_text(POLICY, encoding="utf-8")
        for number, path in enumerate([*SHIPPED, scaffold]):
            copy = Path(folder) / "copies" / str(number)
            shutil.copytree(path.parent, copy, ignore=shutil.ignore_patterns("copies"))
            count = sum(1 for _ in words(path.read_text("utf-8"), path.name))
            found = list(survivors(copy / path.name))
            total += count
            name = "remit init" if path is scaffold else named(path)
            print(f"{name}: {count} words, {len(found)} survive", *found, sep="\n  ")
    print(f"{total} words")


if __name__ == "__main__":
    main()

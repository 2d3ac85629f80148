"""Formatting keeps what a policy says and every comment, and done twice it changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_shell import Shell
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.errors import PolicyError
from remit.policy.format import written
from remit.policy.located import plain, read

ROOT = Path(__file__).parent.parent


def form(text):
    return written(text, "p.yaml")


def said(text):
    return repr(sorted_deep(plain(read(text, "p.yaml", "a policy"))))


def sorted_deep(value):
    if isinstance(value, dict):
        return sorted((key, sorted_deep(member)) for key, member in value.items())
    return [sorted_deep(item) for item in value] if isinstance(value, list) else value


def comments(text):
    return sorted(line.strip() for line in text.splitlines() if line.strip().startswith("#"))


UGLY = """\
remit: 1   
name: "refunds"


rules:
  # about small ones
  - effect: 'allow'
    # the limit is a cent
    when: |
      args.amount > 0   
      # not a comment of YAML, but of nobody

      && args.amount <= 100
    id: "small"  # its name
    action: [refund, "re*"]

  # about large ones
  - id: large
    effect: ask
    approvers:
    - "role:manager"
    - 'user:ada'
    action: refund
    # behind the rule

# at the end
"""  # noqa: W291 - spaces at the end are the point
NEAT = """\
remit: 1
name: refunds

rules:
  # about small ones
  - id: small  # its name
    action: [refund, "re*"]
    # the limit is a cent
    when: |
      args.amount > 0   
      # not a comment of YAML, but of nobody

      && args.amount <= 100
    effect: allow

  # about large ones
  - id: large
    action: refund
    effect: ask
    approvers:
    - "role:manager"
    - 'user:ada'
    # behind the rule

# at the end
"""  # noqa: W291 - a text over several lines is kept


def test_what_it_does():
    assert form(UGLY) == NEAT
    assert said(UGLY) == said(NEAT)


KEEP = [
    "remit: 1\nrules:\n  - {effect: allow, id: a, action: x}\n",
    "remit: 1\nrules:\n  - effect: allow\n    id: a\n    unknown: 5\n",
    "remit: 1\nname: 'no'\nrules: []\n",
    "remit: 1\nname: 'a: b'\nrules: ['#x', \"5\", '']\n",
    "remit: 1\nreason: 'two\n\n\n  lines  '\n",
    "remit: 1\nreason: >\n  two  \n\n\n  lines\n",
    'remit: 1\nreason: "an escape at the end \\  \n  goes on"\n',
    "remit: 1\nrules:\n  - effect: &e allow\n    id: *e\n",
]


@pytest.mark.parametrize("text", KEEP)
def test_what_cannot_be_changed_safely_stays_as_it_is(text):
    assert form(text) == text


def test_an_alias_that_would_come_before_its_anchor_keeps_the_order():
    text = "rules:\n  - effect: &e allow\n    id: *e  \n    action: 'x'\n"
    assert form(text) == "rules:\n  - effect: &e allow\n    id: *e\n    action: x\n"


VALUES = {
    "id": ["a", '"b-1"', "'c.d'", "a  "],
    "action": ["x", "[x, 'y']", '"*"', "\n    - x\n    - 'y'", "\n      - x  # one\n      - y"],
    "when": ["args.n > 1", "'args.n > 1'", "|\n      args.n > 1   \n\n      # c\n      && true",
             ">-\n      args.n\n      > 1\n", '"args.n\n      > 1"'],
    "effect": ["allow", "'deny'", '"ask"  # why'],
    "reason": ["Because of  this", "'no'", '"a # b"', "plain\n      on two lines"],
    "obligations": ["\n    - type: 'redact'\n      fields: [\"a\",\n        b]", "[]"],
    "custom": ["1"],
}  # fmt: skip
ABOVE = st.sampled_from(["", "", "    # above\n", "\n    # far\n\n", "  # out\n", "\n\n\n"])


@st.composite
def rules(draw):
    names = draw(st.permutations(["id", "action", "effect"]))
    more = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True))
    keys = list(dict.fromkeys([*names, *more]))
    text = draw(st.sampled_from(["  - ", "  -   ", "  -\n    "]))
    column = len(text.rpartition("\n")[2])
    for number, key in enumerate(keys):
        if number:
            text += draw(ABOVE) + " " * column
        text += f"{key}: {draw(st.sampled_from(VALUES[key]))}\n"
    return text


POLICIES = st.lists(rules(), max_size=3).map(
    lambda found: "# top\nremit: 1\nrules:\n" + "".join(found) + "# end\n"
)


@settings(max_examples=500, deadline=None)
@given(POLICIES, st.sampled_from(["\n", "\r\n"]))
def test_it_changes_neither_what_is_said_nor_a_comment_and_does_all_at_once(text, line_break):
    text = text.replace("\n", line_break)
    try:
        before = said(text)
    except PolicyError:
        with pytest.raises(PolicyError):
            form(text)
        return
    once = form(text)
    assert said(once) == before
    assert comments(once) == comments(text)
    assert form(once) == once


@pytest.mark.parametrize("file", sorted(ROOT.glob("**/*remit*.yaml")), ids=lambda file: file.name)
def test_our_own_policies_and_their_tests_say_the_same_before_and_after(file):
    text = file.read_text("utf-8")
    try:
        before = said(text)
    except PolicyError:
        return
    assert said(form(text)) == before
    assert form(form(text)) == form(text)
    assert comments(form(text)) == comments(text)


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REMIT_POLICY", raising=False)
    (tmp_path / "remit.yaml").write_text(UGLY, "utf-8")
    return Shell(capsys)


def test_a_check_changes_nothing_and_fails(remit, tmp_path):
    ended = remit("fmt", "--check")
    assert ended.code == 1
    assert ended.out == "remit.yaml: is written otherwise\n1 file: 1 to be written anew\n"
    assert (tmp_path / "remit.yaml").read_text("utf-8") == UGLY


def test_files_are_written_anew_once(remit, tmp_path):
    assert remit("fmt").out == "remit.yaml: written anew\n1 file: 1 written anew\n"
    assert (tmp_path / "remit.yaml").read_text("utf-8") == NEAT
    assert remit("fmt", ".").out == "1 file: none written anew\n"
    assert remit("fmt", "--check").code == 0


def test_what_is_not_yaml_is_left_and_told(remit, tmp_path):
    (tmp_path / "remit.yaml").write_text("rules: [", "utf-8")
    assert remit("fmt").code == 3
    assert (tmp_path / "remit.yaml").read_text("utf-8") == "rules: ["

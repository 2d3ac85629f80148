"""Which names are the same name, and that no spelling of a denied one gets through."""

from __future__ import annotations

import string
import subprocess
import sys

import pytest
from confusable_homoglyphs.confusables import confusables_data
from hypothesis import example, given
from hypothesis import strategies as st

from remit.model import Action, Effect, Request, Resource, Subject
from remit.policy import Policy
from remit.policy.glob import Glob, Index, mistake
from remit.policy.names import LONGEST, looks, spell

AGENT = Subject("agent", "a")


def policy(*rules: str, default="deny") -> Policy:
    lines = "".join(f"  - {rule}\n" for rule in rules)
    return Policy.parse(f"remit: 1\ndefault: {default}\nrules:\n{lines}")


DENY_DELETE = policy("{id: no, action: delete_*, effect: deny}", default="allow")
ASK_DELETE = policy("{id: ask, action: delete_*, effect: ask}", default="allow")
ALLOW_SEARCH = policy("{id: yes, action: search, effect: allow}")


def effect(policy: Policy, name: str) -> Effect:
    return policy.decide(Request(AGENT, Action(name))).effect


SPELLINGS = [
    "delete_user",
    "Delete_User",
    "DELETE_USER",
    "delete_user ",
    "\tdelete_user\n",
    "\xa0delete_user\u3000",
    "delete\u200b_user",
    "de\u00adlete_user",
    "delete\ufe0f_user",
    "\u202edelete_user",
    "delete\U000e0041_user",
    "de\u3164lete_user",
    "de\u115flete_user",
    "de\u034flete_user",
    "dele\x00te_user",
    "\uff44\uff45\uff4c\uff45\uff54\uff45\uff3f\uff55\uff53\uff45\uff52",
    "\U0001d41d\U0001d41e\U0001d425\U0001d41e\U0001d42d\U0001d41e_user",
]
LOOK_ALIKES = [
    "d\u0435lete_user",
    "D\u0415L\u0415\u0422\u0415_user",
    "\u0501\u0435\u217c\u0435t\u0435_user",
    "\u13a0ELETE_USER",
    "d\u0435le\u0442e_user",
    "dele\u03c4e_user",
    "d\u00e9lete_user",
    "de\u0301lete_user",
    "d\u0335elete_user",
    "de1ete_us\u0435r",
    "DE\u04c0ETE_USER",
    "\u1d05\u1d07\u029f\u1d07\u1d1b\u1d07_user",
]


@pytest.mark.parametrize("name", SPELLINGS + LOOK_ALIKES)
def test_no_spelling_of_a_denied_name_gets_through(name):
    assert effect(DENY_DELETE, name) is Effect.DENY
    assert effect(ASK_DELETE, name) is Effect.DENY


@pytest.mark.parametrize("name", ["search", "SEARCH", " search", "sea\u200brch", "\uff53earch"])
def test_an_allowed_name_is_allowed_however_it_is_spelled(name):
    assert effect(ALLOW_SEARCH, name) is Effect.ALLOW


@pytest.mark.parametrize("name", ["\u0455earch", "se\u0430rch", "s\u00e9arch", "se\u0251rch"])
def test_a_look_alike_of_an_allowed_name_is_another_name(name):
    assert effect(ALLOW_SEARCH, name) is Effect.DENY


TABLE = [
    (letter, entry["c"])
    for letter in string.ascii_letters + string.digits + "_-."
    for entry in confusables_data.get(letter, ())
    if len(entry["c"]) == 1 and not entry["c"].isascii()
]


@given(st.sampled_from(TABLE), st.text(string.ascii_letters + "_.", max_size=8), st.data())
@example(("s", "\u017f"), "dis", None)
def test_every_look_alike_of_every_letter_is_stopped(pair, around, data):
    letter, alike = pair
    at = data.draw(st.integers(0, len(around))) if data else len(around)
    denied = f"{around[:at]}{letter}{around[at:]}x"
    deny = policy(f"{{id: no, action: '{denied}', effect: deny}}", default="allow")
    assert effect(deny, f"{around[:at]}{alike}{around[at:]}x") is Effect.DENY


def test_every_entry_of_the_table_is_stopped():
    for letter, alike in TABLE:
        denied, name = f"de{letter}ete", f"de{alike}ete"
        assert spell(denied) == spell(name) or set(looks(denied)) & set(looks(name)), (
            letter,
            alike,
        )


@given(st.lists(st.sampled_from(TABLE), min_size=1, max_size=6))
def test_look_alikes_do_not_hide_one_another(pairs):
    denied = "x".join(letter for letter, _ in pairs)
    name = "x".join(alike for _, alike in pairs)
    deny = policy(f"{{id: no, action: 'a{denied}', effect: deny}}", default="allow")
    # Two characters that each stand for one letter and look like another may disagree.
    ambiguous = {alike for _, alike in pairs if len(set(looks(alike))) > 1}
    if not ambiguous:
        assert effect(deny, f"a{name}") is Effect.DENY


def test_look_alikes_are_seen_in_subjects_and_resources_too():
    deny = policy(
        "{id: who, action: '*', subject: 'agent:eve', effect: deny}",
        "{id: what, action: '*', resource: 'file:/etc/*', effect: deny}",
        default="allow",
    )
    eve = Request(Subject("agent", "\u0435ve"), Action("x"))
    etc = Request(AGENT, Action("x"), Resource("FILE", "/\u0435tc/passwd"))
    assert deny.decide(eve).rules == ("who",)
    assert deny.decide(etc).rules == ("what",)
    assert deny.decide(Request(AGENT, Action("x"), Resource("file", "/tmp/x"))).allowed


@pytest.mark.parametrize("order", [(1, True, "1"), (True, 1, "True"), ("1", 1.0, True)])
def test_what_is_no_text_is_compared_as_it_reads_whatever_was_asked_before(order):
    ids = Policy.parse(
        "remit: 1\nname: ids\ndefault: deny\nrules:\n"
        "  - {id: one, action: x, subject: 'agent:1', effect: allow}\n"
    )
    for name in (*order, *order):
        allowed = ids.decide(Request(Subject("agent", name), Action("x"))).allowed
        assert allowed is (str(name) == "1")


def test_a_denied_pattern_with_a_wildcard_stops_look_alikes_around_it():
    deny = policy("{id: no, action: 'for?.*.drop', effect: deny}", default="allow")
    assert effect(deny, "f\u043erm.a.b.drop") is Effect.DENY
    assert effect(deny, "form.a.b.drop") is Effect.DENY
    assert effect(deny, "form.drop") is Effect.ALLOW


def test_a_pattern_of_another_script_denies_its_own_names():
    deny = policy(
        "{id: no, action: '\u0443\u0434\u0430\u043b\u0438\u0442\u044c_*', effect: deny}",
        default="allow",
    )
    assert effect(deny, "\u0423\u0414\u0410\u041b\u0418\u0422\u042c_x") is Effect.DENY
    assert effect(deny, "y\u0434\u0430\u043b\u0438\u0442\u044c_x") is Effect.DENY
    assert effect(deny, "other") is Effect.ALLOW


def test_a_denial_mistyped_in_another_script_still_denies():
    deny = policy("{id: no, action: 'd\u0435lete_*', effect: deny}", default="allow")
    assert effect(deny, "delete_user") is Effect.DENY


def test_names_of_ascii_are_compared_as_they_are():
    deny = policy("{id: no, action: kill, effect: deny}", default="allow")
    assert effect(deny, "ki11") is Effect.ALLOW


def test_a_name_too_long_to_compare_gets_the_stricter_answer():
    name = "x" * (LONGEST + 1)
    both = policy(
        "{id: no, action: delete_*, effect: deny}", "{id: yes, action: 'x*', effect: allow}"
    )
    assert both.decide(Request(AGENT, Action(name))).rules == ("no",)
    assert effect(policy("{id: yes, action: 'x*', effect: allow}"), name) is Effect.DENY


def test_the_table_is_not_read_for_ascii():
    code = (
        "import sys\n"
        "from remit import Action, Request, Subject\n"
        "from remit.policy import Policy\n"
        "p = Policy.parse('remit: 1\\nrules: [{id: a, action: x, effect: deny}]')\n"
        "p.decide(Request(Subject('agent', 'a'), Action('x')))\n"
        "assert 'confusable_homoglyphs' not in sys.modules\n"
        "p.decide(Request(Subject('agent', 'a'), Action('\\u0455')))\n"
        "assert 'confusable_homoglyphs' in sys.modules\n"
    ).replace("from remit import", "from remit.model import")
    subprocess.run([sys.executable, "-c", code], check=True)


@given(st.text(max_size=40))
@example("\ud800")
@example("\u0345\u0399")
def test_spelling_is_stable(name):
    assert spell(spell(name)) == spell(name)
    assert spell(name) == spell(f" {name}\u200b")


@given(st.text("ab*?", min_size=1, max_size=7), st.text("ab", max_size=9))
def test_a_glob_matches_what_its_definition_says(pattern, name):
    def fits(pattern, name):
        if not pattern:
            return not name
        if pattern[0] == "*":
            return fits(pattern[1:], name) or (bool(name) and fits(pattern, name[1:]))
        return bool(name) and pattern[0] in {"?", name[0]} and fits(pattern[1:], name[1:])

    assert Glob(pattern).matches(name) == fits(pattern, name)
    assert Index([(pattern, 5)]).find(name) == (fits(pattern, name) << 5)


@given(st.lists(st.text("ab.*?", min_size=1, max_size=5), max_size=8), st.text("ab.", max_size=8))
def test_an_index_finds_what_its_patterns_match_one_by_one(patterns, name):
    found = Index(zip(patterns, range(len(patterns)), strict=True)).find(name)
    assert found == sum(Glob(p).matches(name) << n for n, p in enumerate(patterns))


@pytest.mark.parametrize("pattern", ["[ab]", "{a,b}", "a\\*", "!a", "", "   ", "x" * 257])
def test_what_is_no_pattern_is_told(pattern):
    assert mistake(pattern)


def test_names_nobody_wrote_do_not_stay_in_memory():
    deny = policy("{id: no, action: 'a*', effect: deny}", "{id: on, action: '*z', effect: deny}")
    for number in range(10_000):
        deny.decide(Request(Subject("agent", str(number)), Action(f"n{number}")))
    dispatch = deny._dispatch
    assert len(dispatch.known) <= 4096
    assert len(dispatch.words.action.known) <= 4096
    assert len(dispatch._by_candidates) <= 4

"""Documents of several files, and documents that say other things elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

import remit
from remit import sources
from remit.errors import PolicyError
from remit.model import Action, Request, Subject
from remit.policy import Policy, cases

SAMPLE = Path(__file__).parent / "policies" / "language" / "refunds.yaml"
AGENT = Subject("agent", "a")
ALLOW = "{id: %s, action: %s, effect: allow}"


def decide(policy: Policy, name: str = "x", /, **args):
    return policy.decide(Request(AGENT, Action(name, args)))


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def to(name: str, text: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"remit: 1\n{text}\n", encoding="utf-8")
        return name

    return to


def told(name: str) -> list[str]:
    return [str(error) for error in sources.mistakes(name)]


# Includes


def test_what_a_file_includes_is_part_of_it(write):
    write("parts/common.yaml", "let: {big: args.n > 5}\nrules:\n- " + ALLOW % ("a", "x"))
    main = write(
        "main.yaml",
        "include: parts/common.yaml\nrules:\n- {id: b, action: x, when: big, effect: deny}",
    )
    policy = remit.load(main)
    assert policy.rules == ("a", "b")
    assert decide(policy, n=1).rules == ("a",)
    assert decide(policy, n=9).rules == ("b",)
    (document,) = policy.documents
    assert document.includes == ("parts/common.yaml",)
    assert [str(rule.place) for rule in document.rules] == [
        "parts/common.yaml:4:8",
        "main.yaml:4:8",
    ]
    assert policy.explain(Request(AGENT, Action("x"))).rules[0].place.file == "parts/common.yaml"


def test_a_file_that_is_reached_twice_counts_once(write):
    write("d.yaml", "rules:\n- " + ALLOW % ("d", "x"))
    write("b.yaml", "include: d.yaml")
    write("c.yaml", "include: ./d.yaml")
    main = write("a.yaml", "include: [b.yaml, c.yaml, b.yaml]")
    assert remit.load(main).rules == ("d",)


def test_names_of_files_are_relative_to_the_file_that_says_them(write):
    write("x/y/deep.yaml", "rules:\n- " + ALLOW % ("deep", "x"))
    write("x/near.yaml", "include: y/deep.yaml\nrules:\n- " + ALLOW % ("near", "x"))
    main = write("main/a.yaml", "include: ../x/near.yaml")
    policy = remit.load(main)
    assert policy.rules == ("deep", "near")
    assert policy.documents[0].includes == ("x/near.yaml", "x/y/deep.yaml")


def test_a_file_that_includes_itself_is_told_with_the_way_round(write):
    write("b.yaml", "include: c.yaml")
    write("c.yaml", "include: a.yaml")
    main = write("a.yaml", "include: b.yaml")
    way = "a.yaml -> b.yaml -> c.yaml -> a.yaml"
    assert told(main) == [f"c.yaml:2:10: this includes itself: {way}; remove one of these"]
    assert told("./a.yaml")[0].startswith("c.yaml:2:10: this includes itself: ./a.yaml -> ")


def test_a_mistake_in_an_included_file_is_told_where_it_stands(write):
    write("b.yaml", "rules:\n- {id: a, action: x, when: arg.n, effect: deny}")
    main = write("a.yaml", "include: b.yaml\nrule: []")
    assert told(main) == [
        "a.yaml:3:1: unknown key 'rule' in a policy; did you mean 'rules'?",
        "b.yaml:3:28: in the condition: unknown name 'arg'; did you mean 'args'?",
    ]
    write("b.yaml", "rules: [")
    write("a.yaml", "include: b.yaml")
    with pytest.raises(PolicyError, match=r"b\.yaml:3:1: not YAML"):
        remit.load(main)


WHOLE = ["name: n", "default: deny", "order: severity", "mode: enforce", "environments: {}",
         "valid: {from: 2026-01-01}", "tests: []"]  # fmt: skip


@pytest.mark.parametrize("key", WHOLE)
def test_what_holds_for_a_whole_document_cannot_be_included(write, key):
    write("b.yaml", key)
    (error,) = told(write("a.yaml", "include: b.yaml"))
    name = key.partition(":")[0]
    assert error == f"b.yaml:2:1: {name!r} is for the document that includes this; move it there"


def test_names_stand_once_in_all_files_together(write):
    write(
        "b.yaml",
        "let: {big: args.n > 1}\ntemplates: {t: {rules: []}}\nrules:\n- " + ALLOW % ("a", "x"),
    )
    main = write(
        "a.yaml",
        "include: b.yaml\nlet: {big: args.n > 2}\ntemplates: {t: {rules: []}}\nrules:\n- "
        + ALLOW % ("a", "y"),
    )
    assert told(main) == [
        "a.yaml:3:7: 'big' stands twice, first at b.yaml:2:7; rename one",
        "a.yaml:4:13: 't' stands twice, first at b.yaml:3:13; rename one",
        "a.yaml:6:8: the id 'a' stands twice, first on line 5 of b.yaml; rename one",
    ]


def test_an_include_that_leads_nowhere_is_told_at_the_include(write, tmp_path):
    (error,) = told(write("a.yaml", "include: nowhere.yaml"))
    assert error.startswith(
        "a.yaml:2:10: 'nowhere.yaml' cannot be included: the file cannot be read"
    )
    (error,) = told(write("a.yaml", f"include: {tmp_path / 'a.yaml'}"))
    assert error.endswith("cannot be included: name it relative to the file that includes it")
    with pytest.raises(PolicyError, match=r"p\.yaml:2:10: nothing can be included in a text alone"):
        Policy.parse("remit: 1\ninclude: a.yaml\n", file="p.yaml")


def test_the_digest_names_what_is_included(write):
    write("b.yaml", "rules:\n- " + ALLOW % ("a", "x"))
    main = write("a.yaml", "include: b.yaml")
    before = remit.load(main).digest
    assert remit.load(main).digest == before
    write("b.yaml", "rules:\n- " + ALLOW % ("a", "y"))
    assert remit.load(main).digest != before


def test_a_file_is_not_both_a_layer_and_a_part_of_one(write):
    write("p/b.yaml", "rules:\n- " + ALLOW % ("a", "x"))
    write("p/a.yaml", "include: b.yaml")
    with pytest.raises(PolicyError, match=r"p/b\.yaml: this is a layer of its own, and p/a\.yaml"):
        remit.load("p")


def test_no_more_files_are_included_than_anybody_needs(write):
    for n in range(120):
        write(f"{n}.yaml", f"include: {n + 1}.yaml")
    write("120.yaml", "rules: []")
    (error,) = told("0.yaml")
    assert "over 100 files are included; put some of them together" in error


# Environments


ENVIRONMENTS = """\
default: allow
rules:
- {id: a, action: x, when: args.n > 9, effect: deny}
environments:
  production:
    default: deny
    rules:
      a: {when: args.n > 1, reason: not here}
  staging: {}"""


def test_an_environment_changes_what_it_names_and_nothing_else(write):
    main = write("a.yaml", ENVIRONMENTS)
    base, production = remit.load(main), remit.load(main, environment="production")
    assert (decide(base, n=5).allowed, decide(production, n=5).reason) == (True, "not here")
    assert not decide(production, "y").allowed
    assert decide(remit.load(main, environment="staging"), n=5).allowed
    assert str(production.documents[0].rules[0].place) == "a.yaml:4:8"
    assert production.documents[0].environment == "production"


def test_a_decision_tells_the_environments_apart(write):
    main = write("a.yaml", ENVIRONMENTS)
    digests = {remit.load(main, environment=name).digest for name in ("", "production", "staging")}
    assert len(digests) == 3


def test_every_changed_key_is_listed(write):
    found = [str(each) for each in remit.load(write("a.yaml", ENVIRONMENTS)).check()]
    notes = [each for each in found if "in 'production'" in each]
    assert notes == [
        "a.yaml:7:5: note: in 'production', the document has default: deny, not allow",
        "a.yaml:9:11: note: in 'production', rule 'a' has when: args.n > 1, not args.n > 9",
        "a.yaml:9:29: note: in 'production', rule 'a' has reason: not here",
    ]


def test_documents_that_say_nothing_about_environments_hold_in_all_of_them(write):
    write("p/a.yaml", ENVIRONMENTS)
    write("p/b.yaml", "default: abstain\nrules:\n- {id: no, action: z, effect: deny}")
    policy = remit.load("p", environment="production")
    assert decide(policy, "z").rules == ("b/no",)
    assert not decide(policy, "y").allowed


def test_an_environment_nobody_knows_is_a_mistake(write):
    main = write("a.yaml", ENVIRONMENTS)
    with pytest.raises(PolicyError, match=r"a\.yaml:6:3: .*; did you mean 'production'\?"):
        remit.load(main, environment="prodction")
    other = write("b.yaml", "rules: []")
    with pytest.raises(PolicyError, match=r"b\.yaml: no environment is called 'production' here"):
        remit.load(other, environment="production")


CHANGES = {
    "p: {rules: {b: {risk: low}}}": "there is no rule 'b'; an environment changes rules that exist",
    "p: {rules: {a: {id: b}}}": "unknown key 'id' in a change of a rule",
    "p: {rules: {a: {efect: deny}}}": "unknown key 'efect' in a change of a rule; did you mean",
    "p: {rules: {a: {effect: dny}}}": "'dny' is no effect; did you mean 'deny'?",
    "p: {rules: {a: {when: arg.n}}}": "in the condition: unknown name 'arg'",
    "p: {rules: {a: {quorum: 2}}}": "nobody may lift this denial",
    "p: {default: no}": "'no' is no default",
    "p: {name: x}": "unknown key 'name' in an environment",
    "p: {rules: [a]}": "the rules that change is a mapping",
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("environment", ["", "p"])
def test_a_mistake_in_an_environment_is_told_whichever_holds(write, change, environment):
    main = write(
        "a.yaml", f"rules:\n- {{id: a, action: x, effect: deny}}\nenvironments:\n  {change}"
    )
    with pytest.raises(PolicyError) as caught:
        sources.load(main, environment=environment)
    assert CHANGES[change] in str(caught.value)
    assert caught.value.line == 5


# Tests beside rules


def test_cases_may_stand_in_the_policy_they_are_about():
    suite = cases.load(SAMPLE.read_bytes(), str(SAMPLE))
    assert suite.policies == ("refunds.yaml",)
    policy = remit.load(SAMPLE)
    assert [case.name for case in policy.documents[0].tests] == [case.name for case in suite.cases]
    assert [str(o) for case in suite.cases if not (o := cases.run(policy, case)).passed] == []


def test_cases_change_no_decision_and_count_in_the_digest():
    text = "remit: 1\nname: n\nrules:\n- " + ALLOW % ("a", "x")
    case = "\ntests:\n- {name: n, request: {action: y}, expect: {effect: allow}}"
    bare, tested = Policy.parse(text), Policy.parse(text + case)
    assert bare.digest != tested.digest
    assert decide(bare).rules == decide(tested).rules == ("a",)
    assert bare.rules == tested.rules


def test_a_mistake_in_a_case_makes_the_policy_unusable():
    with pytest.raises(PolicyError, match=r"p\.yaml:3:3: a case has no 'expect'"):
        Policy.parse("remit: 1\ntests:\n- {name: n, request: {action: y}}", file="p.yaml")
    with pytest.raises(PolicyError, match=r"a policy has no 'tests'; write them under 'tests'"):
        cases.load("remit: 1\nrules: []", "p.yaml")

"""The benchmarks' corpora and reference: what the numbers stand on. Nothing is timed here."""

import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import corpus
import measure
import reference
import worker
from corpus import Corpus, Rule, Test
from peers import TOOLS, Tools, Work, ours
from reference import FIRST, NO_RULE, STRICTEST

Test.__test__ = False  # its name is not meant for pytest

SMALL = [
    corpus.mixed(10, 40),
    corpus.mixed(100, 40),
    corpus.dense(60, 40),
    corpus.spread(100, 40),
    corpus.patterned(100, 40),
]
REQUEST = SMALL[1].requests[0]
STRICTNESS = {"allow": 0, "ask": 1, "deny": 2}

rules_of_small = st.permutations(SMALL[1].rules).map(tuple)
requests_of_small = st.sampled_from([*SMALL[1].requests, *SMALL[1].misses])


def rule(effect, name="r", tool="*", resource="*", tests=()):
    return Rule(name, tool, resource, effect, tuple(Test(*test) for test in tests))


@pytest.mark.parametrize("made", [corpus.mixed, corpus.patterned, corpus.spread, corpus.dense])
def test_a_seed_makes_the_same_corpus_every_time(made):
    assert made(50, 20, seed=3) == made(50, 20, seed=3)
    assert made(50, 20, seed=3) != made(50, 20, seed=4)


@pytest.mark.parametrize("one", SMALL, ids=lambda one: one.name)
def test_a_corpus_survives_the_file_it_is_handed_over_in(one, tmp_path):
    one.save(tmp_path / "corpus.json")
    assert Corpus.load(tmp_path / "corpus.json") == one


@pytest.mark.parametrize("size", [10, 100, 1000])
def test_a_mixed_corpus_has_as_many_rules_as_asked_and_mostly_names_tools(size):
    rules = corpus.mixed(size, 1).rules
    assert len(rules) == size == len({rule.id for rule in rules})
    shapes = Counter(
        "service" if rule.tool.endswith(".*") else "broad" if "*" in rule.tool else "exact"
        for rule in rules
    )
    assert 0.7 <= shapes["exact"] / size <= 0.82
    assert shapes["service"] == round(size * 0.18)
    assert shapes["broad"] <= 6


def test_a_request_has_about_as_many_candidates_however_many_rules_there_are():
    assert 20 < corpus.mixed(100, 40).candidates() < 32
    assert 20 < corpus.mixed(1000, 40).candidates() < 32


def test_no_rule_of_a_dense_or_spread_corpus_can_be_told_from_another_by_its_tool():
    assert {rule.tool for rule in (*SMALL[2].rules, *SMALL[3].rules)} == {"*"}


def test_in_a_spread_corpus_about_as_many_rules_match_however_many_there_are():
    for one in (corpus.spread(100, 60), corpus.spread(1000, 60), corpus.spread(4000, 60)):
        matching = [reference.matches(rule, each) for rule in one.rules for each in one.requests]
        assert 2 < sum(matching) / len(one.requests) < 6


def test_in_a_patterned_corpus_a_rule_in_eight_has_an_expression_and_some_notes_fit_it():
    one = corpus.patterned(800, 60)
    tests = [test for rule in one.rules for test in rule.tests if test.op == "matches"]
    assert len(tests) == 100
    assert {test.value for test in tests} == set(corpus.EXPRESSIONS)
    fit = [reference.holds(test, request) for test in tests for request in one.requests]
    assert 0.1 < sum(fit) / len(fit) < 0.9


def test_all_effects_are_asked_for_and_given():
    one = corpus.mixed(100, 200)
    assert {rule.effect for rule in one.rules} == set(STRICTNESS)
    for semantics in (STRICTEST, FIRST):
        given = {reference.decide(one.rules, each, semantics).effect for each in one.requests}
        assert given == set(STRICTNESS)


@pytest.mark.parametrize("one", SMALL, ids=lambda one: one.name)
def test_a_miss_matches_nothing(one):
    assert one.misses
    for request in one.misses:
        assert reference.decide(one.rules, request, STRICTEST) == NO_RULE
        assert reference.decide(one.rules, request, FIRST) == NO_RULE


@pytest.mark.parametrize("one", SMALL, ids=lambda one: one.name)
def test_what_is_asked_when_all_is_warm_was_not_asked_before(one):
    assert one.others
    assert not [request for request in one.others if request in one.requests]


@pytest.mark.parametrize("one", SMALL, ids=lambda one: one.name)
def test_no_rule_asks_for_a_fact_that_a_request_does_not_carry(one):
    asked = {test.fact for rule in one.rules for test in rule.tests}
    assert asked <= {*corpus.FACTS, "note"}
    for request in (*one.requests, *one.misses, *one.others):
        assert asked <= {*request["args"], "role", "hour"}


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("svc1.read", "svc1.read", True),
        ("svc1.read", "svc1.reads", False),
        ("svc1.*", "svc1.read", True),
        ("svc1.*", "svc11.read", False),
        ("*.read", "svc9.read", True),
        ("*.read", "svc9.write", False),
        ("*", "anything at all", True),
        ("order:eu/*", "order:eu/7", True),
        ("order:eu/*", "order:us/7", False),
        ("order:*", "order:us/7", True),
    ],
)
def test_a_pattern_fits_the_whole_of_a_name(pattern, name, fits):
    assert reference.fits(pattern, name) is fits


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        (("amount", ">", 100), False),
        (("amount", ">=", 100), True),
        (("amount", "<", 101), True),
        (("amount", "<=", 99), False),
        (("hour", ">=", 9), True),
        (("path", "under", "/srv/data"), True),
        (("path", "under", "/srv/da"), False),
        (("region", "in", ["eu-1", "us-1"]), True),
        (("region", "in", ["us-1"]), False),
        (("role", "is", "clerk"), True),
        (("role", "is", "admin"), False),
    ],
)
def test_a_condition_means_what_it_says(test, holds):
    args = {"amount": 100, "path": "/srv/data/new/a.txt", "region": "eu-1"}
    request = {"args": args, "role": "clerk", "hour": 9}
    assert reference.holds(Test(*test), request) is holds


def test_the_strictest_of_the_rules_that_match_wins_wherever_it_stands():
    rules = (rule("allow", "a"), rule("deny", "b"), rule("ask", "c"), rule("deny", "d"))
    assert reference.decide(rules, REQUEST, STRICTEST) == ("deny", {"b", "d"})
    assert reference.decide(rules[::2], REQUEST, STRICTEST) == ("ask", {"c"})


def test_the_first_of_the_rules_that_match_wins_where_that_is_the_semantics():
    other = rule("deny", "no", tool="another.tool")
    rules = (other, rule("allow", "a"), rule("deny", "b"))
    assert reference.decide(rules, REQUEST, FIRST) == ("allow", {"a"})


def test_what_no_rule_is_about_is_denied():
    assert reference.decide((), REQUEST, STRICTEST) == reference.decide((), REQUEST, FIRST)
    assert reference.decide((), REQUEST, FIRST) == NO_RULE


@given(rules_of_small, requests_of_small)
def test_the_order_of_rules_does_not_matter_where_the_strictest_wins(rules, request):
    assert reference.decide(rules, request, STRICTEST) == reference.decide(
        SMALL[1].rules, request, STRICTEST
    )


@given(rules_of_small, requests_of_small)
def test_the_first_match_is_never_stricter_than_the_strictest(rules, request):
    first = reference.decide(rules, request, FIRST)
    strictest = reference.decide(rules, request, STRICTEST)
    assert STRICTNESS[first.effect] <= STRICTNESS[strictest.effect]


def test_an_engine_agrees_only_if_it_also_names_rules_that_decided():
    answer = reference.Answer("deny", frozenset({"r1", "r2"}))
    assert reference.agrees(answer, "deny", ("r2",))
    assert reference.agrees(answer, "deny", ("part-0/r1", "part-1/r2"))
    assert not reference.agrees(answer, "deny", ("r3",))
    assert not reference.agrees(answer, "deny", ())
    assert not reference.agrees(answer, "ask", ("r2",))
    assert not reference.agrees(NO_RULE, "deny", ("r1",))
    assert reference.agrees(NO_RULE, "deny", ())


@pytest.mark.parametrize("one", SMALL, ids=lambda one: one.name)
@pytest.mark.parametrize(
    ("variant", "semantics"), [("parsed", STRICTEST), ("prebuilt", STRICTEST), ("first", FIRST)]
)
def test_remit_agrees_with_the_reference(one, variant, semantics):
    decide = ours.decider(variant, one.rules)
    for request in (*one.requests, *one.misses, *one.others):
        effect, rules = decide(ours.prepared(variant, request))
        assert reference.agrees(reference.decide(one.rules, request, semantics), effect, rules)


def test_remit_agrees_when_the_rules_are_in_several_files(monkeypatch):
    monkeypatch.setattr(ours, "IN_ONE_FILE", 30)
    test_remit_agrees_with_the_reference(SMALL[1], "parsed", STRICTEST)


def test_who_disagrees_with_the_reference_is_not_timed(tmp_path):
    SMALL[0].save(tmp_path / "corpus.json")
    yes = SimpleNamespace(
        decider=lambda *_: lambda _: ("allow", ("r0",)),
        prepared=lambda _, request: request,
        version=lambda: "always yes",
    )
    answer = worker.decide(yes, "", STRICTEST, tmp_path / "corpus.json", "0.01")
    assert answer["agreed"] < answer["asked"]
    assert answer["wrong"]
    assert "hit" not in answer


@pytest.mark.parametrize("variant", ["memory", "memory-async"])
def test_a_governed_tool_is_seen_to_refuse_to_run_and_to_leave_its_records(variant, tmp_path):
    answer = worker.call(ours, variant, tmp_path, "5")
    assert answer["samples"] == 5
    assert answer["records"] == 10


def test_a_wrapper_that_lets_a_refused_tool_run_is_not_timed():
    work = Work()
    lenient = Tools(work, lambda: work.lookup("o-1", 5), lambda: work.wipe("o-1", 5))
    peer = SimpleNamespace(tools=lambda *_: lenient, version=lambda: "lenient")
    with pytest.raises(SystemExit, match="was not refused"):
        worker.call(peer, "", "", "5")


def test_the_tool_that_is_called_is_the_fifth_of_ten():
    assert len(TOOLS) == 10
    assert TOOLS[4] == "lookup"


def test_a_summary_is_the_median_and_the_99th_percentile_in_microseconds():
    assert measure.summary([1000 * n for n in range(1, 101)]) == {
        "p50": 50.5,
        "p99": 100.0,
        "samples": 100,
    }

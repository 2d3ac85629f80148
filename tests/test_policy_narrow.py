"""Narrowing: what a request rules out is false for sure, and what it makes sure is true."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.expr import EvalError
from remit.expr.functions.patterns import Several
from remit.model import Action, Request, Resource, Session, Subject
from remit.policy.codes import MOST_SHARED, Codes
from remit.policy.environment import compile_condition
from remit.policy.looks import End
from remit.policy.narrow import Narrowing

TESTS = [
    'args.region == "eu"',
    '"us" == args.region',
    'args.region in ["eu", "us"]',
    'args.region in ["apac"]',
    "args.amount > 100",
    "args.amount >= 100.0 && args.amount < 200",
    "5 <= args.amount",
    "args.amount == 7",
    "args.amount > 100 && args.amount < 50",
    'args.path.startsWith("/srv/")',
    'args.path.startsWith("/srv/data/") && args.path.startsWith("/srv/")',
    'args.path.startsWith("/srv/") && args.path.startsWith("/etc/")',
    'args.path.startsWith("") && args.path == "/srv/"',
    'args.path.startsWith("/srv/\U0010ffff")',
    'session.role == "admin"',
    'session.team == "red"',
    "session.depth < 2",
    "session.depth == 1 && has(args.amount)",
    "context.hour >= 18",
    "args.amount > -3",
    "args.amount < 5000",
    'subject.id == "bot"',
    'args.region != "eu"',
    "args.missing > 3",
    "args.nested.amount > 3",
    'args["region"] == "eu"',
    "args.?amount.orValue(0) > 3",
    "args.amount > 9007199254740993",
    "has(args.amount)",
    'has(args.region) && args.region == "eu"',
    "has(session.team) && session.team != args.region",
    "has(context.hour) && has(args.path)",
    "has(args.nested.amount)",
    "has(run.id) || has(subject.properties.team)",
    'args.path.matches("^/srv/")',
    'args.path.matches("data|etc") && args.path.matches("c$")',
    'matches(args.region, "^[a-z]{2}$")',
    'args.amount > 5 && args.region.matches("u")',
    'session.role.matches("^ad") && args.path.matches("x")',
    '"/srv/data".matches(args.path)',
    "args.path.matches(args.region)",
    '!args.path.matches("^/srv/")',
]
PROGRAMS = [compile_condition(test) for test in TESTS]

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 250),
    st.sampled_from([5, 7, 50, 99.5, 100, 100.0, 200, 7.0]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["eu", "us", "apac", "/srv/data/x", "/srv/", "/srv0", "/etc", "", "7"]),
    st.just(["eu"]),
    st.just({"amount": 4}),
)
requests = st.builds(
    Request,
    st.builds(Subject, st.just("agent"), st.sampled_from(["bot", "other"])),
    st.builds(
        Action,
        st.just("x"),
        st.dictionaries(st.sampled_from(["region", "amount", "path", "nested"]), values),
    ),
    st.just(Resource("", "")),
    st.builds(
        Session,
        role=st.sampled_from(["admin", "", "ad\ud800"]),
        depth=st.integers(0, 3)
        | st.sampled_from([2**53 + 1, -(2**70), 1.5, float("nan"), True, "1"]),
        facts=st.dictionaries(st.just("team"), values),
    ),
    st.dictionaries(st.just("hour"), values),
)


def find(programs, request):
    return Narrowing([program.tree for program in programs]).find(request)


groups = st.lists(st.sampled_from(PROGRAMS), min_size=1, max_size=40).flatmap(
    # What few conditions test is looked at in another way than what many do.
    lambda programs: st.sampled_from([programs, programs * 4])
)


def outcome(program, request):
    try:
        return program.exact(request)
    except EvalError as error:
        return error


@given(groups, requests)
def test_what_is_ruled_out_is_false_and_what_is_sure_is_true(programs, request):
    left, unsure = find(programs, request)
    for bit, program in enumerate(programs):
        if not left >> bit & 1:
            assert outcome(program, request) is False, (program.text, request)
        elif not unsure >> bit & 1:
            assert outcome(program, request) is True, (program.text, request)


@given(groups, groups, requests)
def test_what_others_compare_with_changes_nothing(others, programs, request):
    codes = Codes()
    for each in (others, programs):
        trees = [program.tree for program in each]
        assert Narrowing(trees, codes=codes).find(request) == find(each, request)


def test_a_text_is_searched_once_for_all_patterns_and_not_again(monkeypatch):
    patterns = ["^a", "b$", "c|d", "^a"]
    conditions = [f'args.text.matches("{pattern}")' for pattern in patterns]
    narrowing = Narrowing([compile_condition(each).tree for each in conditions])
    searched = []
    found = Several.found
    monkeypatch.setattr(Several, "found", lambda *each: searched.append(each[1]) or found(*each))
    for text, left in ("ab", 0b1011), ("xd", 0b0100), ("ab", 0b1011), ("", 0):
        request = Request(Subject("agent", "bot"), Action("x", {"text": text}), Resource("", ""))
        assert narrowing.find(request) == (left, 0)
    assert searched == ["ab", "xd", ""]


def test_a_text_is_not_searched_where_no_candidate_is_left_that_wants_it(monkeypatch):
    condition = compile_condition('args.region == "eu" && args.text.matches("a")')
    narrowing = Narrowing([condition.tree])
    monkeypatch.delattr(Several, "found")
    facts = {"text": "a", "region": "us"}
    request = Request(Subject("agent", "bot"), Action("x", facts), Resource("", ""))
    assert narrowing.find(request) == (0, 0)


@pytest.mark.parametrize("count", [2, MOST_SHARED + 1])
def test_each_text_has_the_patterns_that_it_has_by_itself(count):
    codes = Codes()
    patterns = [f"{n}$" for n in range(count)]
    conditions = [compile_condition(f'args.text.matches("{each}")') for each in patterns]
    for some in (conditions[:1], conditions):
        trees = [condition.tree for condition in some]
        narrowing = Narrowing(trees, codes=codes)
        request = Request(Subject("agent", "bot"), Action("x", {"text": "x1"}), Resource("", ""))
        expected = sum(1 << n for n in range(len(some)) if "x1".endswith(str(n)))
        assert narrowing.find(request) == (expected, 0)


def test_those_who_compare_with_the_same_few_constants_share_their_function():
    codes = Codes()

    def narrowing(*amounts):
        conditions = [compile_condition(f"args.amount > {amount}") for amount in amounts]
        return Narrowing([condition.tree for condition in conditions], codes=codes)

    first = narrowing(*range(100, 120))
    assert narrowing(*range(105, 115)).take is first.take
    assert narrowing(*range(130, 130 + MOST_SHARED)).take is not first.take
    assert narrowing(*range(100, 110)).take is first.take


@given(groups, requests, st.integers(0), st.integers(0))
def test_where_the_matter_ends_all_is_left_that_may_end_it(programs, request, ending, outright):
    trees = [program.tree for program in programs]
    end = End(outright & ending, ending)
    (left, unsure), (all_left, all_unsure) = (
        Narrowing(trees, (), each).find(request) for each in (end, None)
    )
    # Where a look could end the matter, patterns are left to the conditions.
    sought = sum(1 << bit for bit, each in enumerate(programs) if "matches" in each.text)
    assert all_left & ~left & ending == 0
    left, all_left, unsure = left & ~sought, all_left & ~sought, unsure & ~sought
    # A look that is spared, since nothing is left that wants it, makes nothing unsure.
    assert left & unsure == left & all_unsure
    if left != all_left:
        assert left == all_left & ending
        assert left & end.outright
        assert not left & unsure


@pytest.mark.parametrize("lowest", [1, 0, -8])
@given(value=st.one_of(st.integers(-12, 45), st.floats(-12, 45), st.sampled_from([2**50, -1e300])))
def test_numbers_are_found_between_their_bounds_in_a_table_or_by_bisection(lowest, value):
    tests = [f"args.amount {op} {n}" for n in range(lowest, 31, 3) for op in ("<", "<=", ">", "==")]
    programs = [compile_condition(test) for test in tests]
    expected = sum(1 << bit for bit, each in enumerate(programs) if each.exact(about(amount=value)))
    assert find(programs, about(amount=value)) == (expected, 0)


def test_beyond_the_most_tested_things_what_few_test_is_left_to_the_conditions(monkeypatch):
    monkeypatch.setattr("remit.policy.narrow.ALWAYS_WORTH_IT", 1)
    often = [compile_condition(f"args.often > {n}") for n in range(5)]
    seldom = [compile_condition(f'args.{name} == "x"') for name in ("b", "c")]
    left, unsure = find(often + seldom, about(often=2, b="y", c="x"))
    assert left == 0b1100011
    assert unsure == 0b1100000


def about(**args):
    return Request(Subject("agent", "x"), Action("x", args))


def _left(tests, **args):
    programs = [compile_condition(test) for test in tests]
    left, _ = find(programs, about(**args))
    return [test for bit, test in enumerate(tests) if left >> bit & 1]


REGIONS = [f'args.region == "r{n}"' for n in range(9)]
AMOUNTS = [f"args.amount > {n}" for n in range(9)]
PATHS = [f'args.path.startsWith("/srv/{n}/")' for n in range(9)]


@pytest.mark.parametrize(
    ("tests", "args", "left"),
    [
        (REGIONS, {"region": "r3"}, REGIONS[3:4]),
        (REGIONS, {"region": "elsewhere"}, []),
        (REGIONS, {"region": 3}, REGIONS),
        (REGIONS, {}, REGIONS),
        (AMOUNTS, {"amount": 3}, AMOUNTS[:3]),
        (AMOUNTS, {"amount": 3.0000000000000004}, AMOUNTS[:4]),
        (AMOUNTS, {"amount": 2.5}, AMOUNTS[:3]),
        (AMOUNTS, {"amount": -1}, []),
        (AMOUNTS, {"amount": "3"}, AMOUNTS),
        (AMOUNTS, {"amount": True}, AMOUNTS),
        (PATHS, {"path": "/srv/7/x"}, PATHS[7:8]),
        (PATHS, {"path": "/srv"}, []),
        (PATHS, {"path": "/srv/70"}, []),
        (REGIONS + AMOUNTS, {"region": "r1", "amount": 1}, [REGIONS[1], AMOUNTS[0]]),
    ],
)
def test_what_can_be_told_from_one_value_is_told(tests, args, left):
    assert _left(tests, **args) == left


def test_more_bounds_than_are_kept_rule_out_less_and_nothing_wrong():
    tests = [f"args.amount > {n} && args.amount < {n + 2}" for n in range(5000)]
    left = _left(tests, amount=2500.5)
    assert {
        "args.amount > 2500 && args.amount < 2502",
        "args.amount > 2499 && args.amount < 2501",
    } <= set(left)
    assert len(left) < 50


def test_fewer_bounds_than_there_are_make_nothing_sure(monkeypatch):
    monkeypatch.setattr("remit.policy.narrow.MOST_BOUNDS", 10)
    tests = [f"args.amount > {n} && args.amount < {n + 2}" for n in range(100)]
    programs = [compile_condition(test) for test in tests]
    left, unsure = find(programs, about(amount=50.5))
    assert left & 3 << 49 == 3 << 49
    assert unsure == 2**100 - 1


def test_what_only_compares_with_constants_needs_no_evaluation():
    told = [f"{amount} && {region}" for amount, region in zip(AMOUNTS, REGIONS, strict=True)]
    asked = [f"{test} && size(args.note) > 3" for test in told]
    programs = [compile_condition(test) for test in told + asked]
    left, unsure = find(programs, about(amount=5, region="r2"))
    assert left == 1 << 2 | 1 << 11
    assert left & unsure == 1 << 11
    for missing in ({"amount": 5}, {"region": "r2"}, {"amount": "5", "region": "r2"}, {}):
        assert find(programs, about(**missing))[1] == 2**18 - 1


def test_an_attribute_that_holds_no_finite_number_makes_nothing_sure():
    program = compile_condition("session.depth > 1")
    for depth in (float("nan"), float("inf"), 2**70):
        asked = Request(Subject("agent", "x"), Action("x"), session=Session(depth=depth))
        assert find([program] * 8, asked) == (255, 255)

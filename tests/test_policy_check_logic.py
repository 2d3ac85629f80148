"""What is said to be impossible never happens; what is said to be within always is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.expr import EvalError
from remit.model import Action, Request, Session, Subject
from remit.policy.check.logic import Outcome, possible
from remit.policy.check.patterns import within
from remit.policy.environment import compile_condition

NUMBERS = ["0", "1", "2", "2.5", "-1", "3u"]
TEXTS = ['"a"', '"ab"', '"b"', '"/srv"', '"/srv/x"', '"AB"', '""', '"10:00"']
PLACES = ["args.a", "args.b", 'args["a"]', "session.role", "session.region", "args.c.d"]
HOURS = ["06:00", "09:00", "18:00", "22:00", "24:00", "00:00"]

places = st.sampled_from(PLACES)
numbers = st.sampled_from(NUMBERS)
texts = st.sampled_from(TEXTS)
constants = numbers | texts | st.sampled_from(["true", "false", "null"])
ORDER = st.sampled_from(["<", "<=", ">", ">="])


def sentence(form, *parts):
    return st.builds(form.format, *parts)


atoms = st.one_of(
    sentence("{} == {}", st.sampled_from(PLACES[:3]), constants),
    sentence("{} != {}", st.sampled_from(PLACES[:3]), constants),
    sentence("{} == {}", places, texts),
    sentence("{} {} {}", st.sampled_from(PLACES[:3]), ORDER, numbers),
    sentence("{1} {2} {0}", st.sampled_from(PLACES[:3]), numbers, ORDER),
    sentence("{} {} {}", places, ORDER, texts),
    sentence("{} in [{}, {}]", st.sampled_from(PLACES[:3]), constants, constants),
    sentence("{}.{}({})", places, st.sampled_from(["startsWith", "endsWith", "contains"]), texts),
    sentence('glob({}, "{}")', places, st.sampled_from(["a*", "*b", "*a*", "ab", "*", "a?"])),
    sentence('{}.matches("{}")', places, st.sampled_from(["^a$", "b", "^/srv", "", "^[a-z]*$"])),
    sentence("{}.lowerAscii() == {}", places, texts),
    sentence("size({}) {} {}", places, ORDER, st.sampled_from(["0", "1", "2"])),
    sentence("has({})", st.sampled_from(["args.a", "args.b", "session.region", "args.c.d"])),
    st.sampled_from(
        [
            "args.a",
            "args.b",
            "true",
            "false",
            "args.a < args.b",
            "args.b < args.a",
            "args.a <= args.b",
            "args.a == args.b",
        ]
    ),
    sentence("session.depth {} {}", ORDER, st.sampled_from(["0", "1", "1.5"])),
    sentence("now.getHours() {} {}", ORDER, st.sampled_from(["6", "18", "23"])),
    sentence('within_hours(now, "{}", "{}", "UTC")', *[st.sampled_from(HOURS)] * 2).filter(
        lambda text: len(set(re.findall(r"\d\d:\d\d", text))) == 2
    ),
    sentence('weekday(now, "UTC") == "{}"', st.sampled_from(["mon", "sun", "monday"])),
    sentence('now {} timestamp("2026-01-01T00:00:00Z")', ORDER),
    sentence("args.l.exists(i, i {} {} && i {} {})", ORDER, numbers, ORDER, numbers),
)
conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        sentence("({} && {})", inner, inner),
        sentence("({} || {})", inner, inner),
        sentence("!({})", inner),
        sentence("({} ? {} : {})", inner, inner, inner),
    ),
    max_leaves=6,
)
values = st.sampled_from(
    [
        0,
        1,
        2,
        2.5,
        -1,
        3,
        True,
        False,
        None,
        "",
        "a",
        "ab",
        "b",
        "B",
        "/srv",
        "/srv/x",
        "10:00",
        [1],
        {},
    ]
)
requests = st.builds(
    lambda args, nested, role, region, depth, at: Request(
        Subject("agent", "x"),
        Action("do", {**args, **nested}),
        session=Session(role=role, depth=depth, facts=region),
        at=at * 1_800 * 10**9,
    ),
    st.dictionaries(st.sampled_from(["a", "b"]), values),
    st.sampled_from([{}, {"c": {"d": "a"}, "l": [2, 2.5]}, {"c": {}, "l": []}, {"c": 1, "l": 1}]),
    st.sampled_from(["", "a", "AB"]),
    st.dictionaries(st.just("region"), values),
    st.integers(0, 2),
    st.integers(981_700, 982_000),
)


def typed(text):
    try:
        return compile_condition(text)
    except Exception:  # noqa: BLE001 - types that cannot be compared are refused at load
        return None


def outcomes(program, request):
    try:
        came = program.exact(request)
    except EvalError:
        return {Outcome.ERROR, Outcome.NOT_TRUE, Outcome.NOT_FALSE}
    if came is True:
        return {Outcome.TRUE, Outcome.NOT_FALSE}
    return {Outcome.FALSE, Outcome.NOT_TRUE}


@settings(max_examples=1500, deadline=None)
@given(st.lists(conditions, min_size=1, max_size=3), st.lists(requests, min_size=5, max_size=5))
def test_what_happens_is_never_said_to_be_impossible(written, asked):
    programs = [program for text in written if (program := typed(text))]
    for request in asked:
        came = [outcomes(program, request) for program in programs]
        for pick in (min, max):
            claims = [
                (program.tree, pick(each, key=lambda outcome: outcome.value))
                for program, each in zip(programs, came, strict=True)
            ]
            assert possible(claims), (written, request)


IMPOSSIBLE = [
    "args.amount > 100 && args.amount < 50",
    "args.amount > 5 && args.amount <= 5.0",
    'args.x == "a" && args.x == "b"',
    'args.x == 1 && args.x == "1"',
    "args.x in []",
    'args.x in ["a", "b"] && args.x == "c"',
    '!(args.x != "a") && args.x == "b"',
    "now.getHours() >= 18 && now.getHours() < 8",
    "now.getHours() == 24",
    'within_hours(now, "22:00", "06:00", "UTC") && now.getHours() == 12',
    'within_hours(now, "09:00", "12:00", "UTC") && within_hours(now, "13:00", "17:00", "UTC")',
    'weekday(now, "UTC") == "monday"',
    'now > timestamp("2027-01-01T00:00:00Z") && now < timestamp("2026-01-01T00:00:00Z")',
    'args.p.startsWith("/a") && args.p.startsWith("/b")',
    'args.p.startsWith("/srv/x") && !args.p.startsWith("/srv")',
    'args.p == "/etc" && args.p.startsWith("/srv")',
    'glob(args.p, "abc*") && args.p.startsWith("abd")',
    "!has(args.x) && args.x > 5",
    "args.flag && !args.flag",
    'args.x.lowerAscii() == "ABC"',
    'args.time >= "18:00" && args.time < "08:00"',
    "size(args.to) < 0",
    "session.depth > 3 && session.depth < 4",
    "args.items.exists(i, i.price > 5 && i.price < 3)",
    '"x" in session.scopes && !("x" in session.scopes)',
    "args.x > 5 ? args.x < 3 : false",
    "args.low < args.high && args.low > args.high",
    "args.a == args.b && args.a != args.b",
    "cel.bind(n, args.n, n > 5 && n < 3)",
]
POSSIBLE = [
    "args.amount > 3 && args.amount < 4",
    "now.getHours() >= 18 || now.getHours() < 8",
    'within_hours(now, "22:00", "06:00", "UTC") && now.getHours("Europe/Berlin") == 12',
    'args.p.startsWith("/a") && args.p.startsWith("/ab")',
    'args.x != "a" && args.x != "b"',
    'args.x == "1" && args.y == 1',
    'args.a == "x" && args.b == "y"',
    "args.list.exists(i, i > 5) && args.list.exists(i, i < 3)",
    "args.from < args.to && args.from > 3",
    "args.a <= args.b && args.a >= args.b",
    "cel.bind(n, args.a, n > 5) && cel.bind(n, args.b, n < 3)",
]


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_a_condition_that_can_never_be_true_is_known_to(text):
    assert not possible([(compile_condition(text).tree, Outcome.TRUE)])


@pytest.mark.parametrize("text", POSSIBLE)
def test_a_condition_that_may_be_true_is_left_alone(text):
    assert possible([(compile_condition(text).tree, Outcome.TRUE)])


def test_conditions_beyond_understanding_rule_out_nothing():
    many = " && ".join(f'(args.a{i} == "x" || args.b{i} > {i})' for i in range(40))
    assert possible([(compile_condition(many).tree, Outcome.TRUE)])


patterns = st.text("ab*?", min_size=1, max_size=6)


@settings(max_examples=1500, deadline=None)
@given(patterns, patterns, st.lists(st.text("abc", max_size=6), max_size=20))
def test_a_name_that_fits_the_inner_pattern_fits_the_outer(inner, outer, names):
    def fits(pattern, name):
        regex = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
        return re.fullmatch(regex, name) is not None

    if within(inner, outer):
        # Names made of the pattern itself reach what random ones do not.
        made = [inner.replace("*", fill).replace("?", "c") for fill in ("", "a", "b", "ca", "abc")]
        assert [n for n in (*names, *made) if fits(inner, n) and not fits(outer, n)] == []

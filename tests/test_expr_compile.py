import ast
import builtins
import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.canonical import freeze
from remit.expr import (
    BOOL,
    DYN,
    STRING,
    TIMESTAMP,
    Environment,
    EvalError,
    ExprError,
    Field,
    Function,
    ListType,
    MapType,
    Names,
    ObjectType,
    Timestamp,
    Uint,
    Variable,
    check,
    parse,
    unchecked,
)
from remit.expr import compile as compile_checked
from remit.model import Action, Request, Session, Subject

spec = importlib.util.spec_from_file_location(
    "cel_cases", Path(__file__).parent / "conformance" / "cel.py"
)
cel = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cel)

SESSION = ObjectType(
    "session",
    {"role": Field(STRING, "role"), "scopes": Field(ListType(STRING), "scopes")},
    rest="facts",
)
ENVIRONMENT = Environment(
    {
        "args": Variable(MapType(STRING, DYN), "action.properties"),
        "session": Variable(SESSION, "session"),
        "now": Variable(TIMESTAMP, "at", Timestamp),
    },
    (
        Function("boom(dyn) -> bool", lambda _: 1 / 0),
        Function("liar(dyn) -> dyn", lambda value: value),
    ),
)


def request(args=None, scopes=(), at=0, **facts):
    return Request(
        Subject.parse("agent:test"),
        Action("tool", args or {}),
        session=Session(scopes=scopes, facts=facts),
        at=at,
    )


def evaluate(text, args=None, **others):
    program = ENVIRONMENT.compile(text)
    activation = request(args, **others)
    assert _outcome(program.evaluate, activation) == _outcome(program.exact, activation)
    return program.evaluate(activation)


def _outcome(run, activation):
    try:
        return cel.comparable(run(activation))
    except EvalError as error:
        return str(error)


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("args.x == 1", {"x": True}),
        ("args.x == 0", {"x": False}),
        ("args.x == 1.0", {"x": True}),
        ("args.x == true", {"x": 1}),
        ("args.x == false", {"x": 0.0}),
        ("args.x == 1u", {"x": True}),
        ("args.x in [0, 1]", {"x": True}),
        ("args.x in [2, 3]", {"x": True}),
        ("args.x in {1: 'a'}", {"x": True}),
        ("1 in args.x", {"x": [True, "1"]}),
        ("args.x == [1]", {"x": [True]}),
        ("args.x == {'a': 1}", {"x": {"a": True}}),
        ("args.x == '1'", {"x": 1}),
        ("args.x == null", {"x": 0}),
        ("[args.x].exists(v, v == 1)", {"x": True}),
        ("optional.of(args.x) == optional.of(1)", {"x": True}),
    ],
)
def test_pythons_idea_that_true_is_one_never_shows(text, args):
    assert evaluate(text, args) is False


def test_a_map_keeps_true_and_one_apart():
    assert evaluate("{true: 'yes', 1: 'one'}[true]") == "yes"
    assert evaluate("{true: 'yes', 1: 'one'}[1]") == "one"
    assert evaluate("{true: 1, 1: 2}.exists(k, k == true)") is True
    assert evaluate("{true: 1, 1: 2}.transformList(k, v, v)") == (1, 2)
    assert evaluate("{1: 'a'}[1.0]") == "a"
    assert evaluate("{1: 'a'}[?args.x].hasValue()", {"x": True}) is False


@pytest.mark.parametrize("value", ["42", True, None, [1], {"a": 1}])
@pytest.mark.parametrize("text", ["args.x > 10", "10 > args.x", "args.x <= 10.5", "args.x < 2u"])
def test_only_a_number_is_ordered_with_a_number(text, value):
    with pytest.raises(EvalError, match="no such overload"):
        evaluate(text, {"x": value})


@pytest.mark.parametrize("value", [1, True, None, ["a"], {"a": 1}])
@pytest.mark.parametrize(
    "text",
    ["args.x < 'b'", "args.x.startsWith('a')", "args.x.contains('a')", "args.x.matches('a')"],
)
def test_only_a_text_is_taken_for_a_text(text, value):
    with pytest.raises(EvalError, match="no such overload"):
        evaluate(text, {"x": value})


@pytest.mark.parametrize("value", ["admin", 1, True, None])
def test_membership_needs_a_list_or_a_map_and_never_looks_inside_a_text(value):
    with pytest.raises(EvalError):
        evaluate("'a' in args.x", {"x": value})


def test_numbers_compare_by_value_whatever_their_type():
    assert evaluate("args.x == 2", {"x": 2.0}) is True
    assert evaluate("args.x == 2u", {"x": 2}) is True
    assert evaluate("args.x > 1.5", {"x": 2}) is True
    assert evaluate("args.x in [1, 2]", {"x": 2.0}) is True
    assert evaluate("args.x < args.y", {"x": 1, "y": 1.5}) is True


def test_nothing_equals_nan():
    assert evaluate("0.0 / 0.0 == 0.0 / 0.0") is False
    assert evaluate("[0.0 / 0.0] == [0.0 / 0.0]") is False
    assert evaluate("cel.bind(x, [0.0 / 0.0], x == x)") is False
    assert evaluate("0.0 / 0.0 in [0.0 / 0.0]") is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("args.gone == 1 || true", True),
        ("true || args.gone == 1", True),
        ("args.gone == 1 && false", False),
        ("false && args.gone == 1", False),
        ("boom(args.flag) || boom(args.flag) || true", True),
        ("!(boom(args.flag) && false)", True),
        ("[1, 0].exists(x, 1 / x == 1)", True),
        ("[0, 1].exists(x, 1 / x == 1)", True),
        ("[0, 1].all(x, 1 / x > 1)", False),
        ("args.gone == 1 ? true : false || true", None),
        ("args.gone == 1 || false", None),
        ("boom(args.flag)", None),
        ("args.flag && true", None),
        ("args.flag || false", None),
        ("!args.flag", None),
        ("args.flag ? true : true", None),
        ("args.flag || true", True),
        ("[0, 1].exists_one(x, 1 / x == 1)", None),
    ],
)
def test_errors_are_absorbed_where_another_operand_decides_and_nowhere_else(text, expected):
    if expected is None:
        with pytest.raises(EvalError):
            evaluate(text, {"flag": 1})
    else:
        assert evaluate(text, {"flag": 1}) is expected


def test_a_condition_that_turns_out_no_boolean_is_an_error():
    program = ENVIRONMENT.compile("args.flag", BOOL)
    assert program.evaluate(request({"flag": False})) is False
    with pytest.raises(EvalError, match="int is not a bool"):
        program.evaluate(request({"flag": 1}))


@pytest.mark.parametrize(
    "text",
    [
        "9223372036854775807 + 1",
        "-(-9223372036854775808)",
        "args.big * args.big",
        "0u - 1u",
        "1 / 0",
        "1 % 0",
        "(-9223372036854775808) / -1",
        "int(1e19)",
        "timestamp('9999-12-31T23:59:59Z') + duration('1s')",
        "[1, 2][2]",
        "[1, 2][-1]",
        "{'a': 1}.b",
        "optional.none().value()",
    ],
)
def test_what_has_no_value_is_an_error(text):
    with pytest.raises((EvalError, ExprError)) as caught:
        ENVIRONMENT.compile(text).evaluate(request({"big": 2**52}))
    assert isinstance(caught.value, EvalError) or "always fails" in caught.value.message


def test_objects_are_read_through_their_attributes_and_their_other_facts():
    assert evaluate("'a' in session.scopes", scopes=("a",)) is True
    assert evaluate("session.region == 'eu'", region="eu") is True
    assert evaluate("has(session.region)") is False
    assert evaluate("has(session.role)") is True
    assert evaluate("now < timestamp('2026-01-01T00:00:00Z')", at=10**18) is True


def test_a_missing_attribute_is_an_error_of_evaluation():
    program = ENVIRONMENT.compile("session.role == 'x'")
    with pytest.raises(EvalError, match="has no attribute 'session'"):
        program.evaluate(SimpleNamespace())


def test_a_program_says_what_it_reads():
    program = ENVIRONMENT.compile(
        "args.amount > 1 && has(args.note) && session.region == args['to'].name"
        " && size(args.x[0]) > 0"
    )
    assert program.reads == {
        ("args", "amount"),
        ("args", "note"),
        ("args", "to", "name"),
        ("args", "x"),
        ("session", "region"),
    }
    assert program.variables == {"args", "session"}
    assert ENVIRONMENT.compile("size(args)").reads == {("args",)}


def test_programs_that_share_names_can_be_joined_into_one_function():
    names = Names()
    texts = ["args.x > 1", "args.x > 2 && args.y in ['a']", "[1, 2].exists(v, v == args.x)"]
    programs = [compile_checked(check(parse(text), ENVIRONMENT), names) for text in texts]
    module = ast.parse("def joined(request):\n    return 0")
    module.body[0].body[0].value = ast.Tuple([p.expression for p in programs], ast.Load())
    exec(builtins.compile(ast.fix_missing_locations(module), "joined", "exec"), names.globals)
    joined = names.globals["joined"]
    assert joined(request({"x": 2, "y": "a"})) == (True, False, True)
    assert joined(request({"x": 3, "y": "a"})) == (True, True, False)


def test_text_of_a_condition_never_names_anything_in_python():
    program = ENVIRONMENT.compile(
        "args.__class__ == 'x' || args['__import__(\"os\")'] == 'y'"
        " || [1].exists(__builtins__, __builtins__ == 2)"
    )
    identifiers = {node.id for node in ast.walk(program.expression) if isinstance(node, ast.Name)}
    attributes = {
        node.attr for node in ast.walk(program.expression) if isinstance(node, ast.Attribute)
    }
    assert attributes == {"action", "properties"}
    assert identifiers - {"request"} == {
        name for name in identifiers if name[-1].isdigit() and "builtins" not in name
    }
    assert program.names.globals["__builtins__"] == {}
    assert program.evaluate(request({"__class__": "x"})) is True
    with pytest.raises(EvalError, match="no such key: '__class__'"):
        program.evaluate(request({}))


@pytest.mark.parametrize(
    "text",
    [
        "args.l.map(x, args.l.map(y, args.l.map(z, 1)))",
        "args.l.all(x, args.l.all(y, args.l.all(z, true)))",
        "cel.bind(s, args.s + args.s, cel.bind(t, s + s + s + s, t + t + t + t)) == ''",
        "args.s.replace('', args.s) == ''",
        "[" + "args.s," * 20 + "].join(args.s) == ''",
        "'%s%s%s'.format([args.s, args.s, args.s]) == ''",
        "cel.bind(x, [1]" + ".map(x, [x, x])" * 60 + ", x == x)",
        "string(cel.bind(x, [1]" + ".map(x, [x, x])" * 60 + ", '%s'.format([x]))) == ''",
        "lists.range(1000000).size() == 1",
    ],
)
def test_a_small_condition_cannot_make_something_enormous(text):
    activation = request({"l": list(range(300)), "s": "a" * 400_000})
    with pytest.raises((EvalError, ExprError), match=r"more than|too much"):
        ENVIRONMENT.compile(text).evaluate(activation)


def test_a_loop_that_looks_into_long_lists_is_given_up():
    short, long = list(range(100)), list(range(1000))
    both = "args.a.all(x, x in args.b)"
    assert evaluate(both, {"a": short, "b": long}) is True
    assert evaluate(both, {"a": long, "b": [*short, "1000"]}) is False
    for wanted in ([*long[:-1], 5], [str(each) for each in long]):
        with pytest.raises(EvalError, match="loops inside loops take more than 100000 steps"):
            evaluate(both, {"a": wanted + wanted, "b": wanted})
    constant = "args.a.all(x, !('y' in args.b))"
    with pytest.raises(EvalError, match="more than 100000 steps"):
        evaluate(constant, {"a": long + long, "b": long})


def test_a_map_is_looked_into_for_nothing():
    found = {f"k{n}": n for n in range(2000)}
    assert evaluate("args.a.all(x, x in args.b)", {"a": list(found), "b": found}) is True


@pytest.mark.parametrize("item", ["a", "", 1, 1.0, True, None, [1], {"a": 1}])
def test_membership_is_equality_with_an_item(item):
    data = {"x": item, "list": ["a", "", 1, 2.5, True, None, [1], {"a": 1}, "1", "true"]}
    assert evaluate("args.x in args.list", data) is True
    assert evaluate("args.x in args.list", {**data, "list": ["b", 3, False, [2]]}) is False


def test_an_integer_only_python_could_hold_is_an_error():
    with pytest.raises(EvalError):
        evaluate("args.x * 4611686018427387904", {"x": 3})


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.0, 1.0, 1.5, -2.0]),
    st.sampled_from(["", "a", "b", "ab", "1", "true"]),
)
data = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    ),
    max_leaves=6,
)
ATOMS = """
args.a args.b args.c args.a.b session.scopes session.region x now
0 1 2 -1 0.0 1.0 1.5 1u 2u true false null '' 'a' 'ab' timestamp(0) duration('1s')
[] [1,'a',true] ['a','b'] [1,2] {} {'a':1} {1:true,true:1} int type(args.a)
"""
OPERATORS = "+ - * / % == != < <= > >= in && ||"
atoms = st.sampled_from(ATOMS.split())


def _compound(inner):
    binary = st.sampled_from(OPERATORS.split())
    calls = st.sampled_from(
        [
            "size({0})",
            "!({0})",
            "-({0})",
            "has(args.a)",
            "has(({0}).a)",
            "({0}).a",
            "({0})[{1}]",
            "({0})[?{1}].orValue({1})",
            "({0}).?a.orValue({1})",
            "({0}).startsWith({1})",
            "({0}).contains({1})",
            "({0}).matches('a+')",
            "({0}).exists(x, {1})",
            "({0}).all(x, {1})",
            "({0}).exists_one(x, {1})",
            "({0}).filter(x, {1})",
            "({0}).map(x, {1})",
            "({0}).map(x, {1}, x)",
            "({0}).transformMap(k, x, {1})",
            "({0}).exists(k, x, {1})",
            "[{0}, {1}]",
            "[?optional.of({0}), {1}]",
            "{{'k': {0}, 'l': {1}}}",
            "{{{0}: {1}}}",
            "({0}) ? ({1}) : ({0})",
            "cel.bind(x, {0}, {1})",
            "optional.of({0}).optMap(x, {1})",
            "type({0}) == type({1})",
            "string({0})",
            "int({0})",
            "({0}) == 1",
            "({0}) != 0",
            "({0}) > 1",
            "({0}) in ['a', 'b']",
            "({0}) in [0, 2]",
            "'a' in ({0})",
        ]
    )
    return st.one_of(
        st.tuples(inner, binary, inner).map("({0[0]}) {0[1]} ({0[2]})".format),
        st.tuples(calls, inner, inner).map(lambda parts: parts[0].format(parts[1], parts[2])),
    )


texts = st.recursive(atoms, _compound, max_leaves=8)


@given(texts, st.fixed_dictionaries({}, optional={"a": data, "b": data, "c": data}))
def test_the_fast_form_and_the_exact_form_always_agree(text, args):
    expr = parse(text)
    activation = request(freeze(args), scopes=("a",), region="a")
    for checker in (check, unchecked):
        try:
            program = compile_checked(checker(expr, ENVIRONMENT))
        except ExprError:
            continue
        fast, exact = _outcome(program.evaluate, activation), _outcome(program.exact, activation)
        assert fast == exact, program.source


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_integer_division_rounds_towards_zero_and_the_remainder_fits(one, other):
    environment = Environment({"x": Variable(DYN, "x"), "y": Variable(DYN, "y")})
    program = environment.compile(
        "(x / y) * y + x % y == x && (x % y == 0 || (x % y < 0) == (x < 0))"
    )
    activation = SimpleNamespace(x=one, y=other)
    if other == 0 or (one == -(2**63) and other == -1):
        with pytest.raises(EvalError):
            program.evaluate(activation)
    else:
        assert program.evaluate(activation) is True


def test_an_unsigned_integer_is_equal_to_an_int_and_of_another_type():
    assert evaluate("dyn(1u) == 1 && type(1u) != type(1)") is True
    assert type(evaluate("1u + 2u")) is Uint

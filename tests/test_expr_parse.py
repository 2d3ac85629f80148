import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from remit.expr import Environment, EvalError, ExprError, parse, render
from remit.expr.lex import LONGEST
from remit.expr.parse import DEEPEST, MOST_PARTS, TALLEST

ENVIRONMENT = Environment()


def value(text):
    return ENVIRONMENT.compile(text).evaluate(None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 - 4 / 2", 5),
        ("-2 - -3", 1),
        ("10 - 4 - 3", 3),
        ("1 < 2 == true", True),
        ("true || false && false", True),
        ("!true == false", True),
        ("false ? 1 : true ? 2 : 3", 2),
        ("[1, 2, 3,][1]", 2),
        ("{'a': {'b': 7,},}.a.b", 7),
        ("2 in [1, 2] // the second", True),
        (r"'\x41\u0042\U00000043\103'", "ABCC"),
        (r"r'\d' + R'\w'", r"\d\w"),
        ("'''it's\ntwo lines'''", "it's\ntwo lines"),
        (r"b'\377é'", b"\xff\xc3\xa9"),
        ("0x1F", 31),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_operators_and_literals_mean_what_the_specification_says(text, expected):
    assert value(text) == expected
    assert type(value(text)) is type(expected)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "expected a value, and the text ends here"),
        ("1 +", 1, 4, "expected a value, and the text ends here"),
        ("true &&\n  )", 2, 3, "expected a value, not ')'"),
        ("x = 1", 1, 3, "'=' does not compare; write '=='"),
        ("true & false", 1, 6, "write '&&'"),
        ("true and false", 1, 6, "write '&&', not 'and'"),
        ("not true", 1, 5, "expected an operator"),
        ("'abc", 1, 1, "no closing '"),
        ("'a\\q'", 1, 3, "no escape"),
        (r"'\ud800'", 1, 2, "no escape"),
        (r"b'\u0041'", 1, 3, "no escape"),
        ("99999999999999999999", 1, 1, "does not fit int"),
        ("9223372036854775808", 1, 1, "does not fit int"),
        ("18446744073709551616u", 1, 1, "does not fit uint"),
        ("a.b.in", 1, 5, "expected a name after '.'"),
        ("for", 1, 1, "reserved"),
        ("has(a)", 1, 5, "has() asks for a member"),
        ("[1].all(2, true)", 1, 9, "a name for the variable"),
        ("[1].all(a, a, true)", 1, 12, "two different variables"),
        ("Foo{a: 1}", 1, 4, "messages cannot be made"),
        ("1 # 2", 1, 3, "'#' has no meaning here"),
        ("(1", 1, 3, "expected ')'"),
        ("f(1,)", 1, 5, "expected another argument"),
        ("1 2", 1, 3, "expected an operator, not '2'"),
        ("'\ud800'", 1, 2, "lone surrogate"),
    ],
)
def test_a_text_that_is_no_expression_says_where_and_why(text, line, column, message):
    with pytest.raises(ExprError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert message in caught.value.message


def test_carets_stand_under_the_part_at_fault():
    with pytest.raises(ExprError) as caught:
        ENVIRONMENT.compile("1 == 1 &&\n\tsize(42) > 0")
    assert render(caught.value).splitlines() == [
        "\tsize(42) > 0",
        "\t^^^^^^^^ " + caught.value.message,
    ]


@pytest.mark.parametrize(
    ("opening", "middle", "closing"),
    [
        ("(", "1", ")"),
        ("[", "", "]"),
        ("{1: ", "1", "}"),
        ("size([", "", "])"),
        ("[1].map(x, ", "x", ")"),
        ("optional.of(1).optMap(x, ", "x", ")"),
        ("cel.bind(x, 1, ", "x", ")"),
        ("'a'.replace('a', ", "'b'", ")"),
        ("true ? true : (", "false", ")"),
        ("!(", "true", ")"),
    ],
)
def test_what_is_nested_as_deep_as_allowed_compiles_and_one_level_more_is_an_error(
    opening, middle, closing
):
    deep = (DEEPEST - 1) // opening.count("(") if opening.startswith("size") else DEEPEST - 1
    deep = deep // 2 if opening.startswith(("size", "true")) else deep
    ENVIRONMENT.compile(opening * deep + middle + closing * deep)
    with pytest.raises(ExprError, match="nested deeper"):
        parse(opening * 200 + middle + closing * 200)


@pytest.mark.parametrize("step", ["1 + ", "-", "!", "x.", "true == ", "'a' < "])
def test_trees_are_bounded_however_they_grow(step):
    with pytest.raises(ExprError, match="nested deeper"):
        parse(step * 5000 + "x")


def test_operators_in_a_row_compile_up_to_the_bound():
    assert value(" + ".join(["1"] * TALLEST)) == TALLEST
    assert value(".size() + ".join(["''"] * (TALLEST - 1)) + ".size()") == 0
    assert value(" && ".join(["true"] * (MOST_PARTS - 1))) is True
    with pytest.raises(ExprError, match="over 5000 parts; say it in several"):
        parse(" && ".join(["true"] * MOST_PARTS))


def test_a_text_beyond_the_longest_is_an_error():
    with pytest.raises(ExprError, match="longer than"):
        parse(" " * (LONGEST + 1))


PIECES = """
a args.x session 'x' "y" b'z' r'\\' 1 2u 0x 1e 1e400 .5 true null `a` \\ ` \\x // é 😀 \ud800
- ! && || == != < <= in ? : . , ( ) [ ] { } [? .? ?. \'\'\' \"\"\" '[' '1h'
has( all( x, exists_one( map( cel.bind( optMap( type( int( timestamp( duration( matches(
math.greatest( optional.none() format(
"""
pieces = st.lists(st.sampled_from([*PIECES.split(), "\n"]))


def refusal(text):
    """The error that *text* is refused with, if it is."""
    try:
        ENVIRONMENT.compile(text)
    except ExprError as error:
        return error
    return None


@given(st.one_of(st.text(), pieces.map(" ".join), pieces.map("".join)))
@example("1" * 5000)
@example("0x" + "f" * 5000)
@example("1e" + "9" * 5000)
@example("'" * 5000)
@example("a" * 5000 + "(")
@example("[" * 5000)
@example("\x00")
def test_no_text_gives_anything_but_a_program_or_an_expression_error(text):
    error = refusal(text)
    assert error is None or (error.line >= 1 and error.column >= 1 and render(error))


@given(st.binary())
def test_no_bytes_read_as_text_give_anything_but_a_program_or_an_expression_error(data):
    for text in (data.decode("latin-1"), data.decode("utf-16", errors="replace")):
        error = refusal(text)
        assert error is None or render(error)


def deeper(frames, call):
    """What *call* returns at the bottom of so many frames."""
    return call() if frames == 0 else deeper(frames - 1, call)


@pytest.mark.parametrize("text", ["(" * 60 + "1" + ")" * 60, "[1].map(x, " * 50 + "x" + ")" * 50])
def test_a_stack_that_is_nearly_used_up_gives_an_error_like_any_other(text):
    def outcome():
        try:
            return ENVIRONMENT.compile(text).evaluate(None) is not None
        except (ExprError, EvalError) as error:
            return str(error).partition(": ")[2] or str(error)

    frames = range(0, sys.getrecursionlimit() - 150, 50)
    outcomes = {deeper(count, outcome) for count in frames}
    assert outcomes == {True, "nested too deep for the stack left here"}

from types import SimpleNamespace

import pytest

from remit.expr import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Environment,
    EvalError,
    ExprError,
    Field,
    Function,
    ListType,
    MapType,
    ObjectType,
    RecordType,
    Timestamp,
    Variable,
    check,
    parse,
)

SESSION = ObjectType(
    "session",
    {"role": Field(STRING, "role"), "scopes": Field(ListType(STRING), "scopes")},
    rest="facts",
)
RESOURCE = ObjectType("resource", {"id": Field(STRING, "id")})
ACTION = RecordType(
    "this action", {"amount": INT, "order_id": STRING, "rate": DOUBLE, "tags": ListType(STRING)}
)

ENVIRONMENT = Environment(
    {
        "args": Variable(ACTION, "action.properties"),
        "context": Variable(MapType(STRING, DYN), "context"),
        "session": Variable(SESSION, "session"),
        "resource": Variable(RESOURCE, "resource"),
        "now": Variable(TIMESTAMP, "at", Timestamp),
    },
)


def refusal(text, expect=None):
    with pytest.raises(ExprError) as caught:
        ENVIRONMENT.compile(text, expect)
    return caught.value


def type_of(text):
    return str(check(parse(text), ENVIRONMENT).type)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("args.amount > 10", "bool"),
        ("args.rate > 10", "bool"),
        ("args.rate == 10", "bool"),
        ("args.rate in [1, 2]", "bool"),
        ("args['amount'] + 1", "int"),
        ("args.tags", "list(string)"),
        ("args.tags.map(t, size(t))", "list(int)"),
        ("args.tags.filter(t, t != '')", "list(string)"),
        ("session.scopes[0]", "string"),
        ("session.region", "dyn"),
        ("session.scopes.first().orValue('none')", "string"),
        ("context.?user.?name", "optional(dyn)"),
        ("{'a': 1}", "map(string, int)"),
        ("{'a': 1}.transformMap(k, v, v * 2 == 2)", "map(string, bool)"),
        ("[1, 'a']", "list(dyn)"),
        ("now - duration('1h')", "timestamp"),
        ("now - now", "duration"),
        ("true ? args.amount : 1", "int"),
        ("type(1)", "type"),
        ("args.order_id == null", "bool"),
        ("size(args)", "int"),
        ("args.all(name, name != 'password')", "bool"),
    ],
)
def test_what_is_declared_has_a_type(text, expected):
    assert type_of(text) == expected


def test_an_unknown_argument_is_named_with_those_there_are_and_the_likeliest():
    error = refusal("session.role == 'x' && args.amout > 3")
    assert error.message == (
        "unknown attribute 'amout'; this action has 'amount', 'order_id', 'rate', 'tags'"
        "; did you mean 'amount'?"
    )
    assert (error.line, error.column, error.length) == (1, 24, len("args.amout"))
    assert refusal("args['amout'] > 3").message == error.message
    assert refusal("has(args.amout)").message == error.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("arg.amount > 3", "unknown name 'arg'; did you mean 'args'?"),
        ("resource.nam == 'x'", "unknown attribute 'nam'; resource has 'id'"),
        ("args.amount > '100'", "no such operation: int > string"),
        ("args.amount == '100'", "int is never string"),
        ("args.amount + 1.5 > 2.0", "no such operation: int + double"),
        ("args.amount.size() > 1", "no such overload: size(int)"),
        ("args.order_id && true", "what '&&' joins must be bool, not string"),
        ("args.amount ? 1 : 2", "what stands before '?' must be bool, not int"),
        ("true ? 1 : 'a'", "one outcome is int and the other string"),
        ("args.tags.exists(t, t)", "the condition must be bool, not string"),
        ("args.amount.exists(t, true)", "exists() runs over lists and maps, not int"),
        ("args.amount[0]", "int cannot be indexed with int"),
        ("args.tags['a']", "list(string) has no member 'a'"),
        ("args.order_id.foo", "string has no member 'foo'"),
        ("startsWith('a', 'b')", "startsWith() is called on a value"),
        ("'a'.glob('b')", "glob() is not called on a value"),
        (
            "args.order_id.startWith('a')",
            "unknown function 'startWith'; did you mean 'startsWith'?",
        ),
        ("math.greatst(1, 2)", "unknown function 'math.greatst'; did you mean 'math.greatest'?"),
        ("size == 3", "'size' is a function; call it"),
        ("timestamp('tomorrow') < now", "is no timestamp"),
        ("duration('1 hour') == duration('1h')", "is no duration"),
        ("args.order_id.matches('(')", "is no regular expression"),
        ("now.getHours('Mars/Olympus') > 3", "no time zone"),
        ("within_hours(now, '22', '06:00', 'UTC')", "is no time of day"),
        ("cidr('10.0.0.1/8').contains('10.1.1.1')", "is no IP address or network"),
        ("path.within(args.order_id, 'workspace')", "is not absolute"),
        ("{1.5: 2}", "double is not a type of keys"),
    ],
)
def test_what_cannot_be_right_is_an_error_at_load(text, message):
    assert message in refusal(text).message


def test_a_condition_must_be_a_boolean():
    assert refusal("args.amount", BOOL).message == "this is of type int, and must be bool"
    assert ENVIRONMENT.compile("context.flag", BOOL).type == DYN


def test_a_function_without_a_provider_says_what_provides_it():
    assert refusal("size(pii(args.order_id)) > 0").message == (
        "pii() needs a content scanner, which is not there"
    )
    scanner = Function("pii(dyn) -> list(string)", lambda _: ("email",))
    provided = Environment(ENVIRONMENT.variables, (scanner,))
    program = provided.compile("size(pii('a@b.c')) > 0")
    assert program.evaluate(None) is True


def test_a_host_function_is_checked_by_its_signature():
    double = Function("shop.double(int) -> int", lambda value: value * 2)
    environment = Environment(ENVIRONMENT.variables, (double,))
    assert environment.compile("shop.double(21)").evaluate(None) == 42
    with pytest.raises(ExprError, match=r"no such overload: shop\.double"):
        environment.compile("shop.double('a')")


@pytest.mark.parametrize("signature", ["=(int) -> int", "in(int) -> int", "has(int) -> bool"])
def test_a_host_function_cannot_take_the_place_of_syntax(signature):
    with pytest.raises(ValueError, match=r"function|signature"):
        Environment(functions=(Function(signature, abs),))


@pytest.mark.parametrize("path", ["a b", "__class__", "x.__dict__", "class", "", "a..b", "1"])
def test_a_variable_leads_along_ordinary_attributes_only(path):
    with pytest.raises(ValueError, match="chain of attributes"):
        Variable(DYN, path)


def test_names_of_macros_hide_those_outside():
    assert type_of("[1].map(args, args)") == "list(int)"
    assert type_of("[1].exists(x, ['a'].all(x, x == 'a') && x == 1)") == "bool"
    assert refusal("[1].exists(x, true) && x").message.startswith("unknown name 'x'")


def test_a_host_function_may_read_the_activation():
    limits = {"spend": 3}
    used = Function(
        "used(string) -> dyn", lambda request, name: request.used[name], reads_activation=True
    )
    overloaded = Function("used(int) -> int", lambda number: number)
    environment = Environment(functions=(used, overloaded))
    activation = SimpleNamespace(used=limits)
    assert environment.compile("used('spend') + 1").evaluate(activation) == 4
    assert environment.compile("used(2)").evaluate(activation) == 2
    with pytest.raises(EvalError, match=r"used\(\) failed: 'tokens'"):
        environment.compile("used('tokens')").evaluate(activation)


def test_a_host_function_that_is_not_pure_is_not_called_at_load():
    calls = []
    tick = Function("tick(int) -> int", lambda n: calls.append(n) or n, pure=False)
    program = Environment(functions=(tick,)).compile("tick(1) == 1")
    assert calls == []
    assert program.evaluate(None) is True
    assert calls == [1]

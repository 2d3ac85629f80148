"""Where declared tools come from: functions, toolboxes, lists, files, a real MCP server."""

from __future__ import annotations

import datetime as dt
import functools
import sqlite3
import sys
import textwrap
from collections import namedtuple
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import pydantic
import pytest
from agents import function_tool
from cli_shell import Shell

import remit
from remit.policy.check import Kind
from remit.tools import Tools, read_tools, tools_of

if TYPE_CHECKING:
    from nowhere import Unknown


class Address(pydantic.BaseModel):
    street: str
    zip_code: str = pydantic.Field(alias="zip")


class Customer(pydantic.BaseModel):
    name: str
    home: Address


@dataclass
class Line:
    sku: str
    count: int = 1


class Renamed(msgspec.Struct, rename="camel"):
    order_id: str


class Point(NamedTuple):
    x: int
    y: int


Loose = namedtuple("Loose", "a b")  # noqa: PYI024 - one without types is what is meant


def make_guard(policy="remit: 1\ndefault: allow\n"):
    return remit.Guard(remit.Policy.parse(policy), ledger=remit.MemoryLedger())


@pytest.fixture
def guard():
    return make_guard()


def accepts(tools, when, action):
    text = f"remit: 1\nrules:\n  - id: a\n    action: {action}\n    effect: deny\n    when: |\n"
    try:
        found = remit.Policy.parse(f"{text}      {when}\n", tools=tools).check()
    except remit.PolicyError as error:
        return str(error)
    return not [each for each in found if each.kind is Kind.MAY_BE_MISSING]


# Functions


def test_a_signature_says_what_a_governed_function_takes(guard):
    @guard.protect(action="orders.refund")
    def refund(order_id: str, amount: float, why: str | None = None, *, full: bool = False):
        """Pay back."""

    tools = tools_of(refund)
    assert list(tools.arguments) == ["orders.refund"]
    assert accepts(tools, 'args.order_id == "x" && args.amount > 5 && args.full', "orders.refund")
    assert "did you mean 'amount'?" in accepts(tools, "args.amout > 5", "orders.refund")
    assert "no such operation: double > string" in accepts(
        tools, 'args.amount > "5"', "orders.refund"
    )


def test_policy_sees_defaults_so_they_are_never_missing(guard):
    @guard.protect
    def search(text: str, limit: int = 5) -> None: ...

    assert accepts(guard.tools, "args.limit > 3", "search") is True
    assert guard.request(search, "x").action.properties["limit"] == 5


def test_arguments_have_the_types_that_they_are_frozen_to(guard):
    @guard.protect
    def book(  # noqa: PLR0917
        when: dt.datetime,
        price: Decimal,
        how_long: dt.timedelta,
        lines: list[Line],
        customer: Customer,
        kind: Literal["call", "visit"],
        tags: frozenset[str],
    ) -> None: ...

    home = Address.model_construct(street="s", zip_code="1")
    request = guard.request(
        book, dt.datetime(2026, 5, 1, tzinfo=dt.UTC), Decimal("1.5"), dt.timedelta(seconds=3),
        [Line("a")], Customer(name="n", home=home), "call", frozenset({"x"}),
    )  # fmt: skip
    for when in (
        'args.when.startsWith("2026")',
        "args.price > 1 && args.how_long < 5",
        'args.lines.all(l, l.sku == "a" && l.count == 1)',
        'args.customer.home.zip_code == "1"',
        'args.kind == "call" && "x" in args.tags',
    ):
        assert accepts(guard.tools, when, "book") is True
        text = "remit: 1\nrules:\n  - id: a\n    action: book\n    effect: deny\n    when: |\n"
        loaded = remit.Policy.parse(f"{text}      {when}\n", tools=guard.tools)
        decision = loaded.decide(request)
        assert (decision.rules, decision.errors) == (("a",), ())
    assert "did you mean 'street'" in accepts(guard.tools, 'args.customer.home.stret == ""', "book")
    assert "did you mean 'sku'" in accepts(guard.tools, 'args.lines[0].skuu == ""', "book")


def test_what_a_signature_cannot_say_may_be_anything(guard):
    @guard.protect
    def odd(plain, point: Point, loose: Loose, renamed: Renamed, missing: Unknown = None): ...

    @guard.protect
    def other(point: Point, renamed: Renamed, loose: Loose, data: Any): ...

    assert accepts(guard.tools, "args.plain.x > 3 && args.missing.y == 1", "odd") is True
    assert accepts(guard.tools, "args.point.x > 3 && args.loose.b > 3", "other") is True
    assert accepts(guard.tools, 'args.renamed.order_id == "x"', "other") is True
    assert "unknown attribute 'pont'" in accepts(guard.tools, "args.pont == 1", "odd")


def test_opaque_arguments_are_seen_as_their_type(guard):
    @guard.protect(opaque=["db", dt.tzinfo])
    def query(text: str, db: sqlite3.Connection, zone: dt.tzinfo, *more: int, **rest: str): ...

    assert accepts(guard.tools, 'args.db.opaque == "sqlite3.Connection"', "query") is True
    assert accepts(guard.tools, 'args.zone.opaque == "x" && args.more[0] > 1', "query") is True
    assert "unknown attribute 'name'" in accepts(guard.tools, 'args.db.name == "x"', "query")
    assert accepts(guard.tools, "has(args.whatever)", "query") is True


def test_methods_partials_and_functions_nothing_governs_yet_are_tools_too(guard):
    class Desk:
        @guard.protect
        def open(self, ticket: str): ...

        @guard.protect
        @staticmethod
        def close(ticket: str): ...

    def ship(order_id: str, *, fast: bool): ...

    assert set(guard.tools.arguments) == {"open", "close"}
    assert list(guard.tools.arguments["open"].fields) == ["ticket"]
    tools = tools_of([ship], guard, Desk.open)
    assert set(tools.arguments) == {"ship", "open", "close"}


def test_a_toolbox_says_the_same_to_a_model_and_to_a_policy(guard):
    toolbox = remit.Toolbox(guard)

    @toolbox.register(name="crm.find")
    def find(customer: Customer, limit: int = 3): ...

    (described,) = toolbox.schemas()
    assert described["parameters"]["required"] == ["customer"]
    assert set(described["parameters"]["$defs"]) == {"Address"}
    tools = tools_of(toolbox)
    assert list(tools.arguments) == ["crm.find"]
    assert accepts(tools, "args.limit > 3", "crm.find") is True
    # A model may leave out what has a default: of the list alone it may be missing.
    assert accepts(tools_of(toolbox.schemas()), "args.limit > 3", "crm.find") is False


def test_tools_of_the_agents_sdk_are_tools():
    @function_tool
    def refund(order_id: str, amount: float) -> str:
        return ""

    assert "did you mean 'amount'" in accepts(tools_of([refund]), "args.amout > 1", "refund")


def test_what_is_no_tool_is_refused():
    with pytest.raises(TypeError, match="'refund' is no guard, no toolbox, no function"):
        tools_of("refund")
    with pytest.raises(TypeError, match="is no guard"):
        tools_of([3])


def test_a_function_that_is_gone_is_no_tool_any_more(guard):
    def make():
        @guard.protect
        def brief(a: str): ...

    make()
    import gc

    gc.collect()
    assert not guard.tools


def test_a_guard_says_what_of_its_policy_does_not_fit_the_functions_it_protects():
    guard = make_guard(
        "remit: 1\nrules:\n"
        "  - {id: a, action: refund, when: args.amout > 1, effect: deny}\n"
        "  - {id: b, action: refnud, effect: allow}\n"
    )

    @guard.protect
    def refund(amount: float): ...

    typed = [each for each in guard.check() if each.kind in {Kind.ILL_TYPED, Kind.UNKNOWN_TOOL}]
    assert [str(each) for each in typed] == [
        (
            "policy.yaml:3:35: error: unknown attribute 'amout'; refund has 'amount'; "
            "did you mean 'amount'?"
        ),
        "policy.yaml:4:10: warning: no tool is called 'refnud'; did you mean 'refund'?",
    ]


# Lists and files

SCHEMA = {
    "type": "object",
    "properties": {"amount": {"type": "number"}},
    "required": ["amount"],
}
LISTINGS = [
    {"tools": [{"name": "refund", "description": "x", "inputSchema": SCHEMA}]},
    [{"name": "refund", "inputSchema": SCHEMA}],
    [{"type": "function", "function": {"name": "refund", "parameters": SCHEMA}}],
    [{"type": "function", "name": "refund", "parameters": SCHEMA, "strict": True}],
    [{"name": "refund", "input_schema": SCHEMA}],
    {"refund": SCHEMA},
    {"title": "refund", **SCHEMA},
]


@pytest.mark.parametrize("listing", LISTINGS)
def test_lists_of_tools_are_read_from_files_however_they_are_written(listing, tmp_path):
    file = tmp_path / "tools.json"
    file.write_bytes(msgspec.json.encode(listing))
    tools = read_tools(str(file))
    assert list(tools.arguments) == ["refund"]
    assert "did you mean 'amount'" in accepts(tools, "args.amout > 1", "refund")


@pytest.mark.parametrize(
    ("spec", "text", "why"),
    [
        ("x.json", None, "the file cannot be read"),
        ("x.json", "{", "this is not JSON"),
        ("x.json", "3", "this is no list of tools"),
        ("x.json", '[{"inputSchema": {}}]', "a tool in the list has no 'name'"),
        ("x.json", '{"a": "string"}', "a: a schema is a mapping"),
        ("x.json", "[" * 100_000, "this is not JSON"),
        ("nothing", None, "this names no tools"),
        ("", None, "this names no tools"),
        ("mcp:", None, "no command is named"),
        ("mcp:'", None, "the command cannot be read"),
        ("mcp:there-is-no-such-program", None, "FileNotFoundError"),
        ("app_of_b2:gone", None, "ModuleNotFoundError"),
        ("json:gone", None, "module 'json' has no attribute 'gone'"),
        ("json:__name__", None, "'json' is no guard"),
    ],
)
def test_a_spec_that_names_no_tools_is_refused_by_its_name(spec, text, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / spec).write_text(text)
    with pytest.raises(remit.PolicyError) as caught:
        read_tools(spec)
    assert str(caught.value).startswith(f"{spec or '--tools'}: ")
    assert why in str(caught.value)


HOSTILE = [
    {"$ref": "#"},
    {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}},
    {"properties": {"a": {"$ref": "https://evil.example/schema"}}},
    {"properties": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}}},
    {
        "properties": {"a": {"$ref": "#/$defs/L0"}},
        "$defs": {
            f"L{n}": {"properties": {k: {"$ref": f"#/$defs/L{n + 1}"} for k in "ab"}}
            for n in range(200)
        },
    },
    functools.reduce(lambda inner, _: {"items": inner, "type": "array"}, range(300), {}),
    {"properties": {"a": {"type": ["string", "integer", "null"]}}, "required": "a"},
    {"properties": {"a": {"enum": []}, "b": {"const": {}}, "c": {"type": 3}, "d": False}},
    {"type": ["object", "null"], "properties": {"a": {"type": "object", "allOf": [3]}}},
    {"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}], "anyOf": 3},
]


@pytest.mark.parametrize("schema", HOSTILE, ids=range(len(HOSTILE)))
def test_a_schema_of_a_stranger_neither_hangs_nor_fails(schema):
    try:
        tools = Tools.listed([{"name": "x", "inputSchema": schema}], source="x")
    except remit.PolicyError:
        return
    accepts(tools, "args.a.b.a == args.a && args.c > 3", "x")


# An MCP server

SERVER = """
import sys, time
from mcp.server import MCPServer

server = MCPServer("shop")

@server.tool()
def refund(order_id: str, amount: float, note: str | None = None) -> str:
    return "done"

@server.tool(name="kb.search")
def search(text: str, limit: int) -> list[str]:
    return []

print("starting", file=sys.stderr)
if "--slow" in sys.argv:
    time.sleep(60)
if "--broken" in sys.argv:
    sys.exit("no database")
server.run("stdio")
"""


@pytest.fixture
def server(tmp_path):
    file = tmp_path / "server.py"
    file.write_text(SERVER)
    return f"mcp:{sys.executable} {file}"


def test_an_mcp_server_is_started_asked_and_ended(server):
    tools = read_tools(server)
    assert set(tools.arguments) == {"refund", "kb.search"}
    assert "did you mean 'amount'" in accepts(tools, "args.amout > 1", "refund")
    assert "int > string" in accepts(tools, 'args.limit > "1"', "'kb.*'")
    assert accepts(tools, 'args.note == "x"', "refund") is False
    assert accepts(tools, 'has(args.note) && args.note == "x"', "refund") is True


def test_an_mcp_server_that_ends_is_told_with_what_it_wrote_last(server):
    with pytest.raises(remit.PolicyError, match="did not say what its tools are") as caught:
        read_tools(f"{server} --broken")
    assert str(caught.value).endswith("; it wrote: no database")


def test_an_mcp_server_that_does_not_answer_is_not_waited_for(server):
    with pytest.raises(remit.PolicyError, match=r"did not answer within 0\.2 seconds"):
        read_tools(f"{server} --slow", seconds=0.2)


def test_without_the_package_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(remit.PolicyError, match="pip install"):
        read_tools("mcp:server")


# On the command line


@pytest.fixture
def shell(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REMIT_POLICY", raising=False)
    (tmp_path / "remit.yaml").write_text(
        "remit: 1\nrules:\n"
        "  - {id: a, action: refund, when: args.amout > 1, effect: deny}\n"
        "  - {id: b, action: serch, effect: allow}\n"
    )
    (tmp_path / "tools.json").write_bytes(msgspec.json.encode(LISTINGS[0]))
    app = f"app_{abs(hash(str(tmp_path)))}"
    (tmp_path / f"{app}.py").write_text(
        textwrap.dedent("""
            import remit
            guard = remit.Guard(remit.Policy(), ledger=remit.MemoryLedger())
            @guard.protect
            def search(text: str): ...
        """)
    )
    shell = Shell(capsys)
    shell.app = f"{app}:guard"
    return shell


def test_remit_check_holds_policies_against_tools(shell, server):
    assert shell("check").code == 0
    told = shell("check", "--tools", "tools.json", "remit.yaml")
    assert told.code == 3
    assert told.out.splitlines()[0] == (
        "remit.yaml:3:35: unknown attribute 'amout'; refund has 'amount'; did you mean 'amount'?"
    )
    assert "did you mean 'amount'" in shell("check", "--tools", server).out
    found = shell("check", "--tools", shell.app, "--json").json["findings"]
    assert [each["message"] for each in found if "no tool" in each["message"]] == [
        "no tool is called 'refund'; there is 'search'",
        "no tool is called 'serch'; did you mean 'search'?",
    ]


def test_tools_are_named_several_times_and_strictly_they_are_all_there_is(shell):
    both = ("--tools", "tools.json", "--tools", shell.app)
    told = shell("check", *both, "--strict", "--json")
    assert told.code == 3
    assert [each["message"] for each in told.json["findings"]] == [
        "unknown attribute 'amout'; refund has 'amount'; did you mean 'amount'?",
        "no tool is called 'serch'; did you mean 'search'?",
    ]
    assert {each["level"] for each in told.json["findings"]} == {"error"}


def test_tools_that_cannot_be_read_end_the_check_in_one_line(shell):
    told = shell("check", "--tools", "gone.json")
    assert (told.code, told.out) == (3, "")
    assert told.err == (
        "remit: gone.json: the file cannot be read (No such file or directory); check the path\n"
    )

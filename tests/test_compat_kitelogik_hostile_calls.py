"""Where Kite Logik 0.4 let something through or fell over: tools and policies.

Each test bears the number of the finding. What a program had to do to be unsafe there, it
does here as well; the assertions are on what ran, what was said, and what is on record.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import decimal
import json

import pytest
from kitelogik_calls import *  # noqa: F403 - its fixtures
from kitelogik_calls import (
    ALLOWED,
    ANYBODY,
    ASKED,
    CLERK,
    DENIED,
    OPEN,
    SOFT,
    call,
    context,
    flags,
    kinds,
)

from remit.audit.record import Kind
from remit.compat.kitelogik import (
    GovernanceError,
    GovernanceEvent,
    GovernedToolbox,
    PolicyDecision,
    PolicyGate,
    RegorusClient,
    compile_yaml_string,
    governed,
)
from remit.ledgers.memory import MemoryLedger


@pytest.mark.parametrize(
    ("amount", "session"),
    [
        (150, CLERK),
        (101, CLERK),
        (200, CLERK),
        (500, context("approve_refund_under_1000", role="manager")),
    ],
)
def test_h1_what_is_allowed_and_needs_a_person_does_not_run_without_one(gate, amount, session):
    source = None if amount <= 200 else OPEN
    assert flags(call(gate(source), "approve_refund", {"amount": amount}, session)) == ASKED


def test_h1_an_allow_beside_a_hitl_asks_in_a_policy_of_ones_own(gate):
    made = gate(
        "version: 1\nrules:\n"
        "  - {name: may, when: {action: wire}, then: allow}\n"
        "  - {name: person, when: {action: wire}, then: hitl, reason: Ask}\n"
    )
    decision = call(made, "wire", {})
    assert flags(decision) == ASKED
    assert kinds(made) == [Kind.REFUSED]


@pytest.mark.parametrize("kind", ["tool_call", "agent.spawn", "agent.delegate", "agent.budget"])
@pytest.mark.parametrize("classification", [None, "public", "internal", "confidential", "secret"])
def test_h2_a_classification_grants_nothing(gate, kind, classification):
    event = GovernanceEvent(
        event_type=kind,
        session_id="s-1",
        action="drop_database",
        context=ANYBODY,
        data_classification=classification,
        requested_capabilities=["root"],
    )
    decision = asyncio.run(gate().evaluate(event))
    # A budget that nobody set is not used up, and that is all this event asks.
    assert decision.allow is (kind == "agent.budget" and classification != "secret")


PATHS = [
    "/etc/passwd", "file:///etc/passwd", "/./etc/passwd", "/ETC/passwd", "/etc%2fpasswd",
    "//etc//passwd", "/e\u200btc/passwd", "~/.ssh/id_rsa", "/home/u/.aws/credentials",
    "C:\\Windows\\system.ini", "\\..\\..\\x", "config.env/", "config.ENV", "server.key.bak",
    "../../secrets", "a/../../b", "%2e%2e/x", "/proc/self/environ", "/root/x", "/var/run/docker",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["path", "file", "whatever"])
def test_h3_path_rules_see_the_paths_that_tools_are_called_with(gate, path, name):
    if name == "whatever":
        # What neither is called a path nor reads like one is none.
        path = f"/data/{path}" if path[0] in "cs%" else path
    assert flags(call(gate(OPEN), "read_file", {name: path})) == DENIED


@pytest.mark.parametrize(
    "args",
    [
        {"files": ["/data/a", "/etc/passwd"]},
        {"options": {"path": "/etc/passwd"}},
        {"options": {"deep": [{"file": "../x"}]}},
    ],
)
def test_h3_and_those_that_are_deeper_in_their_arguments(gate, args):
    assert flags(call(gate(OPEN), "read_file", args)) == DENIED


@pytest.mark.parametrize("path", ["/data/report.csv", "report.csv", "environment.txt", 7])
def test_h3_other_paths_are_none_of_their_business(gate, path):
    assert call(gate(OPEN), "read_file", {"path": path}) == "ran"


@pytest.mark.parametrize(
    "amount",
    [-5000, -0.01, None, True, False, "42", "5000", float("nan"), float("inf"), 10**400, [1], {}],
)
def test_h4_only_a_number_that_is_not_negative_and_small_is_paid(gate, amount):
    assert flags(call(gate(), "approve_refund", {"amount": amount})) != ALLOWED


def test_h4_a_number_in_quotes_is_not_said_to_be_too_large_a_number(gate):
    """It is denied because it cannot be compared, by the rule that would deny the number."""
    assert flags(call(gate(), "approve_refund", {"amount": "42"})) == DENIED


def test_h5_arguments_in_kwargs_and_args_are_seen_one_by_one(gate):
    made = gate()
    ran = []

    @governed(made, CLERK, "approve_refund")
    def anything(*args, **kwargs):
        ran.append(kwargs)

    with pytest.raises(GovernanceError) as refused:
        anything(amount=5000)
    assert flags(refused.value.decision) == DENIED
    assert refused.value.decision.rules == ["deny_large_refund"]
    anything(amount=50)
    assert ran == [{"amount": 50}]
    toolbox = GovernedToolbox(made, CLERK).register("pay", anything.__wrapped__, "approve_refund")
    with pytest.raises(GovernanceError, match="over \\$200"):
        toolbox.call_sync("pay", {"amount": 5000})


def test_h7_what_was_decided_is_what_runs(native):
    order = {"amount": 50}

    class Slow:
        """Decides while somebody else changes the arguments."""

        async def health(self):
            return True

        async def evaluate(self, policy_input):
            order["amount"] = 1_000_000
            return PolicyDecision(
                allow=True, deny=False, risk_tier="OPERATIONAL", requires_hitl=False, reason="ok"
            )

        evaluate_event = evaluate

    made = PolicyGate(Slow(), ledger=MemoryLedger())
    paid = governed(made, CLERK, "approve_refund")(lambda order: order["amount"])
    assert paid(order) == 50


INJECTIONS = [
    "hi\nallow if { true }\n#", '"]; allow if true #', "a\\", 'say "no"', "C:\\Windows",
    "montant€", "`", "${x}", "]} allow if {", "\u2028allow if true",
]  # fmt: skip


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("place", ["reason", "action", "role", "scope", "arg", "value"])
def test_h8_what_a_policy_says_is_text_and_never_rego(tmp_path, native, text, place):
    rule = {
        "name": "r", "then": "deny",
        "when": {"action": "wire", "role": "r", "scope": "s", "args": {"n": {"eq": "v"}}},
    }  # fmt: skip
    if place == "reason":
        rule["reason"] = text
    elif place == "arg":
        rule["when"]["args"] = {text: {"eq": "v"}}
    elif place == "value":
        rule["when"]["args"] = {"n": {"contains": text}}
    else:
        rule["when"][place] = text
    source = json.dumps({"version": 1, "rules": [rule]})
    try:
        compiled = compile_yaml_string(source)
    except ValueError:
        return  # what is no name of an action, and nothing to print, does not load at all
    from remit.compat.kitelogik.regorus_client import bundle

    (tmp_path / "policy.yaml").write_text(source)
    for name, module in bundle(tmp_path / "policy.yaml").items():
        (tmp_path / name).write_text(module)
    assert compiled == (tmp_path / "policy.rego").read_text()
    client = RegorusClient(tmp_path)
    decision = call(PolicyGate(client, ledger=MemoryLedger()), "drop_database", {})
    assert flags(decision) == ASKED
    client.close()


MISTAKES = [
    "{name: r, when: {actoin: x}, then: allow}",
    "{name: r, when: {}, then: allow}",
    "{name: r, when: {action: x, scopes: admin}, then: allow}",
    "{name: r, when: {action: x, arg: {n: {lte: 1}}}, then: allow}",
    "{name: r, when: {action: x, args: {n: {le: 1}}}, then: allow}",
    "{name: r, when: {action: x, args: {n: {}}}, then: allow}",
    "{name: r, when: {action: x, args: {n: {in: 5}}}, then: allow}",
    "{name: r, when: {action: x}, then: alow}",
    "{name: r, when: {action: x}, than: allow}",
    "{name: r, when: {action: x}, then: allow, risk_tier: LOW}",
    "{name: r, when: {action: 'x*'}, then: allow}",
    "{when: {action: x}, then: allow}",
    "{name: r, then: allow}",
    "{name: r, when: {action: x, args: {n: {lte: '5'}}}, then: allow}",
]


@pytest.mark.parametrize("rule", MISTAKES)
def test_h9_a_mistake_in_a_policy_is_one(rule):
    with pytest.raises(ValueError, match=r"policy\.yaml:3"):
        compile_yaml_string(f"version: 1\nrules:\n  - {rule}\n")


@pytest.mark.parametrize("source", ["version: 99\nrules: []", "rules: {}", "[]", "x: 1", "a: *b"])
def test_h9_and_so_is_one_in_the_document(source):
    with pytest.raises(ValueError, match=r"policy\.yaml"):
        compile_yaml_string(source)


def test_h9_true_is_true(gate):
    made = gate(
        "version: 1\nrules:\n  - {name: r, when: {action: x, args: {n: {eq: true}}}, then: allow}\n"
    )
    assert call(made, "x", {"n": True}) == "ran"
    assert call(made, "x", {"n": 1}) != "ran"


BUDGETS = [
    {"budget_total_tokens": 10, "budget_used_tokens": 10},
    {"budget_total_tokens": 10, "budget_used_tokens": 11},
    {"budget_total_tokens": 0, "budget_used_tokens": 0},
    {"budget_total_tokens": 10},
    {"budget_total_api_calls": 3, "budget_used_api_calls": 3},
    {"budget_total_cost_cents": 5, "budget_used_cost_cents": 9},
]


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_budget_that_is_used_up_or_that_nobody_counts_stops_calls(gate, budget):
    assert flags(call(gate(OPEN), "x", {}, context(**budget))) == DENIED


def test_a_budget_that_is_left_does_not(gate):
    left = context(budget_total_tokens=10, budget_used_tokens=9)
    assert call(gate(OPEN), "x", {}, left) == "ran"


PLANS = [
    [{"tool_name": "approve_refund", "args": {"amount": 5000}}],
    [{"tool": "run_command"}],
    [{"name": "drop_database"}],
    [{"action": "delete_all"}],
    [{"tool_name": "read_file", "args": {"path": "/etc/passwd"}}],
    [{"tool_name": "x", "args": {"session_id": "other"}}],
    [],
    [{"tool_name": "get_customer"}] * 51,
]


@pytest.mark.parametrize("steps", PLANS, ids=lambda steps: str(steps[:1]))
def test_a_plan_with_a_step_that_is_denied_is_denied(gate, steps):
    assert flags(asyncio.run(gate().evaluate_plan(steps, CLERK))) == DENIED


@pytest.mark.parametrize(
    "name",
    ["run_command", "RUN_COMMAND", "run_command ", "run_command\u200b", "run\u00ad_command",
     "\uff52\uff55\uff4e_command", "run_command\x00", "r\u057dn_command"],
)  # fmt: skip
def test_another_spelling_of_a_forbidden_name_is_forbidden(gate, name):
    assert flags(call(gate(OPEN), name, {})) == DENIED


ODD = [
    dt.datetime(2026, 1, 1, tzinfo=dt.UTC), decimal.Decimal("1.5"), b"bytes", {"a", "b"},
    dt.timedelta(seconds=5),
]  # fmt: skip


@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
def test_what_has_a_form_as_data_is_decided_on_and_handed_on_as_it_was(gate, value):
    tool = governed(gate(OPEN), CLERK, "x")(lambda thing: thing)
    assert tool(value) == value


def deep():
    value = []
    for _ in range(5000):
        value = [value]
    return value


NO_DATA = [object(), "\ud800", deep(), float("nan"), 10**400, {1: 2}, "x" * 5_000_000]


@pytest.mark.parametrize("value", NO_DATA, ids=lambda value: type(value).__name__)
def test_what_has_none_is_refused_with_a_decision_and_on_record(gate, value):
    made = gate(OPEN)
    assert flags(call(made, "x", {"thing": value})) == SOFT
    assert kinds(made) == [Kind.REFUSED]


@pytest.mark.parametrize(
    "args", [{}, {"amount": 1, "extra": 2}, {"amount": "1"}, {"amount": True}, {"amuont": 1}]
)
def test_arguments_that_do_not_fit_are_refused_before_they_are_called_with(gate, args):
    made = gate()

    def approve_refund(amount: float):
        pytest.fail("it ran")

    toolbox = GovernedToolbox(made, CLERK).register("approve_refund", approve_refund)
    with pytest.raises(GovernanceError):
        toolbox.call_sync("approve_refund", args)
    assert kinds(made) == [Kind.REFUSED]


def test_a_tool_that_is_not_there_is_on_record(gate):
    made = gate()
    with pytest.raises(KeyError, match="'drop' is not registered"):
        GovernedToolbox(made, CLERK).call_sync("drop", {"x": 1})
    assert kinds(made) == [Kind.REFUSED]


def test_a_name_is_registered_once(gate):
    toolbox = GovernedToolbox(gate(), CLERK).register("x", lambda: 1)
    with pytest.raises(ValueError, match="registered already"):
        toolbox.register("x", lambda: 2)


def test_a_synchronous_tool_in_a_toolbox_gets_what_was_decided(gate):
    toolbox = GovernedToolbox(gate(OPEN), CLERK).register("x", lambda order: order)
    order = {"amount": 1}
    received = toolbox.call_sync("x", {"order": order})
    assert received == order
    assert received is not order


def test_an_event_is_decided_on_by_the_session_of_its_context(gate):
    event = GovernanceEvent(
        event_type="tool_call", session_id="s-2", action="approve_refund", context=CLERK,
        args={"amount": 5, "session_id": "s-2"},
    )  # fmt: skip
    decision = asyncio.run(gate().evaluate(event))
    assert decision.rules == ["core.foreign_session"]


@pytest.mark.parametrize("kind", ["tool-call", "agent.memory", "", "TOOL_CALL"])
def test_there_are_no_other_events(kind):
    with pytest.raises(ValueError, match="event_type"):
        GovernanceEvent(event_type=kind, session_id="s", action="x", context=CLERK)


@pytest.mark.parametrize("field", ["sesion_scopes", "admin", "budget"])
def test_a_misspelt_field_is_an_error(field):
    with pytest.raises(TypeError, match=field):
        context(**{field: 1})


def test_the_path_that_is_named_counts_as_well(gate):
    event = GovernanceEvent(
        event_type="tool_call", session_id="s-1", action="x", context=CLERK,
        resource_path="/etc/passwd",
    )  # fmt: skip
    assert flags(asyncio.run(gate(OPEN).evaluate(event))) == DENIED


@pytest.mark.parametrize("amount", [51, -1, None, True, "5"])
def test_who_was_delegated_to_refunds_little(gate, amount):
    worker = context("approve_refund_under_100", role="worker_agent", delegation_depth=1)
    assert flags(call(gate(), "approve_refund", {"amount": amount}, worker)) == DENIED


def test_who_was_delegated_to_twice_refunds_nothing(gate):
    worker = context("approve_refund_under_100", role="worker_agent", delegation_depth=2)
    assert flags(call(gate(), "approve_refund", {"amount": 1}, worker)) == DENIED


@pytest.mark.parametrize("action", ["execute_shell", "run_command", "eval_code", "execute_code"])
def test_code_runs_in_a_sandbox_that_was_verified_only(gate, action):
    assert flags(call(gate(OPEN), action, {})) == DENIED
    assert call(gate(OPEN), action, {}, context(sandbox_verified=True)) == "ran"
    with pytest.raises(ValueError, match="sandbox_verified"):
        context(sandbox_verified="yes")

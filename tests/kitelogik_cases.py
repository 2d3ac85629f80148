"""Policies and events as anybody might write them, for comparing what decides on them."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from remit.compat.kitelogik import GovernanceEvent, SessionContext

ACTIONS = [
    "approve_refund",
    "get_customer",
    "list_transactions",
    "execute_code",
    "send",
    "query_memory",
]
ROLES = ["support_agent", "manager", "worker_agent", "o'neil"]
SCOPES = ["read_customer", "approve_refund", "approve_refund_under_100", 'a "b"', "restricted_data"]
ARGS = ["amount", "country", "a b", "session_id"]

few = st.sampled_from


def mostly(usual, *others):
    """*usual*, and seldom one of *others*: where everything is odd, nothing is allowed."""
    return few([usual] * 6 * len(others) + list(others))


texts = few(["", "KP", "kp", "x KP y", 'say "no"', "C:\\x", "line\nbreak", "s-1", "ä", "a"])
numbers = st.integers(-200, 1200) | few([0, 50, 100, 200, 200.5, -0.5, 2**53 - 1, 99.99999999])
# Numbers in quotes and what YAML 1.1 reads otherwise are refused where they are compared.
tests = st.one_of(
    st.tuples(few(["gt", "gte", "lt", "lte"]), numbers | few(["KP", "b"])),
    st.tuples(few(["eq"]), numbers | texts | st.booleans()),
    st.tuples(few(["in", "not_in"]), st.lists(numbers | texts, min_size=1, max_size=3)),
    st.tuples(few(["contains", "not_contains"]), texts.filter(bool)),
)
conditions = st.fixed_dictionaries(
    {},
    optional={
        "action": few(ACTIONS) | st.lists(few(ACTIONS), min_size=1, max_size=3, unique=True),
        "role": few(ROLES) | st.lists(few(ROLES), min_size=1, max_size=2, unique=True),
        "scope": few(SCOPES) | st.lists(few(SCOPES), min_size=1, max_size=2, unique=True),
        "args": st.dictionaries(
            few(ARGS), st.lists(tests, min_size=1, max_size=2).map(dict), min_size=1, max_size=2
        ),
    },
).filter(bool)
rules = st.fixed_dictionaries(
    {"when": conditions, "then": few(["allow", "deny", "hitl"])},
    optional={
        "reason": texts.filter(bool),
        "risk_tier": few(
            ["INFORMATIONAL", "TRANSACTIONAL_LOW", "DESTRUCTIVE", "SECURITY_CRITICAL"]
        ),
    },
)


@st.composite
def policies(draw):
    """The text of a policy; JSON is YAML."""
    drawn = draw(st.lists(rules, min_size=1, max_size=4))
    named = [{"name": f"rule_{n}", **rule} for n, rule in enumerate(drawn)]
    return json.dumps({"version": 1, "rules": named})


budgets = st.none() | st.integers(0, 2)
values = st.one_of(
    numbers, texts, st.none(), st.booleans(), st.just([1]), st.just({"k": "KP"}), few(["/etc/x"])
)
contexts = st.builds(
    SessionContext,
    session_id=few(["s-1", "s-2"]),
    user_role=few(ROLES),
    session_scopes=st.lists(few(SCOPES), max_size=3, unique=True),
    sandbox_verified=st.booleans(),
    delegation_depth=mostly(0, 1, 2, 3),
    budget_total_tokens=mostly(None, 0, 2),
    budget_used_tokens=budgets,
    budget_total_api_calls=mostly(None, 2),
    budget_used_api_calls=budgets,
    budget_total_cost_cents=mostly(None, 2),
    budget_used_cost_cents=budgets,
)
paths = mostly(
    None,
    "/data/report.csv",
    "/etc/passwd",
    "../x",
    "file:///ETC/x",
    "a.env",
    "~/.ssh/k",
)
steps = few(
    [{"tool_name": "send"}, {"tool": "run_command"}, {"action": "delete_all"}, {}, {"x": 1}]
)


@st.composite
def events(draw):
    context = draw(contexts)
    return GovernanceEvent(
        event_type=draw(
            mostly("tool_call", "agent.spawn", "agent.delegate", "agent.plan", "agent.budget")
        ),
        session_id=context.session_id,
        action=draw(few([*ACTIONS, "Approve_Refund", "unheard_of", "run_command"])),
        args=draw(st.dictionaries(few(ARGS), values, max_size=3)),
        resource_path=draw(paths),
        context=context,
        requested_capabilities=draw(st.lists(few(SCOPES), max_size=2)),
        steps=draw(st.lists(steps, max_size=2)),
        data_classification=draw(
            mostly(None, "public", "internal", "confidential", "restricted", "odd")
        ),
    )

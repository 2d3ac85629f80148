"""Every program of Aegis' document runs here with another import, and does what it says.

The document is not part of this repository. Where it is not found, nothing of it is run, and
`test_compat_aegis.py` says the same in our own words.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import re

import aegis_document
import agents
import pytest
from agents import RunConfig
from agents.testing import ScriptedModel, assistant_message, function_call

from remit.compat.aegis import Action, AutoApprovalHandler, Policy
from remit.compat.aegis.cli.main import main as aegis

WHERE = aegis_document.find()

pytestmark = pytest.mark.skipif(
    WHERE is None, reason="the document of Aegis is not here (../shared/seeds)"
)

CALLS = {
    "Search for": ("web_search", {"query": "AI governance best practices"}),
    "Delete document": ("delete_document", {"document_id": "42"}),
    "Do something": ("web_search", {"query": "something"}),
    "Find info": ("shared_search", {"query": "AI safety"}),
    "Email a": ("send_email", {"to": "team@example.com", "subject": "s", "body": "b"}),
}


@pytest.fixture
def document(tmp_path, monkeypatch):
    """The document, in a folder that has its policy, and a model that does as it is told."""
    assert WHERE is not None
    found = aegis_document.Document(WHERE)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(found.yaml('version: "1"', "How rules work:"))
    run = agents.Runner.run

    async def scripted(agent, prompt):
        name, arguments = next(call for words, call in CALLS.items() if prompt.startswith(words))
        model = ScriptedModel(
            [[function_call(name, arguments, call_id="call-1")], [assistant_message("Done.")]]
        )
        result = await run(agent, prompt, run_config=RunConfig(model=model, tracing_disabled=True))
        outputs.extend(item["output"] for item in model.last_call.input if "output" in item)
        return result

    outputs = found.outputs = []
    monkeypatch.setattr(agents.Runner, "run", scripted)
    return found


def execute(source, namespace):
    """Run a program, as `python` runs it or, where it waits at the top, as a notebook does."""
    code = compile(source, "document", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    found = eval(code, namespace)
    if inspect.iscoroutine(found):
        asyncio.run(found)
    return namespace


def run_governed_agent(document):
    """What the full program leaves behind."""
    source = document.python('"""governed_agent.py', "What happens when you run this:")
    return execute(source, {"__name__": "__main__"})


@pytest.fixture
def governed_agent(document):
    return run_governed_agent(document)


def test_tools_that_are_decorated_run_or_are_refused(document):
    source = document.python("from agents import Agent, Runner", "What each decorator")
    program = execute(source, {})
    assert asyncio.run(program["web_search"]("x")) == "Results for: x"
    assert asyncio.run(program["write_record"]("t", "d")) == "Written to t: d"
    assert asyncio.run(program["delete_record"]("1")) == (
        "[AEGIS BLOCKED] Action blocked by policy rule: block_deletes"
    )


def test_the_full_program_runs_with_the_sdk_and_its_refusal_is_the_printed_one(document, capsys):
    printed = document.between("What happens when you run this:", "Every decision")
    [refusal] = re.findall(r"\[AEGIS BLOCKED\].*?block_deletes", "\n".join(printed))
    program = run_governed_agent(document)
    searched, deleted = document.outputs
    assert searched.startswith("Search results for 'AI governance best practices'")
    assert deleted == refusal
    rows = program["runtime"].audit.get_log()
    assert [(row["matched_rule"], row["result_status"]) for row in rows] == [
        ("search_auto", "success"),
        ("block_deletes", "blocked"),
    ]
    trail = capsys.readouterr().out.partition("--- Audit Trail ---")[2]
    assert "delete_document | risk=CRITICAL | rule=block_deletes        | result=blocked" in trail


def test_the_audit_log_has_the_fields_of_the_table(document, governed_agent):
    table = document.table("session_id |", "Advanced Patterns")
    row = governed_agent["runtime"].audit.get_log(result_status="blocked")[0]
    for name, example in table.items():
        if name == "session_id":
            assert re.fullmatch("[0-9a-f]{12}", row[name])
        elif name == "timestamp":
            assert re.sub(r"\d", "0", row[name]) == re.sub(r"\d", "0", example)
        else:
            assert row[name] == (None if example.startswith("null") else example)
    assert len(table) == 11


def test_the_audit_log_is_read_from_python_and_from_the_command_line(
    document, governed_agent, tmp_path, capsys
):
    del governed_agent
    execute(document.python("from aegis.runtime.audit", "What the audit log captures"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[-2].endswith(
        "delete_document -> storage: Action blocked by policy rule: block_deletes"
    )
    assert printed[-1] == "High-risk actions: 0"
    exported = (tmp_path / "audit_export.jsonl").read_text().splitlines()
    assert [json.loads(line)["action_type"] for line in exported] == ["search", "delete_document"]
    shown = document.between("aegis audit", "From Python")
    commands = [line.split()[1:] for line in shown if line.startswith("aegis ")]
    assert len(commands) == 4
    for command in commands:
        assert aegis(command) == 0
    said = capsys.readouterr().out
    assert said.count("delete_document") == 2
    assert said.endswith("Exported 2 entries to audit_export.jsonl\n")


def test_policies_merge_with_the_first_file_first(document, tmp_path):
    base = document.yaml('version: "1"', "# prod-overrides.yaml", after="# base-policy.yaml")
    prod = document.yaml('version: "1"', "# Rules from", after="# prod-overrides.yaml")
    (tmp_path / "base-policy.yaml").write_text(base)
    (tmp_path / "prod-overrides.yaml").write_text(prod)
    program = {"Policy": Policy}
    execute(document.python("policy = Policy.from_yaml_files", "Or merge"), program)
    execute(document.python("base = Policy.from_yaml", "Hot-Reload"), program)
    for policy in (program["policy"], program["combined"]):
        names = [rule.name for rule in policy.rules]
        assert names == ["prod_block_deletes", "prod_require_approval_writes", "search_auto"]
        assert policy.evaluate(Action("delete_x", "db")).matched_rule == "prod_block_deletes"
        assert policy.evaluate(Action("search", "web")).may_run_now


def test_a_policy_is_followed_while_an_agent_runs(document, governed_agent):
    source = document.python("from aegis import Runtime, PolicyWatcher", "Runtime Hooks")
    execute(source, governed_agent)
    assert document.outputs[-1].startswith("Search results for 'something'")


def test_hooks_are_told_of_governed_tools_too(document, governed_agent, capsys):
    source = document.python("from aegis import Runtime, RuntimeHooks", "Governing Both")
    program = execute(source, governed_agent)
    program["runtime"].approval = AutoApprovalHandler()
    source = document.python("# Async tool", "Multiple Agents")

    class Client:
        async def search(self, query):
            return f"found {query}"

    tools = execute(source, {**program, "some_async_client": Client(), "cache": {"k": "v"}})
    capsys.readouterr()
    assert asyncio.run(tools["async_search"]("x")) == "found x"
    assert asyncio.run(tools["sync_lookup"]("k")) == "v"
    assert capsys.readouterr().out.splitlines() == [
        "[EXEC] search: success",
        "[APPROVAL] lookup: APPROVED",
        "[EXEC] lookup: success",
    ]


def test_several_agents_share_a_policy_and_an_audit_log(document, governed_agent):
    source = document.python("runtime = Runtime(", "Dry Run", after="Multiple Agents")
    program = execute(source, governed_agent)
    assert document.outputs[-2:] == ["Results for: AI safety", "Email sent to team@example.com"]
    rows = program["runtime"].audit.get_log(program["runtime"].session_id)
    told = [(row["agent_id"], row["action_type"], row["human_decision"]) for row in rows]
    assert told == [
        ("Researcher", "search", None),
        ("Communicator", "write_email", "approved"),
    ]


def test_a_dry_run_prints_the_three_lines(document, governed_agent, capsys):
    source = document.python("plan = runtime.plan([", "Quick Reference")
    capsys.readouterr()
    execute(source, governed_agent)
    promised = [line[2:] for line in source.splitlines() if re.match(r"# \d\.", line)]
    printed = capsys.readouterr().out.splitlines()
    assert [line.split() for line in printed] == [line.split() for line in promised]
    assert len(promised) == 3

"""Aegis: a governed tool that runs, one that is blocked, and an action of a runtime.

Started by `benchmarks/facades.py`. Theirs keeps no record of a governed tool that is blocked.
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import measure

RULES = [{"name": f"r{n}", "match": {"type": f"tool_{n}"}, "approval": "auto"} for n in range(9)]
POLICY = {
    "version": "1",
    "defaults": {"approval": "block"},
    "rules": [*RULES, {"name": "no", "match": {"type": "delete_*"}, "approval": "block"}],
}


def program(root: str, database: str) -> tuple[Any, dict[str, Any]]:
    """The audit log, and what is timed, of the package that is imported as *root*."""
    aegis = import_module(root)
    audit = import_module(f"{root}.runtime.audit").AuditLogger(database)
    governed_tool = import_module(f"{root}.adapters.openai_agents").governed_tool

    class Executor(import_module(f"{root}.adapters.base").BaseExecutor):
        async def execute(self, action: Any) -> Any:
            return aegis.Result(action=action, status=aegis.ResultStatus.SUCCESS, data={"ok": True})

    runtime = aegis.Runtime(
        executor=Executor(),
        policy=aegis.Policy.from_dict(POLICY),
        approval_handler=import_module(f"{root}.runtime.approval").AutoApprovalHandler(),
        audit_logger=audit,
    )

    @governed_tool(runtime=runtime, action_type="tool_4", action_target="web")
    async def search(query: str, limit: int = 10) -> str:
        return f"{query}, {limit}"

    @governed_tool(runtime=runtime, action_type="delete_all", action_target="db")
    async def delete(record: str) -> str:
        raise AssertionError(f"{record} is not deleted")

    async def allowed() -> None:
        assert await search("news") == "news, 10"

    async def blocked() -> None:
        assert (await delete("1")).startswith("[AEGIS BLOCKED]")

    action = aegis.Action("tool_4", "web", {"query": "news", "limit": 10})

    async def run_one() -> None:
        assert (await runtime.run_one(action)).ok

    return audit, {
        "governed_tool": allowed,
        "governed_tool, blocked": blocked,
        "Runtime.run_one": run_one,
    }


async def measured(calls: dict[str, Any], count: int) -> dict[str, Any]:
    found = {}
    for name, call in calls.items():
        await measure.acalls(call, min(count, 50))
        found[name] = measure.summary(await measure.acalls(call, count))
    return found


def main(variant: str, count: int) -> None:
    root = "aegis" if variant == "theirs" else "remit.compat.aegis"
    with TemporaryDirectory() as folder:
        in_memory = variant == "memory"
        database = ":memory:" if in_memory else str(Path(folder, "audit.db"))
        audit, calls = program(root, database)
        found = asyncio.run(measured(calls, count))
        audit.close()
    print(json.dumps({"version": _version(variant), "calls": found}))


def _version(variant: str) -> str:
    if variant == "theirs":
        return f"agent-aegis {version('agent-aegis')}"
    from remit import __version__

    return f"remit {__version__}"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

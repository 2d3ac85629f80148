"""Aegis: a governed tool that runs, one that is blocked, and actions of a runtime.

Started by `benchmarks/facades.py`. Theirs keeps no record of a governed tool that is blocked.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from facade import Calls, Kept, found

RULES = [{"name": f"r{n}", "match": {"type": f"tool_{n}"}, "approval": "auto"} for n in range(9)]
POLICY = {
    "version": "1",
    "defaults": {"approval": "block"},
    "rules": [*RULES, {"name": "no", "match": {"type": "delete_*"}, "approval": "block"}],
}
RUNS = ("governed_tool", "Runtime.run_one")
"""The calls in which something is carried out."""
BLOCKED = "governed_tool, blocked"


class Program:
    """One runtime of the package that is imported as *root*, and what is called of it."""

    def __init__(self, root: str, database: str) -> None:
        self.aegis = aegis = import_module(root)
        self.audit = import_module(f"{root}.runtime.audit").AuditLogger(database)
        self.ran = 0
        base = import_module(f"{root}.adapters.base").BaseExecutor

        class Executor(base):  # type: ignore[misc]
            async def execute(_, action: Any) -> Any:  # noqa: N805 - `self` is the program
                self.ran += 1
                return aegis.Result(
                    action=action, status=aegis.ResultStatus.SUCCESS, data={"ok": True}
                )

        self.runtime = aegis.Runtime(
            executor=Executor(),
            policy=aegis.Policy.from_dict(POLICY),
            approval_handler=import_module(f"{root}.runtime.approval").AutoApprovalHandler(),
            audit_logger=self.audit,
        )
        self.governed_tool = import_module(f"{root}.adapters.openai_agents").governed_tool

    def calls(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What is timed."""
        runtime, aegis = self.runtime, self.aegis

        @self.governed_tool(runtime=runtime, action_type="tool_4", action_target="web")  # type: ignore[untyped-decorator]
        async def search(query: str, limit: int = 10) -> str:
            self.ran += 1
            return f"{query}, {limit}"

        @self.governed_tool(runtime=runtime, action_type="delete_all", action_target="db")  # type: ignore[untyped-decorator]
        async def delete(record: str) -> str:
            raise AssertionError(f"{record} is not deleted")

        async def allowed() -> None:
            assert await search("news") == "news, 10"

        async def blocked() -> None:
            assert (await delete("1")).startswith("[AEGIS BLOCKED]")

        search_one = aegis.Action("tool_4", "web", {"query": "news", "limit": 10})
        delete_one = aegis.Action("delete_all", "db", {"record": "1"})

        async def run_one() -> None:
            assert (await runtime.run_one(search_one)).ok

        async def run_blocked() -> None:
            assert not (await runtime.run_one(delete_one)).ok

        return {
            "governed_tool": allowed,
            BLOCKED: blocked,
            "Runtime.run_one": run_one,
            "Runtime.run_one, blocked": run_blocked,
        }


def timed(calls: Calls, root: str, database: str, kept: Kept, *, drops: bool) -> None:
    """Time them all, and look for what they did; *drops*: nothing is kept of what is blocked."""
    program, before = Program(root, database), calls.made.copy()

    async def measured() -> None:
        for name, call in program.calls().items():
            if not drops or name != BLOCKED or kept == "disk":
                await calls.atime(name, "nothing" if drops and name == BLOCKED else kept, call)

    asyncio.run(measured())
    made = calls.made - before
    found("calls that ran", sum(made[name] for name in RUNS), program.ran)
    due = made.total() - (made[BLOCKED] if drops else 0)
    found("rows of the audit log", due, program.audit.count())
    program.audit.close()


def main(variant: str, count: int) -> None:
    calls = Calls(count)
    theirs = variant == "theirs"
    root = "aegis" if theirs else "remit.compat.aegis"
    with TemporaryDirectory() as folder:
        if variant != "memory":
            timed(calls, root, str(Path(folder, "audit.db")), "disk", drops=theirs)
        if variant != "durable":
            timed(calls, root, ":memory:", "memory", drops=theirs)
    calls.answer(variant, "agent-aegis")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

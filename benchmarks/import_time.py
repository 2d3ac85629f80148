"""What an import costs in a fresh interpreter: time, memory, and what comes along.

    python benchmarks/import_time.py
    python benchmarks/import_time.py --rounds 5

Wall time is from the start of the process to its end, as the difference to the
same interpreter importing nothing, and absolute. Memory is the peak resident
set, which Linux alone tells per program; elsewhere the column is empty.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import measure
import workers
from environments import REQUIREMENTS, python_of

BARE = ""


@dataclass(frozen=True, slots=True)
class Import:
    """One row of the table."""

    name: str
    peer: str
    statement: str


FIRST_CALL = "what a first governed call needs"
IMPORTS = (
    Import("import remit", "ours", "import remit"),
    Import(
        f"remit: {FIRST_CALL}",
        "ours",
        "from remit.guard import Guard; from remit.policy import Policy; "
        "from remit.ledgers.memory import MemoryLedger",
    ),
    Import("import aegis", "aegis", "import aegis"),
    Import(
        f"aegis: {FIRST_CALL}",
        "aegis",
        "from aegis import Policy; from aegis.integrations.decorators import guard",
    ),
    Import("import agentmesh", "agt", "import agentmesh"),
    Import(f"AGT: {FIRST_CALL}", "agt", "from agentmesh.governance import govern"),
)
FLOORS = (
    Import("floor: bare python", "ours", BARE),
    Import("floor: json, sqlite3, hashlib, re", "ours", "import json, sqlite3, hashlib, re"),
    Import("floor: the same and asyncio", "ours", "import json, sqlite3, hashlib, re, asyncio"),
)
FORBIDDEN = {
    "agent frameworks": [
        "agents",
        "agno",
        "anthropic",
        "autogen_core",
        "claude_agent_sdk",
        "crewai",
        "dspy",
        "google.adk",
        "haystack",
        "langchain",
        "langchain_core",
        "langgraph",
        "litellm",
        "llama_index",
        "mcp",
        "openai",
        "pydantic_ai",
        "semantic_kernel",
        "smolagents",
        "strands",
    ],
    "servers and clients": [
        "aiohttp",
        "fastapi",
        "httpx",
        "requests",
        "starlette",
        "urllib3",
        "uvicorn",
    ],
    "telemetry": ["opentelemetry"],
    "heavy models": ["pydantic"],
    "the event loop": ["asyncio"],
}
HEADS = ("import", "over bare ms", "wall ms", "peak MB", "to ours")


def main() -> int:
    options = _options()
    chosen = [*FLOORS, *IMPORTS]
    bare = {one.peer: Import("bare", one.peer, BARE) for one in IMPORTS} | {"ours": FLOORS[0]}
    times = _times(list(dict.fromkeys([*chosen, *bare.values()])), options.rounds)
    versions = [{"version": " ".join(wanted)} for wanted in REQUIREMENTS.values()]
    print(workers.heading(versions))
    print(f"median of {options.rounds} fresh interpreters each")
    print(f"one turn of the fixed loop took {measure.mood():.1f} ns\n")
    result = {}
    for one in chosen:
        wall = statistics.median(times[one])
        over = wall - statistics.median(times[bare[one.peer]])
        result[one.name] = {"wall": wall, "over": over, "all": times[one], "peak": _peak(one)}
    print(workers.table(HEADS, [_row(one, result) for one in chosen]), end="\n\n")
    forbidden = {one.name: _forbidden(one) for one in IMPORTS if one.peer == "ours"}
    for name, found in forbidden.items():
        print(f"{name}; that must not come along, and does:")
        for kind, names in found.items():
            print(f"  {kind}: {', '.join(names) or 'none'}")
    path = workers.save("import_time", {"imports": result, "forbidden": forbidden})
    print(f"raw numbers: {path}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    return parser.parse_args()


def _run(one: Import, code: str) -> str:
    command = [python_of(one.peer), "-I", "-W", "ignore", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _times(chosen: list[Import], rounds: int) -> dict[Import, list[float]]:
    """Milliseconds of each, by turns, after one run that writes the bytecode."""
    for one in chosen:
        _run(one, one.statement)
    times: dict[Import, list[float]] = {one: [] for one in chosen}
    for _ in range(rounds):
        for one in chosen:
            start = perf_counter()
            _run(one, one.statement)
            times[one].append((perf_counter() - start) * 1000)
    return times


def _peak(one: Import) -> float | None:
    """Megabytes, by the kernel's count: that of `getrusage` includes the process that forked."""
    if not Path("/proc/self/status").exists():
        return None
    code = f"{one.statement}\nprint(open('/proc/self/status').read())"
    lines = _run(one, code).splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def _row(one: Import, result: dict[str, dict[str, Any]]) -> tuple[object, ...]:
    found = result[one.name]
    like = result[(IMPORTS[1] if one.name.endswith(FIRST_CALL) else IMPORTS[0]).name]
    # Below a millisecond the difference is noise, and a ratio to it says nothing.
    comparable = one in IMPORTS and like["over"] > 1
    return (
        one.name,
        workers.digits(found["over"]) if one.statement else "-",
        workers.digits(found["wall"]),
        workers.digits(found["peak"]) if found["peak"] else "-",
        f"{found['over'] / like['over']:.2f}x" if comparable else "-",
    )


def _forbidden(one: Import) -> dict[str, list[str]]:
    """The modules that *one* must not bring along, and does."""
    code = f"{one.statement}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(_run(one, code)))
    return {kind: [name for name in names if name in loaded] for kind, names in FORBIDDEN.items()}


if __name__ == "__main__":
    sys.exit(main())

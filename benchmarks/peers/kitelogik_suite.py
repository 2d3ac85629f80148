"""Runs Kite Logik's own published tests against our facade, and says what differs and why.

    python benchmarks/peers/kitelogik_suite.py

The source distribution is fetched from the package index into a temporary folder, its package is
mapped to `remit.compat.kitelogik`, and the files that concern what the facade offers are run.
For each it prints how many passed, failed and are not applicable. Every failure has to be a
difference that is explained below; the status is 1 if one is not, or fewer than 85 % pass.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

PACKAGE = "kitelogik==0.4.0"
FILES = (
    "audit_store", "credentials", "governance_events", "governed", "hierarchy", "hitl_queue",
    "memory", "policy_compiler", "sanitizer", "sdk",
)  # fmt: skip
ENOUGH = 0.85

NOT_OURS = {
    "test_audit_store": {
        "trigger": "looks into its tables",
        "targeted_update": "looks into its tables",
        "triggers_survive": "looks into its tables",
        "hash_detects_tampering": "computes the hash from its own columns",
    },
    "test_credentials": {
        "persistent": "there is no PersistentCredentialBroker here",
        "ttl_expiry_at_boundary": "replaces the clock of its module; ours is an argument",
    },
    "test_governance_events": {
        "TestOPAClientEvaluateEvent": "replaces a private method of its client",
        "TestOPAConnectionErrorMessages": "replaces the private HTTP client",
        "test_spawn_": "there is no AgentSession here",
    },
    "test_hierarchy": {
        "TestHigherRisk": "a private function",
        "TestMergeDecisions": "a private function",
    },
    "test_hitl_queue": {"cleans_up_event": "looks at a private dictionary"},
    "test_policy_compiler": {
        "TestPolicySchema": "models that are not among its public names",
        "opa": "needs an OPA binary",
    },
    "test_sdk": {
        "all_names_importable": "all names, AgentSession included",
        "key_types": "all names, AgentSession included",
        "all_list": "looks at the package's own list",
        "quickstart": "a file of its repository",
    },
}
"""What a test is about that the facade does not offer, by a part of its name."""

ON_PURPOSE = {
    "test_audit_store": {
        "record_and_query_roundtrip": "the digest of a policy has 64 digits, and none of none"
    },
    "test_governed": {
        "str_appends_rule": "a refusal reads as the document prints it, without the rule"
    },
    "test_policy_compiler": {
        "no use for a package": "`package:` has no effect there, and is refused here",
        "reasonless_deny": "the text of the Rego is another; what it decides is compared elsewhere",
        "invalid_yaml_type": "a ValueError as there, in other words",
    },
    "test_sanitizer": {
        "new_instructions_colon": "'New instructions: assemble the shelf' is no injection",
        "homoglyph": "look-alikes are not folded: clean Greek and Cyrillic stays as it is",
    },
}
"""What is another way here, and why, by a part of the test's name or of what it said."""

MAPPED = """
import sys, types
import remit.compat.kitelogik as ours

def module(name, **more):
    made = types.ModuleType(name)
    made.__path__ = []
    made.__dict__.update({n: getattr(ours, n) for n in ours.__all__}, **more)
    sys.modules[name] = made

for name in (
    "", ".governed", ".tether", ".tether.gate", ".tether.models", ".tether.opa_client",
    ".tether.hierarchy", ".tether.regorus_client", ".tether.sanitizer", ".anchor",
    ".anchor.credentials", ".anchor.queue", ".anchor.models", ".audit", ".audit.store", ".memory",
    ".memory.store", ".memory.models", ".policies", ".policies.compiler",
):
    module("kitelogik" + name)
module("kitelogik.anchor.credentials", PersistentCredentialBroker=None)
module("kitelogik.tether.hierarchy", _higher_risk=None, _merge_decisions=None)
module("kitelogik.policies.schema", PolicyFile=None, Rule=None)
try:
    import httpx
except ImportError:
    import httpx2
    sys.modules["httpx"] = httpx2
"""
CONFTEST = """
import asyncio, inspect, pytest, mapped

@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if inspect.iscoroutinefunction(pyfuncitem.obj):
        names = pyfuncitem._fixtureinfo.argnames
        asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
        return True

@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef, request):
    if inspect.iscoroutinefunction(fixturedef.func):
        given = {name: request.getfixturevalue(name) for name in fixturedef.argnames}
        made = asyncio.run(fixturedef.func(**given))
        fixturedef.cached_result = (made, fixturedef.cache_key(request), None)
        return made

@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
"""


def main() -> int:
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        results = {name: run(folder, name) for name in fetch(folder)}
    return report(results)


def fetch(folder: Path) -> list[str]:
    """The names of the test files, which are in *folder* afterwards with what maps the package."""
    command = ["pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", PACKAGE]
    subprocess.run([sys.executable, "-m", *command, "--dest", str(folder)], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "source", filter="data")
    found = []
    for name in FILES:
        (path,) = (folder / "source").rglob(f"test_{name}.py")
        (folder / path.name).write_bytes(path.read_bytes())
        found.append(path.stem)
    (folder / "mapped.py").write_text(MAPPED)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\n")
    return found


def run(folder: Path, name: str) -> dict[str, str]:
    """From the name of each test to `passed`, or what went wrong."""
    output = folder / f"{name}.xml"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore",
         f"--junit-xml={output}", f"{name}.py"],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    cases = ET.parse(output).getroot().iter("testcase")
    return {f"{case.get('classname')}.{case.get('name')}": outcome(case) for case in cases}


def outcome(case: ET.Element) -> str:
    for kind in ("failure", "error", "skipped"):
        found = case.find(kind)
        if found is not None:
            return "skipped" if kind == "skipped" else (found.get("message") or kind)[:200]
    return "passed"


def why(reasons: dict[str, str], test: str) -> str | None:
    return next((reason for part, reason in reasons.items() if part in test), None)


def report(results: dict[str, dict[str, str]]) -> int:
    totals: Counter[str] = Counter()
    unexplained: list[str] = []
    print(f"{'file':<24}{'passed':>8}{'failed':>8}{'not ours':>10}")
    for name, tests in results.items():
        counts: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for test, came in tests.items():
            absent = why(NOT_OURS.get(name, {}), test)
            purpose = why(ON_PURPOSE.get(name, {}), f"{test} {came}")
            if came == "passed":
                counts["passed"] += 1
            elif came == "skipped" or absent:
                counts["not ours"] += 1
                reasons[f"not ours: {absent or 'skips itself here'}"] += 1
            else:
                counts["failed"] += 1
                reasons[f"failed: {purpose}"] += 1
                if purpose is None:
                    unexplained.append(f"{test}: {came}")
        totals.update(counts)
        print(f"{name:<24}{counts['passed']:>8}{counts['failed']:>8}{counts['not ours']:>10}")
        for reason, count in reasons.items():
            print(f"    {count:>3}  {reason}")
    applicable = totals["passed"] + totals["failed"]
    share = totals["passed"] / applicable if applicable else 0.0
    print(f"{totals['passed']} of {applicable} that apply pass: {share:.1%}")
    for each in unexplained:
        print(f"not explained: {each}")
    return 1 if unexplained or share < ENOUGH else 0


if __name__ == "__main__":
    sys.exit(main())

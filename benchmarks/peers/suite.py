"""Runs the tests that another package publishes, against a facade of ours that goes by its name.

The source distribution is fetched from the package index into a temporary folder, its package is
mapped to ours, and the files that concern what the facade offers are run. For each it is printed
how many passed, failed and are not applicable, and why. Nothing of it is kept.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

ENOUGH = 0.85

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

Reasons = Mapping[str, Mapping[str, str]]
"""For each file, from a part of a test's name to why it does not pass."""


@dataclass(frozen=True)
class Suite:
    package: str
    files: tuple[str, ...]
    mapped: str
    """A module that makes our facade known under the package's name."""
    not_ours: Reasons
    """What a test is about that the facade does not offer."""
    on_purpose: Reasons
    """What is another way here, by a part of the test's name or of what it said."""
    beside: tuple[str, ...] = field(default=())
    """Files that the tests import, which are no tests."""


def main(suite: Suite) -> int:
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        results = {name: run(folder, name) for name in fetch(suite, folder)}
    return report(suite, results)


def fetch(suite: Suite, folder: Path) -> list[str]:
    """The names of the test files, which are in *folder* afterwards with what maps the package."""
    command = ["pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", suite.package]
    subprocess.run([sys.executable, "-m", *command, "--dest", str(folder)], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "source", filter="data")
    (folder / "tests").mkdir()
    (folder / "tests" / "__init__.py").touch()
    for name in (*suite.beside, *(f"test_{each}" for each in suite.files)):
        path = min((folder / "source").rglob(f"tests/**/{name}.py"), key=lambda p: len(p.parts))
        (folder / "tests" / path.name).write_bytes(path.read_bytes())
    (folder / "mapped.py").write_text(suite.mapped)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\n")
    return [f"test_{each}" for each in suite.files]


def run(folder: Path, name: str) -> dict[str, str]:
    """From the name of each test to `passed`, or what went wrong."""
    output = folder / f"{name}.xml"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore",
         f"--junit-xml={output}", f"tests/{name}.py"],
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


def why(reasons: Mapping[str, str], test: str) -> str | None:
    return next((reason for part, reason in reasons.items() if part in test), None)


def report(suite: Suite, results: dict[str, dict[str, str]]) -> int:
    totals: Counter[str] = Counter()
    unexplained: list[str] = []
    print(f"{'file':<28}{'passed':>8}{'failed':>8}{'not ours':>10}")
    for name, tests in results.items():
        counts: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for test, came in tests.items():
            absent = why(suite.not_ours.get(name, {}), test)
            purpose = why(suite.on_purpose.get(name, {}), f"{test} {came}")
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
        print(f"{name:<28}{counts['passed']:>8}{counts['failed']:>8}{counts['not ours']:>10}")
        for reason, count in reasons.items():
            print(f"    {count:>3}  {reason}")
    applicable = totals["passed"] + totals["failed"]
    share = totals["passed"] / applicable if applicable else 0.0
    print(f"{totals['passed']} of {applicable} that apply pass: {share:.1%}")
    for each in unexplained:
        print(f"not explained: {each}")
    return 1 if unexplained or share < ENOUGH else 0

import importlib.util
import json
import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CASES = Path(
    os.environ.get("REMIT_CONFORMANCE", HERE.parents[1] / "shared" / "conformance")
).joinpath("cel", "cases.jsonl")

spec = importlib.util.spec_from_file_location("cel_cases", HERE / "conformance" / "cel.py")
cel = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cel)

CONTRADICTORY = {"parse/bytes_literals/triple_single_quoted_unescaped_punctuation"}
"""Explained in docs/cel.md: the case expects a backslash that its expression does not have."""


def test_the_published_cases_of_the_specification_pass():
    if not CASES.exists():
        reason = f"no published cases at {CASES}; point REMIT_CONFORMANCE at them"
        print(reason)
        pytest.skip(reason)
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    failed = list(cel.failures(cases))
    print(f"passed {len(cases) - len(failed)} failed {len(failed)}")
    assert {failure.partition(":")[0] for failure in failed} == CONTRADICTORY


def test_the_program_that_runs_cases_counts_them(tmp_path, capsys):
    case = {"file": "f", "section": "s", "name": "n", "expr": "1 + x", "bindings": {}}
    right = case | {"bindings": {"x": {"int": "2"}}, "value": {"int": "3"}}
    wrong = right | {"name": "wrong", "value": {"double": "3"}}
    failing = case | {"error": "no x"}
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(map(json.dumps, [right, wrong, failing])))
    assert cel.main(str(path)) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first == "passed 2 failed 1"
    assert second.startswith("f/s/wrong: '1 + x'")

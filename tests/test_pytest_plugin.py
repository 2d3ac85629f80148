"""pytest collects policy tests, and Python tests ask a policy."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

POLICY = """\
remit: 1
name: refunds
rules:
  - {id: small, action: refund, when: args.amount <= 100, effect: allow}
  - {id: large, action: refund, when: args.amount > 100, effect: ask}
"""
TEST = """\
remit-test: 1
cases:
  - name: small
    request: {action: refund, args: {amount: 5}}
    expect: {effect: allow}
  - name: large
    request: {action: refund, args: {amount: 500}}
    expect: {effect: %s}
"""


@pytest.fixture
def run(pytester, monkeypatch):
    # Loaded by name alone, whether or not this environment has the entry point.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.path.joinpath("remit.yaml").write_text(POLICY, "utf-8")
    return lambda *arguments: pytester.runpytest("-p", "remit.pytest_plugin", *arguments)


def write(pytester, name, text):
    file = pytester.path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, "utf-8")


@pytest.mark.parametrize("name", ["remit-test.yaml", "refunds.remit-test.yaml", "a.remit-test.yml"])
def test_every_case_is_a_test(pytester, run, name):
    write(pytester, name, TEST % "ask")
    write(pytester, "other.yaml", "no: test\n")
    run("-v").assert_outcomes(passed=2)


def test_a_failure_tells_the_place_and_the_difference_and_no_traceback(pytester, run):
    write(pytester, "remit-test.yaml", TEST % "deny")
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["remit-test.yaml:6:5: large", "    effect: expected deny, got ask", "    because: *"]
    )
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_cases_can_be_chosen_by_name(pytester, run):
    write(pytester, "remit-test.yaml", TEST % "ask")
    run("remit-test.yaml::large").assert_outcomes(passed=1)
    run("-k", "small").assert_outcomes(passed=1, deselected=1)


def test_a_test_that_cannot_be_read_is_an_error_with_its_place(pytester, run):
    write(pytester, "remit-test.yaml", "remit-test: 1\ncase: []\n")
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["remit-test.yaml:2:1: unknown key 'case'*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_policy_that_cannot_be_read_is_an_error_with_its_place(pytester, run):
    write(pytester, "remit-test.yaml", TEST % "ask")
    write(pytester, "remit.yaml", "remit: 1\nruels: []\n")
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*remit.yaml:2:1: unknown key 'ruels'*"])


ASKING = """\
from remit import Action, Request, Session, Subject

def test_small(assert_allowed):
    decision = assert_allowed("refund", {"amount": 5}, subject="agent:a", rules=["small"])
    assert decision.reason == "rule 'small' allows it"

def test_large(assert_asked, assert_denied):
    assert_asked(Request(Subject("agent", "a"), Action("refund", {"amount": 500})))
    assert_denied("drop_table", resource="db:main", session=Session(role="dba"), context={"a": 1})

def test_wrong_effect(assert_denied):
    assert_denied("refund", {"amount": 5})

def test_wrong_rule(assert_allowed):
    assert_allowed("refund", {"amount": 5}, rules=["large"])
"""


def test_python_tests_may_ask_the_policy_of_the_project(pytester, run):
    pytester.makepyfile(ASKING)
    result = run()
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "E * refund {'amount': 5} by agent:unnamed: expected deny, got allow",
            "E * allow: rule 'small' allows it",
            "E * rules: small",
        ]
    )


def test_the_configuration_may_name_the_policy(pytester, run):
    write(pytester, "policies/deny.yaml", "remit: 1\nrules: [{id: n, action: '*', effect: deny}]\n")
    pytester.makeini("[pytest]\nremit_policy = policies remit.yaml\n")
    pytester.makepyfile(
        """
        def test_layers(assert_denied):
            assert_denied("refund", {"amount": 5}, rules=["deny/n"])
        """
    )
    run().assert_outcomes(passed=1)


def test_a_conftest_may_provide_the_policy(pytester, run):
    pytester.makeconftest(
        """
        import pytest, remit

        @pytest.fixture(scope="session")
        def remit_policy():
            return remit.Policy.parse("remit: 1\\ndefault: allow\\n")
        """
    )
    pytester.makepyfile("def test_it(assert_allowed): assert_allowed('anything')")
    run().assert_outcomes(passed=1)


def test_a_run_without_policy_tests_reads_no_policy_code():
    program = (
        "import sys, remit.pytest_plugin as plugin\n"
        "loaded = {name for name in sys.modules if name.startswith('remit')}\n"
        "from pathlib import Path\n"
        "assert plugin.pytest_collect_file(Path('test_x.py'), None) is None\n"
        "more = {name for name in sys.modules if name.startswith('remit')} - loaded\n"
        "print(sorted(more), 'remit.policy.cases' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[] False\n"

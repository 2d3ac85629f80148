"""Commands about policies: init, check, test, explain, plan."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from cli_shell import Shell, process

POLICY = """\
remit: 1
name: refunds
tools:
  refund: {properties: {amount: {type: number}}, required: [amount]}
  send_email: {}
rules:
  - id: small
    action: refund
    when: args.amount <= 100
    effect: allow
    risk: low
  - id: large
    action: refund
    when: args.amount > 100
    effect: ask
    approvers: [role:manager, role:director]
    quorum: 2
    reason: Refunds over $100 need two people
  - {id: mail, action: send_email, effect: allow}
"""
DENY_ALL = "remit: 1\nname: stop\nrules:\n  - {id: stop, action: '*', effect: deny}\n"
TEST = """\
remit-test: 1
policy: [remit.yaml]
cases:
  - name: small
    request: {action: refund, args: {amount: 5}}
    expect: {effect: allow, rules: [small]}
  - name: large
    request: {action: refund, args: {amount: 500}}
    expect: {effect: %s}
"""
HOSTILE = "\x1b[31m\u202e"
SHOWN = r"\x1b[31m\u202e"


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("REMIT_POLICY", "REMIT_LEDGER", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return Shell(capsys)


@pytest.fixture
def policy(tmp_path):
    file = tmp_path / "remit.yaml"
    file.write_text(POLICY, "utf-8")
    return file


def test_what_init_writes_checks_tests_and_runs(remit, tmp_path):
    assert remit("init").code == 0
    assert remit("check", "--strict").code == 0
    tested = remit("test", "--json").json
    assert (tested["failed"], tested["untested"]) == (0, [])
    ran = subprocess.run(
        [sys.executable, "example.py"], capture_output=True, text=True, check=True,
        stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    small, large, huge = ran.stdout.splitlines()
    assert small == "80 paid back for o-1"
    assert large.startswith("support may not refund")
    assert huge.startswith("support may not refund")
    kinds = [each["leaf"]["kind"] for each in remit("log", "list", "--json").lines]
    assert kinds == ["started", "returned", "asked", "answered", "refused", "refused"]
    assert remit("log", "verify", "--strict").code == 0


def test_init_makes_its_folder_and_says_what_to_do_there(remit, tmp_path):
    assert "cd a/b && remit check" in remit("init", "a/b").out
    assert remit("check", "a/b/remit.yaml").code == 0
    assert remit("test", "a/b").code == 0


@pytest.mark.parametrize("name", ["remit.yaml", "remit-test.yaml", "example.py"])
def test_init_overwrites_nothing_unless_forced(remit, tmp_path, name):
    (tmp_path / name).write_text("mine", "utf-8")
    refused = remit("init")
    assert refused.code == 1
    assert name in refused.err
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert remit("init", "--force").code == 0
    assert (tmp_path / name).read_text("utf-8") != "mine"


def test_a_policy_that_is_well_passes_the_check(remit, policy):
    assert remit("check") == remit("check", "remit.yaml", "--strict")
    assert remit("check").out == "1 file, 3 rules: nothing found\n"


def test_a_finding_is_told_and_fails_only_a_strict_check(remit, policy, tmp_path):
    (tmp_path / "stop.yaml").write_text(DENY_ALL, "utf-8")
    ended = remit("check", "remit.yaml", "stop.yaml")
    assert ended.code == 0
    assert ended.out.startswith("remit.yaml:7:9: warning: ")
    assert remit("check", "remit.yaml", "stop.yaml", "--strict").code == 1
    found = remit("check", "remit.yaml", "stop.yaml", "--json").json["findings"]
    assert {each["level"] for each in found} == {"warning"}
    assert (found[0]["file"], found[0]["line"], found[0]["rule"]) == ("remit.yaml", 7, "small")


OTHERWISE = """\
remit: 1
default: deny
rules:
  - {id: large, action: refund, when: args.amount > 100, effect: ask}
  - {id: small, action: refund, when: args.amount <= 100, effect: allow}
environments:
  production:
    rules: {small: {when: args.amount <= 10}}
tests:
  - name: 50 is small
    request: {action: refund, args: {amount: 50}}
    expect: {effect: allow}
"""
ASKED = '{"action": "refund", "args": {"amount": 50}}\n'


@pytest.mark.parametrize(
    ("command", "code", "otherwise"),
    [
        (["explain", "refund", "--args", '{"amount": 50}'], 0, 1),
        (["plan", "requests.jsonl"], 0, 1),
        (["test"], 0, 1),
        (["check", "--strict", "--tools", "tools.json"], 0, 1),
    ],
)
def test_every_command_that_loads_policies_takes_an_environment(
    remit, tmp_path, command, code, otherwise
):
    (tmp_path / "remit.yaml").write_text(OTHERWISE, "utf-8")
    (tmp_path / "requests.jsonl").write_text(ASKED, "utf-8")
    schema = {"type": "object", "properties": {"amount": {}}, "required": ["amount"]}
    (tmp_path / "tools.json").write_text(json.dumps({"refund": schema}), "utf-8")
    assert remit(*command).code == code
    assert remit(*command, "--environment", "production").code == otherwise
    misspelt = remit(*command, "--environment", "prodution")
    assert misspelt.code == 3
    assert "there is no environment 'prodution'; did you mean 'production'?" in misspelt.err


def test_every_mistake_of_every_file_is_told_with_its_place(remit, tmp_path):
    (tmp_path / "a.yaml").write_text("remit: 1\nrules:\n  - {id: a, efect: deny}\n", "utf-8")
    (tmp_path / "b.yaml").write_text("remit: 2\n", "utf-8")
    ended = remit("check", "a.yaml", "b.yaml")
    assert ended.code == 3
    assert "a.yaml:3:13: unknown key 'efect'" in ended.out
    assert "b.yaml:1:8: this" in ended.out
    assert remit("check", "a.yaml", "b.yaml", "--json").json["findings"][1]["column"] == 13


@pytest.mark.parametrize(
    "arguments", [["check"], ["explain", "x"], ["plan", "-"], ["test", "remit-test.yaml"]]
)
def test_without_its_file_a_command_ends_with_3_and_says_which(remit, arguments):
    ended = remit(*arguments)
    assert (ended.code, ended.out) == (3, "")
    assert "remit.yaml" in ended.err or "remit-test.yaml" in ended.err


@pytest.mark.parametrize("arguments", [["explain", "x"], ["plan", "requests.jsonl"], ["test"]])
def test_a_policy_that_is_invalid_ends_a_command_with_3(remit, tmp_path, arguments):
    (tmp_path / "remit.yaml").write_text("remit: 1\nruels: []\n", "utf-8")
    (tmp_path / "remit-test.yaml").write_text(TEST % "ask", "utf-8")
    (tmp_path / "requests.jsonl").write_text('{"action": "x"}\n', "utf-8")
    ended = remit(*arguments)
    assert ended.code == 3
    assert "remit.yaml:2:1: unknown key 'ruels'" in ended.err


def test_cases_that_hold_pass_and_rules_without_a_case_are_named(remit, policy, tmp_path):
    (tmp_path / "remit-test.yaml").write_text(TEST % "ask", "utf-8")
    ended = remit("test")
    assert ended.code == 0
    assert ended.out.endswith("2 cases: 2 passed\n")
    assert "mail" in ended.out
    assert remit("test", "--json").json["untested"] == ["mail (remit-test.yaml)"]


def test_a_case_that_fails_shows_what_came_out_otherwise(remit, policy, tmp_path):
    (tmp_path / "remit-test.yaml").write_text(TEST % "allow", "utf-8")
    ended = remit("test", ".")
    assert ended.code == 1
    assert "remit-test.yaml:7:5: failed: large" in ended.out
    assert "effect: expected allow, got ask" in ended.out
    assert ended.out.endswith("2 cases: 1 passed, 1 failed\n")
    document = remit("test", "--json").json
    assert (document["passed"], document["failed"]) == (1, 1)
    assert document["cases"][1]["differences"][0] == "effect: expected allow, got ask"
    assert document["cases"][1]["decision"]["approval"]["quorum"] == 2


def test_another_policy_can_be_put_to_the_test(remit, policy, tmp_path):
    (tmp_path / "remit-test.yaml").write_text(TEST % "ask", "utf-8")
    (tmp_path / "stop.yaml").write_text(DENY_ALL, "utf-8")
    ended = remit("test", "--policy", "remit.yaml", "--policy", "stop.yaml")
    assert ended.code == 1
    assert ended.out.endswith("2 cases: 0 passed, 2 failed\n")


def test_no_variable_changes_what_a_test_is_about(remit, policy, tmp_path, monkeypatch):
    (tmp_path / "remit-test.yaml").write_text(TEST % "ask", "utf-8")
    (tmp_path / "stop.yaml").write_text(DENY_ALL, "utf-8")
    monkeypatch.setenv("REMIT_POLICY", "stop.yaml")
    assert remit("test").code == 0


def test_the_tests_of_a_folder_are_those_of_its_policies_too(remit, policy, tmp_path):
    (tmp_path / "compose.yaml").write_text("image: !any tag\n", "utf-8")
    beside = "tests: [{name: n, request: {action: send_email}, expect: {effect: allow}}]\n"
    policy.write_text(POLICY + beside, "utf-8")
    assert remit("test").out.endswith("1 case: 1 passed\n")
    (tmp_path / "remit-test.yaml").write_text(TEST % "ask", "utf-8")
    assert remit("test").out.endswith("3 cases: 3 passed\n")
    policy.write_text(f"{POLICY}{beside}tests: [\n", "utf-8")
    (tmp_path / "remit-test.yaml").unlink()
    ended = remit("test")
    assert ended.code == 3
    assert "remit.yaml" in ended.err


def test_a_junit_report_counts_what_failed(remit, policy, tmp_path):
    (tmp_path / "remit-test.yaml").write_text((TEST % "allow").replace("large", "<l>&"), "utf-8")
    assert remit("test", "--junit", "report.xml").code == 1
    (suite,) = ET.parse(tmp_path / "report.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [case.get("name") for case in suite] == ["small", "<l>&"]
    assert suite[1][0].tag == "failure"


def test_a_folder_without_a_policy_test_says_what_one_is_called(remit):
    ended = remit("test")
    assert ended.code == 3
    assert "remit-test.yaml" in ended.err


@pytest.mark.parametrize(
    ("arguments", "answer", "code"),
    [
        (["refund", "--args", '{"amount": 5}'], "allow: rule 'small' allows it", 0),
        (["refund", "--args", '{"amount": 500}'], "ask: Refunds over $100 need two people", 1),
        (["delete", "--subject", "user:x"], "deny: no rule allows it", 1),
    ],
)
def test_explain_ends_in_the_decision(remit, policy, arguments, answer, code):
    ended = remit("explain", *arguments)
    assert ended.code == code
    assert answer in ended.out


def test_explain_tells_of_every_candidate_whether_it_matched_and_what_it_saw(remit, policy):
    out = remit("explain", "refund", "--args", '{"amount": 500}').out
    assert "small  allow  not matched: its condition does not hold" in out
    assert "large  ask  matched" in out
    assert "args.amount = 500" in out
    assert "2 of role:manager, role:director" in out
    assert "mail" not in out
    rules = remit("explain", "refund", "--args", '{"amount": 500}', "--json").json["rules"]
    assert [(rule["rule"], rule["match"]) for rule in rules] == [
        ("small", "not matched"), ("large", "matched"), ("mail", "not matched")
    ]  # fmt: skip
    assert rules[1]["saw"] == {"args.amount": "500"}


def test_explain_tells_what_is_taken_of_limits(remit, policy):
    limit = "limits:\n  - {id: few, action: refund, per: subject.id, window: 1d, max: {calls: 9}}\n"
    policy.write_text(POLICY + limit, "utf-8")
    explained = remit("explain", "refund", "--args", '{"amount": 5}', "--subject", "bot")
    assert 'refunds/few  limit  9 calls in 1d for ["bot"]: takes 1 calls' in explained.out


def test_explain_reads_arguments_from_a_file_and_from_standard_input(remit, policy, tmp_path):
    (tmp_path / "args.json").write_text('{"amount": 5}', "utf-8")
    assert remit("explain", "refund", "--args", "@args.json").code == 0
    piped = process("explain", "refund", "--args", "-", stdin='{"amount": 5}')
    assert (piped.code, piped.err) == (0, "")


def test_explain_puts_everything_it_is_told_into_the_request(remit, tmp_path):
    (tmp_path / "remit.yaml").write_text(
        "remit: 1\nrules:\n"
        "  - id: a\n"
        "    action: read\n"
        "    subject: agent:bot\n"
        "    resource: file:x\n"
        "    when: session.role == 'clerk' && context.office == 'open' && "
        "now == timestamp('2026-05-01T09:30:00Z')\n"
        "    effect: allow\n",
        "utf-8",
    )
    facts = ["--subject", "bot", "--resource", "file:x", "--session", '{"role": "clerk"}']
    rest = ["--context", '{"office": "open"}', "--at", "2026-05-01T09:30:00Z"]
    assert remit("explain", "read", *facts, *rest).code == 0
    assert remit("explain", "read", *facts).code == 1


def test_explain_takes_a_subject_with_properties(remit, tmp_path):
    (tmp_path / "remit.yaml").write_text(
        "remit: 1\nrules:\n"
        "  - id: a\n"
        "    action: x\n"
        "    when: subject.properties.level > 2 && session.region == 'eu'\n"
        "    effect: allow\n",
        "utf-8",
    )
    subject = '{"type": "user", "id": "ada", "properties": {"level": 3}}'
    for session in ('{"region": "eu"}', '{"facts": {"region": "eu"}}'):
        ended = remit("explain", "x", "--subject", subject, "--session", session)
        assert (ended.code, "may user:ada do x?" in ended.out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--args", "{"], "--args: this is not JSON"),
        (["--args", "[1]"], "--args: write a JSON object"),
        (["--args", "@none.json"], "none.json"),
        (["--args", '{"a": 99999999999999999999999}'], "args.a is"),
        (["--session", '{"depth": "deep"}'], "session: "),
        (["--at", "noon"], "'noon' is no moment"),
    ],
)
def test_input_that_cannot_be_used_ends_with_3_and_says_why(remit, policy, arguments, message):
    ended = remit("explain", "refund", *arguments)
    assert (ended.code, ended.out) == (3, "")
    assert message in ended.err


REQUESTS = (
    '{"action": "refund", "args": {"amount": 5}, "subject": "agent:bot"}\n\n'
    '{"action": "refund", "args": {"amount": 500}, "session": {"id": "s", "region": "eu"}}\n'
    '{"action": "delete", "subject": {"type": "user", "id": "x"}, "resource": "file:y"}\n'
)


def test_plan_says_what_would_be_decided_on_each(remit, policy, tmp_path):
    (tmp_path / "requests.jsonl").write_text(REQUESTS, "utf-8")
    ended = remit("plan", "requests.jsonl")
    assert ended.code == 1
    assert ended.out.endswith("3 steps: 1 allow, 1 ask, 1 deny\n")
    steps = remit("plan", "requests.jsonl", "--json").lines
    assert [(step["step"], step["answer"]) for step in steps] == [
        (1, "allow"), (2, "ask"), (3, "deny")
    ]  # fmt: skip
    assert steps[1]["request"]["session"]["facts"] == {"region": "eu"}
    assert steps[2]["request"]["resource"] == {"type": "file", "id": "y"}
    assert steps[0]["decision"]["rules"] == ["small"]


def test_plan_reads_yaml_and_standard_input_alike(remit, policy, tmp_path):
    (tmp_path / "requests.yaml").write_text(
        "- {action: refund, args: {amount: 5}}\n- action: send_email\n", "utf-8"
    )
    assert remit("plan", "requests.yaml").code == 0
    piped = process("plan", "-", "--json", stdin='{"action": "send_email"}\n')
    assert (piped.code, piped.err) == (0, "")


def test_a_plan_without_steps_has_nothing_against_it(remit, policy, tmp_path):
    (tmp_path / "requests.jsonl").touch()
    assert remit("plan", "requests.jsonl").code == 0
    assert remit("plan", "requests.jsonl", "--json").out == ""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "requests.jsonl:2: this is not JSON"),
        ("[]", "requests.jsonl:2: write a JSON object"),
        ('{"actoin": "x"}', "requests.jsonl:2: unknown key 'actoin'"),
        ('{"args": {}}', "requests.jsonl:2: a request names its action"),
        ('{"action": "x", "args": []}', "requests.jsonl:2: 'args' is a mapping"),
        ('{"action": "x", "subject": {"type": "a"}}', "requests.jsonl:2: subject: "),
        ('{"action": "x", "subject": {"typ": "a"}}', "unknown key 'typ' in a subject"),
        ('{"action": "x", "at": 5}', "requests.jsonl:2: '5' is no moment"),
    ],
)
def test_a_request_that_is_none_is_refused_with_its_line(remit, policy, tmp_path, line, message):
    (tmp_path / "requests.jsonl").write_text(f'{{"action": "x"}}\n{line}\n', "utf-8")
    ended = remit("plan", "requests.jsonl")
    assert (ended.code, ended.out) == (3, "")
    assert message in ended.err


def test_a_yaml_request_that_is_none_is_refused_with_its_place(remit, policy, tmp_path):
    (tmp_path / "requests.yaml").write_text("- {action: x}\n- {actoin: y}\n", "utf-8")
    assert "requests.yaml:2:3: unknown key 'actoin'" in remit("plan", "requests.yaml").err
    (tmp_path / "requests.yaml").write_text("action: x\n", "utf-8")
    assert "requests.yaml:1:1: write a list" in remit("plan", "requests.yaml").err


def test_nothing_from_a_policy_or_a_request_reaches_the_terminal_unseen(remit, tmp_path):
    hostile = HOSTILE.encode("unicode_escape").decode()
    (tmp_path / "remit.yaml").write_text(
        "remit: 1\nrules:\n"
        f'  - {{id: a, action: refund, effect: deny, reason: "{hostile}", advice: "{hostile}"}}\n',
        "utf-8",
    )
    (tmp_path / "r.jsonl").write_text('{"action": "\\u001b[31m\\u202e"}\n', "utf-8")
    commands = [
        ["explain", "refund"],
        ["explain", HOSTILE],
        ["plan", "r.jsonl"],
        ["check", HOSTILE],
    ]
    for arguments in commands:
        ended = remit(*arguments)
        assert SHOWN in ended.out + ended.err
        for asked in (arguments, [*arguments, "--json"]):
            ended = remit(*asked)
            assert not {"\x1b", "\u202e"} & set(ended.out + ended.err)
    assert remit("explain", HOSTILE, "--json").json["request"]["action"]["name"] == HOSTILE

"""`remit check` in the forms that programs read: JSON, SARIF, workflow commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from cli_shell import Shell

from remit.cli import sarif
from remit.cli.app import COMMANDS
from remit.policy.check import Finding, Kind, Level
from remit.policy.located import Place

WRONG = """\
remit: 1
name: wrong
rules:
  - {id: refund, action: refund, when: args.amount > 200, effect: ask}
  - {id: never, action: "re*", when: args.amount > 100, effect: deny}
  - {id: read, action: read_page, effect: allow}
  - {id: read-all, action: "read_*", effect: allow}
"""
NOTED = """\
remit: 1
name: noted
rules:
  - {id: all, action: "*", effect: allow}
"""

# Of the published schema: what each object must have, and what this check writes besides.
REQUIRED = {
    "log": {"version", "runs"},
    "run": {"tool"},
    "tool": {"driver"},
    "driver": {"name"},
    "rule": {"id"},
    "result": {"message"},
    "message": {"text"},
}
ALSO = {
    "log": {"$schema"},
    "run": {"results", "columnKind"},
    "driver": {"version", "rules"},
    "rule": {"name", "shortDescription", "fullDescription", "help", "defaultConfiguration"},
    "result": {"ruleId", "ruleIndex", "level", "locations", "relatedLocations"},
}


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("REMIT_POLICY", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, text in (("wrong.yaml", WRONG), ("noted.yaml", NOTED), ("bad.yaml", "remit: 2\n")):
        (tmp_path / name).write_text(text, "utf-8")
    return Shell(capsys)


def conforms(kind, value):
    required, also = REQUIRED[kind], ALSO.get(kind, set())
    assert required <= value.keys() <= required | also, (kind, value)
    return value


def located(location):
    physical = location["physicalLocation"]
    assert set(physical) <= {"artifactLocation", "region"}
    assert all(value >= 1 for value in physical.get("region", {}).values())
    return physical["artifactLocation"]["uri"], physical.get("region")


def test_sarif_has_what_the_schema_requires_and_nothing_it_does_not_know(remit):
    log = conforms("log", remit("check", "wrong.yaml", "--format", "sarif").json)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    conforms("run", run)
    driver = conforms("driver", conforms("tool", run["tool"])["driver"])
    assert len(run["results"]) == 2
    for result in run["results"]:
        conforms("message", conforms("result", result)["message"])
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"none", "note", "warning", "error"}
        assert [located(each)[0] for each in result["locations"]] == ["wrong.yaml"]
        for number, related in enumerate(result.get("relatedLocations", ()), 1):
            assert related["id"] == number
            assert located(related)[1] is not None
    first = run["results"][0]
    assert located(first["locations"][0])[1] == {"startLine": 4, "startColumn": 10}
    assert located(first["relatedLocations"][0])[1]["startLine"] == 5


def test_sarif_explains_every_kind_of_finding(remit):
    rules = remit("check", "noted.yaml", "--format", "sarif").json["runs"][0]["tool"]["driver"][
        "rules"
    ]
    assert [rule["id"] for rule in rules] == [kind.id for kind in Kind]
    for rule, kind in zip(rules, Kind, strict=True):
        conforms("rule", rule)
        assert kind.value.cure in rule["help"]["text"]
        assert rule["defaultConfiguration"] == {"level": kind.value.level}


def test_sarif_also_tells_of_a_policy_that_cannot_be_used(remit):
    ended = remit("check", "bad.yaml", "--format", "sarif")
    (result,) = ended.json["runs"][0]["results"]
    assert (ended.code, result["ruleId"], result["level"]) == (3, "RMT001", "error")


@pytest.mark.parametrize(
    ("file", "uri"),
    [("a b/ü%.yaml", "a%20b/%C3%BC%25.yaml"), ("/tmp/x.yaml", "file:///tmp/x.yaml")],
)
def test_sarif_names_files_as_uris(file, uri):
    log = sarif.log([Finding(Place(file, 0, 0), "", "m", Kind.UNUSABLE)])
    (location,) = log["runs"][0]["results"][0]["locations"]
    assert located(location) == (uri, None)


def test_github_gets_one_command_a_finding(remit):
    ended = remit("check", "wrong.yaml", "noted.yaml", "--format", "github")
    commands = [line.partition(" ")[0] for line in ended.out.splitlines()]
    assert set(commands) == {"::warning", "::notice"}
    assert ended.out.startswith("::warning file=wrong.yaml,line=4,col=10,title=RMT002 shadowed::")
    failed = remit("check", "bad.yaml", "--format", "github")
    assert failed.out.startswith("::error file=bad.yaml,line=1,col=8,")
    assert failed.code == 3


def test_what_a_policy_says_cannot_end_a_command_or_begin_another(remit, tmp_path):
    (tmp_path / "x,y%.yaml").write_text('remit: 1\nrules: [{"a\\n::error::b%": 1}]\n', "utf-8")
    lines = remit("check", "x,y%.yaml", "--format", "github").out.splitlines()
    assert lines
    for line in lines:
        found = re.fullmatch(r"::error file=x%2Cy%25\.yaml(,[a-z]+=[^,:]*)*::(.*)", line)
        assert found
        assert "%" not in re.sub(r"%25|%0A|%0D", "", found[2])


def test_json_names_the_kind_and_what_has_to_do_with_it(remit):
    first = remit("check", "wrong.yaml", "--json").json["findings"][0]
    assert remit("check", "wrong.yaml", "--format", "json").json["findings"][0] == first
    assert first["id"] == "RMT002"
    assert first["related"] == [
        {"file": "wrong.yaml", "line": 5, "column": 10, "message": "rule 'never'"}
    ]


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_the_exit_code_does_not_depend_on_the_form(remit, form):
    assert remit("check", "wrong.yaml", "--format", form).code == 0
    assert remit("check", "wrong.yaml", "--strict", "--format", form).code == 1
    assert remit("check", "noted.yaml", "--strict", "--format", form).code == 0
    assert remit("check", "bad.yaml", "--format", form).code == 3


def test_the_levels_are_those_of_sarif():
    assert {level.value for level in Level} <= {"none", "note", "warning", "error"}


HOOKS = yaml.safe_load((Path(__file__).parent.parent / ".pre-commit-hooks.yaml").read_text("utf-8"))


def test_there_is_a_hook_to_check_to_test_and_to_format():
    assert [hook["id"] for hook in HOOKS] == ["remit-check", "remit-test", "remit-fmt"]
    for hook in HOOKS:
        assert re.search(hook["files"], "policies/support.yaml")
        assert re.search(hook["files"], "remit.yaml")
        assert not re.search(hook["files"], ".github/workflows/ci.yaml")


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_runs_a_command_that_is_there(hook, remit):
    program, command, *options = hook["entry"].split()
    assert (program, command in COMMANDS) == ("remit", True)
    told = remit(command, "--help").out
    assert all(option in told for option in options)

"""`remit check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from remit.cli import screen
from remit.cli.exits import Exit
from remit.cli.given import POLICY, Json, Strict
from remit.errors import PolicyError


def check(
    *paths: Annotated[Path, Parameter(name="path", env_var="REMIT_POLICY")],
    strict: Strict = False,
    as_json: Json = False,
) -> Exit:
    """Say what is wrong with policies, and what is probably not meant.

        remit check
        remit check organisation.yaml team.yaml
        remit check policies/ --strict

    Files, and the files of a folder, are the layers of one policy. A mistake
    makes the policy unusable (exit code 3); a finding is worth a look.

    Args:
        paths: files, and folders of them; remit.yaml if none is named.
        strict: let a warning fail the check (exit code 1).
        as_json: print a JSON document.
    """
    from remit.policy.load import mistakes
    from remit.sources import files, load, read

    names = [str(path) for path in files(*(paths or (POLICY,)))]
    errors = [error for name in names for error in mistakes(read(name), name)]
    policy = None if errors else load(*names)
    findings = [_finding(each) for each in policy.check()] if policy else []
    rules = len(policy.rules) if policy else 0
    warnings = sum(finding["level"] == "warning" for finding in findings)
    reports = [*map(_mistake, errors), *findings]
    if as_json:
        screen.emit({"files": names, "rules": rules, "findings": reports})
    else:
        _show(reports, len(names), rules)
    if errors:
        return Exit.INVALID
    return Exit.FAILED if strict and warnings else Exit.OK


def _mistake(error: PolicyError) -> dict[str, Any]:
    place = {"file": error.file, "line": error.line, "column": error.column}
    return {"level": "error", **place, "rule": "", "message": error.message}


def _finding(found: Any) -> dict[str, Any]:
    place = {"file": found.place.file, "line": found.place.line, "column": found.place.column}
    return {"level": str(found.level), **place, "rule": found.rule, "message": found.message}


def _show(reports: list[dict[str, Any]], files: int, rules: int) -> None:
    for report in reports:
        place = ":".join(str(report[key]) for key in ("file", "line", "column") if report[key])
        # A mistake reads as it does wherever else the policy is loaded.
        level = () if report["level"] == "error" else (screen.styled(report["level"]), ": ")
        screen.say((place, "bold"), ": ", *level, report["message"])
    levels = [report["level"] for report in reports]
    there = [level for level in ("error", "warning", "note") if level in levels]
    counts = ", ".join(screen.count(levels.count(level), level) for level in there)
    what = screen.count(files, "file") + (f", {screen.count(rules, 'rule')}" if rules else "")
    screen.say(f"{what}: {counts or 'nothing found'}")

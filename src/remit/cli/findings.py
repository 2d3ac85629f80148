"""What a check found, in the forms that people and programs read.

text     a line for each finding, and how many there are
json     one document
sarif    SARIF 2.1.0: what code scanning shows beside the lines
github   workflow commands: annotations of a pull request
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from remit.cli import sarif, screen
from remit.policy.check import Finding, Level
from remit.policy.located import Place
from remit.visible import visible

Format: TypeAlias = Literal["text", "json", "sarif", "github"]


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked, and what was found."""

    files: Sequence[str]
    rules: int
    findings: Sequence[Finding]

    def count(self, level: Level) -> int:
        """How many findings are of this level."""
        return sum(finding.level is level for finding in self.findings)


def show(report: Report, form: Format) -> None:
    """Print *report*."""
    _FORMS[form](report)


def _text(report: Report) -> None:
    for finding in report.findings:
        # A mistake reads as it does wherever else the policy is loaded.
        mistake = finding.level is Level.ERROR
        level = () if mistake else (screen.styled(str(finding.level)), ": ")
        named = () if mistake else ((f" [{finding.kind.id}]", "dim"),)
        screen.say((_where(finding.place), "bold"), ": ", *level, finding.message, *named)
    counts = [screen.count(found, level) for level in Level if (found := report.count(level))]
    rules = f", {screen.count(report.rules, 'rule')}" if report.rules else ""
    what = screen.count(len(report.files), "file") + rules
    screen.say(f"{what}: {', '.join(counts) or 'nothing found'}")


def _where(place: Place) -> str:
    return ":".join(str(part) for part in (place.file, place.line, place.column) if part)


def _json(report: Report) -> None:
    findings = [_document(finding) for finding in report.findings]
    screen.emit({"files": report.files, "rules": report.rules, "findings": findings})


def _document(finding: Finding) -> dict[str, Any]:
    return {
        "level": finding.level,
        **_place(finding.place),
        "rule": finding.rule,
        "message": finding.message,
        "id": finding.kind.id,
        "related": [{**_place(place), "message": why} for place, why in finding.related],
    }


def _place(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line, "column": place.column}


def _sarif(report: Report) -> None:
    screen.emit(sarif.log(report.findings))


_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def _github(report: Report) -> None:
    for finding in report.findings:
        place, about = finding.place, finding.kind.value
        told = {
            "file": place.file,
            "line": place.line or "",
            "col": place.column or "",
            "title": f"{about.id} {about.name}",
        }
        given = ",".join(f"{key}={_property(str(value))}" for key, value in told.items() if value)
        # Not by the screen: a terminal would wrap it, and a command is one line.
        print(f"::{_COMMANDS[finding.level]} {given}::{_data(finding.message)}")


def _data(text: str) -> str:
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


_FORMS: Mapping[Format, Callable[[Report], None]] = {
    "text": _text,
    "json": _json,
    "sarif": _sarif,
    "github": _github,
}

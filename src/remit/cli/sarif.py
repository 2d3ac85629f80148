"""Findings as SARIF 2.1.0, the format in which code scanning takes results.

Every kind of finding is a rule of the tool, with its help, whether it was found
or not. Places count characters, and paths are relative to where the check ran.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

from remit.policy.check import Finding, Kind
from remit.policy.located import Place

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def log(findings: Sequence[Finding]) -> dict[str, Any]:
    """The document: one run of one tool."""
    driver = {
        "name": "remit",
        "version": metadata.version("remit"),
        "rules": [_rule(kind) for kind in Kind],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding) for finding in findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(kind: Kind) -> dict[str, Any]:
    about = kind.value
    help_text = f"{about.summary} {about.cure}"
    return {
        "id": about.id,
        "name": "".join(word.capitalize() for word in about.name.split("-")),
        "shortDescription": {"text": about.summary},
        "fullDescription": {"text": help_text},
        "help": {"text": help_text, "markdown": f"{about.summary}\n\n**Cure:** {about.cure}"},
        "defaultConfiguration": {"level": about.level},
    }


def _result(finding: Finding) -> dict[str, Any]:
    related = [
        {"id": number, "message": {"text": why}, **_location(place)}
        for number, (place, why) in enumerate(finding.related, 1)
    ]
    return {
        "ruleId": finding.kind.id,
        "ruleIndex": list(Kind).index(finding.kind),
        "level": finding.level,
        "message": {"text": finding.message},
        "locations": [_location(finding.place)],
        **({"relatedLocations": related} if related else {}),
    }


def _location(place: Place) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(place.file)}}
    if place.line:
        physical["region"] = {"startLine": place.line, "startColumn": max(place.column, 1)}
    return {"physicalLocation": physical}


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())

"""`remit check`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from remit.cli.exits import Exit
from remit.cli.given import POLICY, Environment, Json, Strict

if TYPE_CHECKING:
    from remit.policy.tools import Tools

Tooling = Annotated[
    tuple[str, ...], Parameter(name="--tools", metavar="SPEC", show_default=False, negative=())
]


def check(
    *paths: Annotated[Path, Parameter(name="path", env_var="REMIT_POLICY")],
    tools: Tooling = (),
    environment: Environment = "",
    format_: Annotated[
        Literal["text", "json", "sarif", "github"], Parameter(name="--format")
    ] = "text",
    strict: Strict = False,
    as_json: Json = False,
) -> Exit:
    """Say what is wrong with policies, and what is probably not meant.

        remit check
        remit check organisation.yaml team.yaml
        remit check policies/ --strict
        remit check --format sarif > remit.sarif
        remit check --tools app:guard --tools "mcp:python server.py"

    Files, and the files of a folder, are the layers of one policy. A mistake
    makes the policy unusable (exit code 3); a finding is worth a look.

    Args:
        paths: files, and folders of them; remit.yaml if none is named.
        tools: check conditions against these: module:object (a guard, a toolbox, functions),
            a JSON file of tools or schemas, mcp:command; may be given several times.
        environment: whose changes hold, of those that a policy lists under environments.
        format_: of what form: SARIF is for code scanning, github for annotations of a pull request.
        strict: let a warning fail the check (exit code 1); report tools and facts that nothing
            declares; a rule about a tool that is not among those declared is a mistake.
        as_json: print a JSON document; the same as --format json.
    """
    from remit.cli.findings import Report, show
    from remit.policy.check import Finding, Kind, Level
    from remit.policy.located import Place
    from remit.sources import files, load, mistakes

    names = [str(path) for path in files(*(paths or (POLICY,)))]
    known = _known(tools, strict=strict)
    found = [
        Finding(Place(error.file, error.line, error.column), "", error.message, Kind.UNUSABLE)
        for name in names
        for error in mistakes(name, known)
    ]
    policy = None if found else load(*names, environment=environment, tools=known)
    findings = policy.check(strict=strict) if policy else found
    report = Report(names, len(policy.rules) if policy else 0, findings)
    show(report, "json" if as_json else format_)
    if report.count(Level.ERROR):
        return Exit.INVALID
    return Exit.FAILED if strict and report.count(Level.WARNING) else Exit.OK


def _known(specs: Sequence[str], *, strict: bool) -> Tools:
    """The tools that are named on the command line; no others, if it is *strict*."""
    from remit.policy.tools import NO_TOOLS

    known = NO_TOOLS
    if specs:
        from remit.tools import read_tools

        known = known.joined(map(read_tools, specs))
    return known.completed() if strict else known

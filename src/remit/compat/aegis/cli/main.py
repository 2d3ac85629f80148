"""`remit compat aegis`: the command lines of Aegis that its documents show.

audit                        the audit log: --risk high, --status blocked, --export FILE, --verify
validate FILE                is it a policy?
simulate FILE TYPE:TARGET …  what would be decided
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from remit.compat.aegis.core.action import Action
from remit.compat.aegis.core.decision import Approval, PolicyDecision
from remit.compat.aegis.core.policy import Policy
from remit.compat.aegis.core.result import ResultStatus
from remit.compat.aegis.runtime.audit import DEFAULT_PATH, private
from remit.compat.aegis.runtime.rows import Row, Wanted, rows
from remit.errors import LogError, PolicyError
from remit.ledgers.query import Filter
from remit.ledgers.sqlite_log import SqliteLog
from remit.visible import visible

RISKS = ("low", "medium", "high", "critical")

_COLUMNS = (
    ("ID", "id", 4),
    ("Session", "session_id", 13),
    ("Action", "action_type", 20),
    ("Target", "action_target", 16),
    ("Risk", "risk_level", 9),
    ("Approval", "approval", 9),
    ("Human", "human_decision", 9),
    ("Result", "result_status", 8),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    given = _parser().parse_args(arguments)
    try:
        if given.command == "audit":
            return _audit(given)
        if given.command == "validate":
            return _validate(given.file)
        return _simulate(given.file, given.actions, given.format)
    except PolicyError as error:
        for line in (str(error), *getattr(error, "__notes__", ())):
            sys.stderr.write(f"{visible(line)}\n")
    except (LogError, OSError) as error:
        sys.stderr.write(f"{visible(str(error))}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    # An abbreviation that means something else tomorrow is worse than none.
    parser = argparse.ArgumentParser(
        prog="remit compat aegis",
        description="Aegis' commands, over Remit.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    audit = commands.add_parser("audit", help="the audit log", allow_abbrev=False)
    audit.add_argument("--db", default=DEFAULT_PATH, help="the ledger")
    audit.add_argument("--session", help="one session, by its id")
    audit.add_argument("--action-type")
    audit.add_argument("--risk", "--risk-level", dest="risk", type=str.lower, choices=RISKS)
    audit.add_argument("--status", choices=[each.value for each in ResultStatus])
    audit.add_argument("--format", choices=("table", "json", "jsonl"), default="table")
    audit.add_argument("--output", "-o", metavar="FILE", help="write it there")
    audit.add_argument("--export", metavar="FILE", help="write it there, as JSON Lines")
    audit.add_argument("--verify", action="store_true", help="is the log whole and unchanged?")
    validating = commands.add_parser("validate", help="is it a policy?", allow_abbrev=False)
    validating.add_argument("file")
    simulating = commands.add_parser("simulate", help="what would happen", allow_abbrev=False)
    simulating.add_argument("file")
    simulating.add_argument("actions", nargs="+", metavar="TYPE:TARGET")
    simulating.add_argument("--format", choices=("table", "json"), default="table")
    return parser


def _audit(given: argparse.Namespace) -> int:
    path = Path(given.db)
    if not path.is_file():
        sys.stderr.write(f"there is no audit log {visible(given.db)}\n")
        return 1
    log = SqliteLog(path)
    if given.verify:
        found = log.verify()
        sys.stdout.write("".join(f"{visible(str(each))}\n" for each in found.findings))
        said = "PASSED" if found.intact else "FAILED"
        sys.stdout.write(f"{said}: {found.size} records, {found.signed} of them signed\n")
        return 0 if found.intact else 1
    wanted = Wanted(given.action_type, given.risk, given.status)
    entries = [row for row in rows(log.select(Filter(session=given.session))) if wanted.fits(row)]
    shape = "jsonl" if given.export else given.format
    text = "".join({"table": _table, "json": _json, "jsonl": _lines}[shape](entries))
    target = given.export or given.output
    if target is None:
        sys.stdout.write(text)
        return 0
    with private(target) as file:
        file.write(text)
    sys.stdout.write(f"Exported {len(entries)} entries to {visible(target)}\n")
    return 0


def _table(entries: Sequence[Row]) -> Iterator[str]:
    if not entries:
        yield "No entries.\n"
        return
    yield "  ".join(f"{title:<{width}}" for title, _, width in _COLUMNS).rstrip() + "\n"
    for row in entries:
        cells = (f"{visible(str(row[name] or '-')):<{width}}" for _, name, width in _COLUMNS)
        yield "  ".join(cells).rstrip() + "\n"


def _json(entries: Sequence[Row]) -> Iterator[str]:
    yield json.dumps(entries, indent=2) + "\n"


def _lines(entries: Sequence[Row]) -> Iterator[str]:
    return (json.dumps(row) + "\n" for row in entries)


def _validate(file: str) -> int:
    policy = Policy.from_yaml(file)
    sys.stdout.write(f"Policy valid: {len(policy.rules)} rule(s) loaded.\n")
    for rule in policy.rules:
        about = f"{rule.match_type}@{rule.match_target}"
        asks = f"{rule.risk_level.name}/{rule.approval.value}"
        sys.stdout.write(visible(f"  - {rule.label}: {about} -> {asks}") + "\n")
    for finding in policy.check():
        sys.stdout.write(visible(f"  {finding}") + "\n")
    return 0


def _simulate(file: str, named: Sequence[str], shape: str) -> int:
    policy = Policy.from_yaml(file)
    decisions = [policy.evaluate(_action(each)) for each in named]
    if shape == "json":
        sys.stdout.write(json.dumps([_told(each) for each in decisions], indent=2) + "\n")
        return 0
    sys.stdout.write(visible(f"Policy: {file} ({len(policy.rules)} rules)") + "\n")
    sys.stdout.write(f"Actions: {len(decisions)}\n\n")
    for number, each in enumerate(decisions, 1):
        action, approval = each.action, each.approval.value.upper()
        said = (
            f"risk={each.risk_level.name}  rule={each.matched_rule}  -> {_OUTCOMES[each.approval]}"
        )
        line = f"  {number}. {action.type}:{action.target}  [{approval}]  {said}"
        sys.stdout.write(visible(line) + "\n")
    counts = [sum(each.approval is wanted for each in decisions) for wanted in Approval]
    auto, asked, blocked = counts
    sys.stdout.write(f"\nSummary: {len(decisions)} actions\n")
    sys.stdout.write(f"  {auto} auto-execute, {asked} need approval, {blocked} blocked\n")
    return 0


_OUTCOMES = {
    Approval.AUTO: "ALLOWED",
    Approval.APPROVE: "NEEDS APPROVAL",
    Approval.BLOCK: "BLOCKED",
}


def _action(text: str) -> Action:
    kind, _, target = text.partition(":")
    return Action(kind, target or "*")


def _told(decision: PolicyDecision) -> dict[str, object]:
    return {
        "action_type": decision.action.type,
        "action_target": decision.action.target,
        "risk_level": decision.risk_level.name.lower(),
        "approval": decision.approval.value,
        "matched_rule": decision.matched_rule,
        "is_allowed": decision.is_allowed,
    }


if __name__ == "__main__":
    sys.exit(main())

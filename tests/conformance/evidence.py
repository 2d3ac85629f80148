"""The published cases of agent-evidence-vectors, put to Remit's own checks.

    python tests/conformance/evidence.py

Each case is played on a guard, an inbox and a log of ours (`evidence_suites`), and what happens
is compared with what the corpus expects: whether it is refused, and for which reason. Cases that
are about something Remit does not have are counted apart. docs/approvals.md and docs/ledger.md
explain by name what does not pass.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import evidence_suites as suites
from evidence_world import Refused

import remit

RELEASES = "policy is asked at the moment of the call; there are no releases to compare afterwards"
HOLDS = "there is no hold that lapses: an approval is used up when its call starts"
AGE = "standing approvals are read from the ledger when they are used; there is no copy that ages"
HOPS = "people give authority to agents; agents hand none on"

NOT_APPLICABLE = {
    "approval-binding": {
        "allow-release-first-served-at-decision": RELEASES,
        "allow-release-within-grace": RELEASES,
        "release-first-served-after-decision": RELEASES,
        "release-retired-beyond-grace": RELEASES,
    },
    "converted-argument-binding": {
        "approver-edited-in-place": "the record has only digests of a call object; ours is frozen",
    },
    "dispatch-fence": {
        "allow-renewed-hold-covers-effect": HOLDS,
        "allow-same-proposal-second-hop": "a call starts once; it needs no second permission",
        "allow-effect-ends-at-expiry": HOLDS,
        "fence-rereads-state": "whoever names no answers has policy asked again, with those found",
        "declared-runtime-exceeds-ttl": HOLDS,
        "tool-outlives-hold": HOLDS,
        "commit-after-own-hold-expired": HOLDS,
    },
    "authority-at-dispatch": {
        "allow-two-hop-narrowing": HOPS,
        "scope-amplified-across-hops": HOPS,
        "allow-evidence-age-at-limit": AGE,
        "stale-authority-evidence": AGE,
        "evidence-age-inconsistent": AGE,
    },
    "anchored-chain": {},
}
"""Cases about what Remit does not have, by suite and name."""

ASKED_ANEW = r"may not .* yet: approval \S+ waits"
FORMAT = r"record 0 (cannot be read|has format)"
REASONS = {
    "contract_id_missing": FORMAT,
    "contract_id_unknown": FORMAT,
    "approval_id_ambiguous": r"is there already",
    "approval_replayed": r"was used by call",
    "key_not_bound": r"not signed by a key|nobody who may answer",
    "principal_mismatch": ASKED_ANEW,
    "event_phase_mismatch": ASKED_ANEW,
    "payload_mismatch": ASKED_ANEW,
    "approval_outside_validity": ASKED_ANEW,
    "comparison_unavailable": r"no decision .* could be had",
    "approval_not_bound_to_shown": r"has answered another question",
    "shown_not_storable": r"more than once|NaN",
    "invalid_call_approved": r"argument 'priority'",
    "modify_not_full_call": r"would approve other arguments",
    "rebuild_not_identical": ASKED_ANEW,
    "shown_not_executed": rf"{ASKED_ANEW}|Expected `\w+`, got",
    "state_changed_between_check_and_fence": r"has been answered anew",
    "concurrent_dispatch_admitted": r"was used by call",
    "grant_revoked": ASKED_ANEW,
    "grant_expired": ASKED_ANEW,
    "dispatch_not_approved": ASKED_ANEW,
    "signature_invalid": r"not those of the checkpoint",
    "anchored_head_missing": r"the log ends after",
    "chain_link_broken": r"not those of the checkpoint|the log ends after",
    "record_from_other_chain": r"not those of the checkpoint",
    "anchored_head_mismatch": r"not those of the checkpoint",
    "anchor_signature_invalid": r"not by a trusted key",
    "records_after_last_anchor": r"behind the last checkpoint",
}
"""What Remit says where the corpus has one of its reasons."""

REFUSALS = (remit.Blocked, remit.Conflict, remit.NotData, Refused)


@dataclass(frozen=True)
class Outcome:
    """What became of one case."""

    suite: str
    case: str
    passed: bool | None
    """None: it is about something Remit does not have."""
    said: str


def run(suite: str) -> list[Outcome]:
    """Every case of *suite*."""
    corpus = Path(str(files("agent_evidence_vectors"))) / "corpora" / f"vectors-{suite}"
    manifest = json.loads((corpus / "MANIFEST.json").read_text())
    return [outcome(suite, one, corpus, manifest) for one in manifest["vectors"]]


def outcome(suite: str, vector: dict[str, Any], corpus: Path, manifest: dict[str, Any]) -> Outcome:
    """What becomes of one case, compared with what the corpus expects."""
    name, folder = vector["id"], corpus / vector["path"]
    if name in NOT_APPLICABLE[suite]:
        return Outcome(suite, name, None, NOT_APPLICABLE[suite][name])
    play = getattr(suites, suite.replace("-", "_"))
    record = next(one for one in ("record.json", "case.json") if (folder / one).exists())
    refused, said = False, ""
    try:
        said = play(json.loads((folder / record).read_text()), folder, manifest.get("contractId"))
    except REFUSALS as refusal:
        refused, said = True, str(refusal)
    expected = vector["expected"]
    same = refused == (expected["decision"] in {"deny", "rejected"})
    reason = REASONS.get(expected["reason"], "")
    return Outcome(suite, name, same and bool(re.search(reason, said or "")), said or "allowed")


def report(outcomes: list[Outcome]) -> str:
    """The counts of each suite, what did not pass, and what was not applicable."""
    lines = []
    for suite in NOT_APPLICABLE:
        mine = [one for one in outcomes if one.suite == suite]
        counts = Counter(one.passed for one in mine)
        lines.append(
            f"{suite}: {len(mine)} cases, {counts[True]} passed, {counts[False]} failed, "
            f"{counts[None]} not applicable"
        )
        words = {False: "failed", None: "not applicable"}
        lines += [
            f"  {words[one.passed]}: {one.case}: {one.said}" for one in mine if not one.passed
        ]
    return "\n".join(lines)


def run_all() -> list[Outcome]:
    """Every case of the five suites."""
    return [one for suite in NOT_APPLICABLE for one in run(suite)]


if __name__ == "__main__":
    found = run_all()
    print(report(found))
    if "-v" in sys.argv:
        print("\n".join(f"{one.suite} {one.case}: {one.said}" for one in found if one.passed))
    sys.exit(any(one.passed is False for one in found))

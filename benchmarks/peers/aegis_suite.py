"""Runs Aegis' own published tests against our facade, and says what differs and why.

    python benchmarks/peers/aegis_suite.py

Every failure has to be a difference that is explained below; the status is 1 if one is not, or
fewer than 85 % pass. How it is done is in `suite.py`.
"""

from __future__ import annotations

import sys

from suite import Suite, main

MAPPED = """
import importlib, pkgutil, sys, types
import remit.compat.aegis as ours

sys.modules["aegis"] = ours
for found in pkgutil.walk_packages(ours.__path__, "remit.compat.aegis."):
    if not found.name.endswith("__main__"):
        sys.modules[found.name.removeprefix("remit.compat.")] = importlib.import_module(found.name)
"""

NOT_OURS = {
    "test_openai_agents_adapter": {
        "import_guard": "a private function; the decorator needs no SDK to be awaited",
    },
}
_MISTAKE = "a mistake is a PolicyError that tells the place, not one of Python's own errors"
_WORDS = "`semantic` is refused: which words it means nobody can check; `param_matches` names them"
ON_PURPOSE = {
    "test_policy_robustness": {
        "raises_type_error": _MISTAKE,
        "syntax_error": _MISTAKE,
        "list_content": _MISTAKE,
        "invalid_risk_level": _MISTAKE,
        "invalid_approval": _MISTAKE,
    },
    "test_conditions": {"unknown_condition_denied": "an unknown condition is a PolicyError"},
    "test_edge_cases": {"invalid_regex": "an expression that is none is a PolicyError"},
    "test_builder": {
        "empty_builder": "the rules are a tuple: a policy does not change",
        "which words are meant": _WORDS,
    },
}
"""Why a test does not pass, by a part of its name or of what it said."""

SUITE = Suite(
    package="agent-aegis==1.0.0",
    files=(
        "action", "result_str", "policy", "policy_robustness", "conditions", "edge_cases",
        "plan_rules", "builder", "runtime", "engine_extended", "features", "concurrency", "audit",
        "audit_export", "audit_robustness", "approval", "approval_cli", "watcher",
        "openai_agents_adapter",
    ),
    mapped=MAPPED,
    not_ours=NOT_OURS,
    on_purpose=ON_PURPOSE,
    beside=("conftest",),
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(SUITE))

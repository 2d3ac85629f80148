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

NOT_OURS = {}
ON_PURPOSE = {}

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

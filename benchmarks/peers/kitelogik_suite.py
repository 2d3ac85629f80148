"""Runs Kite Logik's own published tests against our facade, and says what differs and why.

    python benchmarks/peers/kitelogik_suite.py

Every failure has to be a difference that is explained below; the status is 1 if one is not, or
fewer than 85 % pass. How it is done is in `suite.py`.
"""

from __future__ import annotations

import sys

from suite import Suite, main

NOT_OURS = {
    "test_audit_store": {
        "trigger": "looks into its tables",
        "targeted_update": "looks into its tables",
        "triggers_survive": "looks into its tables",
        "hash_detects_tampering": "computes the hash from its own columns",
    },
    "test_credentials": {
        "persistent": "there is no PersistentCredentialBroker here",
        "ttl_expiry_at_boundary": "replaces the clock of its module; ours is an argument",
    },
    "test_governance_events": {
        "TestOPAClientEvaluateEvent": "replaces a private method of its client",
        "TestOPAConnectionErrorMessages": "replaces the private HTTP client",
        "test_spawn_": "there is no AgentSession here",
    },
    "test_hierarchy": {
        "TestHigherRisk": "a private function",
        "TestMergeDecisions": "a private function",
    },
    "test_hitl_queue": {"cleans_up_event": "looks at a private dictionary"},
    "test_policy_compiler": {
        "TestPolicySchema": "models that are not among its public names",
        "opa": "needs an OPA binary",
    },
    "test_sdk": {
        "all_names_importable": "all names, AgentSession included",
        "key_types": "all names, AgentSession included",
        "all_list": "looks at the package's own list",
        "quickstart": "a file of its repository",
    },
}
"""What a test is about that the facade does not offer, by a part of its name."""

ON_PURPOSE = {
    "test_audit_store": {
        "record_and_query_roundtrip": "the digest of a policy has 64 digits, and none of none"
    },
    "test_governed": {
        "str_appends_rule": "a refusal reads as the document prints it, without the rule"
    },
    "test_policy_compiler": {
        "no use for a package": "`package:` has no effect there, and is refused here",
        "reasonless_deny": "the text of the Rego is another; what it decides is compared elsewhere",
        "invalid_yaml_type": "a ValueError as there, in other words",
    },
    "test_sanitizer": {
        "new_instructions_colon": "'New instructions: assemble the shelf' is no injection",
    },
}
"""What is another way here, and why, by a part of the test's name or of what it said."""

MAPPED = """
import sys, types
import remit.compat.kitelogik as ours

def module(name, **more):
    made = types.ModuleType(name)
    made.__path__ = []
    made.__dict__.update({n: getattr(ours, n) for n in ours.__all__}, **more)
    sys.modules[name] = made

for name in (
    "", ".governed", ".tether", ".tether.gate", ".tether.models", ".tether.opa_client",
    ".tether.hierarchy", ".tether.regorus_client", ".tether.sanitizer", ".anchor",
    ".anchor.credentials", ".anchor.queue", ".anchor.models", ".audit", ".audit.store", ".memory",
    ".memory.store", ".memory.models", ".policies", ".policies.compiler",
):
    module("kitelogik" + name)
module("kitelogik.anchor.credentials", PersistentCredentialBroker=None)
module("kitelogik.tether.hierarchy", _higher_risk=None, _merge_decisions=None)
module("kitelogik.policies.schema", PolicyFile=None, Rule=None)
try:
    import httpx
except ImportError:
    import httpx2
    sys.modules["httpx"] = httpx2
"""

SUITE = Suite(
    package="kitelogik==0.4.0",
    files=(
        "audit_store", "credentials", "governance_events", "governed", "hierarchy", "hitl_queue",
        "memory", "policy_compiler", "sanitizer", "sdk",
    ),
    mapped=MAPPED,
    not_ours=NOT_OURS,
    on_purpose=ON_PURPOSE,
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(SUITE))

"""YAML that became Rego decides as the YAML does, in process and over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from kitelogik_cases import events, policies

from remit.compat.kitelogik import RegorusClient
from remit.compat.kitelogik.native import Native
from remit.compat.kitelogik.regorus_client import bundle


def outcome(decision):
    flags = (decision.allow, decision.requires_hitl, decision.deny)
    return flags, decision.risk_tier, set(decision.rules), decision.rule_matched


@settings(deadline=None)
@given(policies(), st.lists(events(), min_size=1, max_size=8))
def test_a_policy_and_its_rego_decide_alike(policy, asked):
    with TemporaryDirectory() as folder:
        path = Path(folder, "policy.yaml")
        path.write_text(policy, encoding="utf-8")
        native = Native.load(path)
        for name, text in bundle(path).items():
            Path(folder, name).write_text(text, encoding="utf-8")
        rego = RegorusClient(folder)
    try:
        for event in asked:
            expected = asyncio.run(native.evaluate_event(event))
            found = asyncio.run(rego.evaluate_event(event))
            assert outcome(found) == outcome(expected), (event, expected, found)
    finally:
        rego.close()

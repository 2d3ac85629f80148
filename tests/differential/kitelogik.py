"""Compares policies of Kite Logik, decided on as YAML, with the Rego they become.

python tests/differential/kitelogik.py 2000
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent))

from kitelogik_cases import events, policies

from remit.compat.kitelogik import RegorusClient
from remit.compat.kitelogik.native import Native
from remit.compat.kitelogik.regorus_client import bundle


def outcome(decision):
    flags = (decision.allow, decision.requires_hitl, decision.deny)
    return flags, decision.risk_tier, sorted(decision.rules), decision.rule_matched


def compare(count: int, seen: Counter) -> None:
    """Fails at the first policy of *count* that decides otherwise as Rego."""

    @settings(
        deadline=None,
        max_examples=count,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=count < 100,
        database=None,
    )
    @given(policies(), st.lists(events(), min_size=1, max_size=8))
    def agree(policy, asked):
        with TemporaryDirectory() as folder:
            path = Path(folder, "policy.yaml")
            path.write_text(policy, encoding="utf-8")
            native = Native.load(path)
            for name, text in bundle(path).items():
                Path(folder, name).write_text(text, encoding="utf-8")
            rego = RegorusClient(folder)
        for event in asked:
            expected = outcome(asyncio.run(native.evaluate_event(event)))
            found = outcome(asyncio.run(rego.evaluate_event(event)))
            assert found == expected, f"{policy}\n{event}\nas YAML {expected}\nas Rego {found}"
            seen[expected[0]] += 1
        rego.close()

    agree()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("count", type=int, nargs="?", default=2000, help="how many policies")
    seen: Counter = Counter()
    count = parser.parse_args().count
    compare(count, seen)
    allowed, asked, denied = (seen[flags] for flags in FLAGS)
    print(f"{count:,} policies: {allowed:,} allowed, {asked:,} asked, {denied:,} denied, all alike")


FLAGS = ((True, False, False), (False, True, False), (False, False, True))

if __name__ == "__main__":
    main()

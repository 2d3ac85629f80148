"""Fuzz policies and conditions, half the time each: `python campaign.py --minutes 10`.

Prints each kind of finding once, and for either the slowest input by processor time. Nothing
but our errors may come out, and no input may take longer than `fuzzing.LONGEST`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

import cel
import policies
from fuzzing import fuzz


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    seconds = options.minutes * 60 / 2
    findings = 0
    for name, fuzzer in (("policies", policies), ("conditions", cel)):
        print(name)
        findings += fuzz(fuzzer, seconds, options.seed)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

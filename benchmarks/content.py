"""How much the scanners find, how often they are wrong, and how fast they are, beside their peers.

    python benchmarks/content.py [--egress FOLDER] [--peers execlave,aegis,waxell,datafog]

The sets are fetched from the package index on the first run. Ends with status 1 if more
than 0.5 % of the ordinary texts are reported, or if an adversarial text takes more than
its share of time.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from environments import python_of
from scanning import ordinary, passes, sets
from scanning.adversarial import SHAPES
from scanning.peers import PEERS
from scanning.proportion import shown
from scanning.sets import Case, TestSet

HERE = Path(__file__).parent
MOST_FALSE = 0.005
STEEPEST = 3.0
"""Twice the text may take this much longer; four times would be quadratic."""


def ask(peer: str, **task: object) -> dict | str:
    """What *peer* answers, or why it cannot."""
    try:
        python = python_of(peer)
    except subprocess.CalledProcessError as error:
        return f"could not be installed: {error}"
    done = subprocess.run(
        [python, HERE / "scanning/worker.py"],
        input=json.dumps({"peer": peer, **task}),
        capture_output=True, text=True, check=False, timeout=3600,
    )  # fmt: skip
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip()[-300:]


def score(peer: str, test: TestSet, kinds: list[list[str]]) -> str:
    wanted = PEERS[peer][1] & set(test.kinds)
    if not wanted:
        return "does not look for it"
    flagged = [bool(wanted & set(found)) for found in kinds]
    positives = [hit for hit, case in zip(flagged, test.cases, strict=True) if case.kinds]
    negatives = [hit for hit, case in zip(flagged, test.cases, strict=True) if not case.kinds]
    recall = shown(sum(positives), len(positives))
    return f"found {recall:32} false {shown(sum(negatives), len(negatives))}"


def groups(test: TestSet, kinds: list[list[str]]) -> None:
    """Where a set has groups: what Remit found of each."""
    totals, hits = Counter(), Counter()
    for case, found in zip(test.cases, kinds, strict=True):
        if case.kinds and case.group:
            totals[case.group] += 1
            hits[case.group] += bool(set(test.kinds) & set(found))
    for group, total in sorted(totals.items()):
        print(f"      {group:24} {shown(hits[group], total)}")


def quality(tests: list[TestSet], peers: list[str]) -> float:
    """Prints every set; returns Remit's share of ordinary texts that are reported."""
    texts = [case.text for test in tests for case in test.cases]
    share = 0.0
    answered = {peer: ask(peer, texts=texts) for peer in peers}
    at = 0
    for test in tests:
        print(f"\n{test.name}: {test.source}; {', '.join(test.kinds)}")
        for peer, answer in answered.items():
            if isinstance(answer, str):
                print(f"  {peer:10} skipped: {answer}")
                continue
            kinds = answer["kinds"][at : at + len(test.cases)]
            print(f"  {peer + ' ' + answer['version']:18} {score(peer, test, kinds)}")
            if peer == "remit":
                groups(test, kinds)
            if peer == "remit" and test.name.startswith("ordinary"):
                share = sum(map(bool, kinds)) / len(kinds)
        at += len(test.cases)
    return share


def ordinary_set(fake: object) -> TestSet:
    cases = [
        Case(text, frozenset(), sort)
        for sort, found in ordinary.texts(fake).items()
        for text in found
    ]
    kinds = ("pii", "secret", "injection")
    return TestSet("ordinary", f"Faker, seed {ordinary.SEED}", kinds, tuple(cases))


def speed(name: str, documents: list[str], peers: list[str]) -> None:
    """Prints what each takes for those of *documents* in which Remit finds nothing."""
    from remit.content import scanner

    everything = scanner()
    clean = [text for text in documents if not everything.find(text)]
    print(f"\nMB/s on {len(clean)} clean texts of 2 kB, the last 500 timed: {name}")
    for peer in ("floor", "pii", "secret", "injection", *peers):
        ours = peer not in PEERS or peer == "remit"
        warm, timed = (clean[:-500], clean[-500:]) if ours else (clean[:25], clean[-75:])
        answer = ask(peer, timed=timed, warm=warm)
        if isinstance(answer, str):
            print(f"  {peer:23} skipped: {answer}")
        else:
            print(f"  {LABELS.get(peer, peer):23} {2000 / answer['seconds'] / 1e6:8.1f}")


LABELS = {
    "floor": "floor: RE2's passes",
    "pii": "remit, personal data",
    "secret": "remit, secrets",
    "injection": "remit, injection",
    "remit": "remit, all three",
}


def growth() -> bool:
    """Whether twice the text takes about twice as long, for texts made to be slow."""
    from remit.content import scanner

    find = scanner().find
    sizes = (125_000, 250_000, 500_000, 1_000_000)
    print(
        "\nms for adversarial texts of " + ", ".join(f"{size:,}" for size in sizes) + " characters"
    )
    linear = True
    for name, make in SHAPES.items():
        taken = []
        for size in sizes:
            text = make(size)
            rounds = []
            for _ in range(2):
                start = time.perf_counter()
                find(text)
                rounds.append(time.perf_counter() - start)
            taken.append(min(rounds))
        steepness = (taken[-1] / taken[0]) ** (1 / 3)
        good = steepness < STEEPEST or taken[-1] < 0.1
        linear = linear and good
        print(f"  {name:20}" + "".join(f"{each * 1000:9.1f}" for each in taken)
              + f"   x{steepness:.2f} per doubling" + " NOT LINEAR" * (not good))  # fmt: skip
    return linear


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--egress", type=Path, default=HERE.parents[1] / "shared/conformance/egress"
    )
    parser.add_argument("--peers", default="execlave,aegis,waxell,datafog")
    parser.add_argument("--only", choices=["quality", "speed", "passes", "growth"], default=None)
    options = parser.parse_args()
    peers = ["remit", *filter(None, options.peers.split(","))]
    print(f"Python {platform.python_version()} on {platform.machine()}")
    fake = sets.faker()
    failed = False
    if options.only in {None, "quality"}:
        tests = [ordinary_set(fake), sets.personal(fake), *sets.injections()]
        if options.egress.is_dir():
            tests.append(sets.egress(options.egress))
        else:
            print(f"egress skipped: there is no folder {options.egress}")
        share = quality(tests, peers)
        print(f"\nordinary texts reported: {100 * share:.2f} %, at most {100 * MOST_FALSE} %")
        failed = share > MOST_FALSE
    if options.only in {None, "speed"}:
        speed("sentences", list(ordinary.documents(fake, logs=False)), peers)
        speed("sentences and log lines", list(ordinary.documents(fake)), peers)
    if options.only in {None, "passes"}:
        passes.show(fake)
    if options.only in {None, "growth"}:
        failed = not growth() or failed
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

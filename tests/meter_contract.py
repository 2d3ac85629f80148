"""What every meter promises. A module of tests brings fixtures `meter` and `clock`."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from remit.amounts import ONE, millionths
from remit.canonical import Frozen
from remit.meters.calendar import PARTS, SECOND
from remit.model import ApprovalTerms, Claim, Exceeded, Period, Reservation, Share

NOON = int(datetime(2026, 5, 1, 12, tzinfo=ZoneInfo("UTC")).timestamp()) * SECOND
HOUR = Period(3600)
SHARE = Share("p/spend", '["a"]')


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


def amounts(**units: float) -> Frozen:
    return Frozen({unit: millionths(amount) for unit, amount in units.items()})


def claim(share=SHARE, period=HOUR, takes=None, **most) -> Claim:
    each_call = {unit: ONE for unit in most if unit in {"calls", "concurrent"}}
    return Claim(share, amounts(**most), Frozen(each_call | dict(takes or {})), period)


def done(answer):
    """What a meter answered, when it has."""
    return answer.result(30) if isinstance(answer, Future) else answer


calls = iter(f"c-{n}" for n in range(10**9))


def reserve(meter, *claims, call=None) -> Reservation | Exceeded:
    return done(meter.reserve(call or next(calls), claims))


def granted(meter, *claims, call=None) -> Reservation:
    found = reserve(meter, *claims, call=call)
    assert isinstance(found, Reservation), str(found)
    return found


def settle(meter, reservation, *used) -> None:
    # Nobody waits for it, and whatever is asked next comes after it.
    meter.settle(reservation, used)


def release(meter, reservation) -> None:
    meter.release(reservation)


def used(meter, share=SHARE) -> dict:
    return {unit: amount for unit, amount in done(meter.used(share)).items() if amount}


def test_what_is_set_aside_cannot_be_set_aside_again(meter):
    twice = claim(calls=2)
    granted(meter, twice)
    granted(meter, twice)
    refused = reserve(meter, twice)
    assert (refused.unit, refused.used) == ("calls", 2 * ONE)
    assert str(refused) == "the limit 'p/spend' allows 2 calls in 1h: 2 are used"
    assert used(meter) == amounts(calls=2)


def test_all_of_it_is_set_aside_or_nothing(meter):
    other = Share("p/other")
    granted(meter, claim(other, calls=1))
    assert isinstance(reserve(meter, claim(calls=5), claim(other, calls=1)), Exceeded)
    assert used(meter) == {}


def test_for_one_call_things_are_set_aside_once(meter):
    whole = claim(takes=amounts(cost=2), calls=5, cost=5)
    first, again = (granted(meter, whole, call="twice") for _ in range(2))
    assert first == again
    assert used(meter) == amounts(calls=1, cost=2)
    settle(meter, first, amounts(calls=1, cost=1))
    granted(meter, whole, call="twice")
    assert used(meter) == amounts(calls=2, cost=3)


def test_shares_are_counted_apart(meter):
    granted(meter, claim(calls=1))
    granted(meter, claim(Share("p/spend", '["b"]'), calls=1))
    granted(meter, claim(Share("q/spend", '["a"]'), calls=1))
    assert isinstance(reserve(meter, claim(calls=1)), Exceeded)


def test_what_was_used_counts_in_place_of_what_was_expected(meter):
    costly = claim(takes=amounts(cost=2), cost=5)
    first = granted(meter, costly)
    assert used(meter) == amounts(cost=2)
    settle(meter, first, amounts(cost=0.25))
    assert used(meter) == amounts(cost=0.25)
    granted(meter, costly)
    granted(meter, costly)
    refused = reserve(meter, costly)
    assert str(refused) == (
        "the limit 'p/spend' allows 5 cost in 1h: 4.25 are used, and this call takes 2"
    )


def test_more_than_was_left_is_counted_as_well(meter):
    open_end = claim(cost=1)
    first, second = granted(meter, open_end), granted(meter, open_end)
    settle(meter, first, amounts(cost=0.7))
    settle(meter, second, amounts(cost=0.7))
    assert used(meter) == amounts(cost=1.4)
    assert isinstance(reserve(meter, open_end), Exceeded)


def test_who_cannot_say_what_a_call_will_use_begins_while_anything_is_left(meter):
    open_end = claim(cost=1)
    settle(meter, granted(meter, open_end), amounts(cost=0.999999))
    settle(meter, granted(meter, open_end), amounts(cost=0.000001))
    assert isinstance(reserve(meter, open_end), Exceeded)


def test_sums_are_exact(meter):
    tenth = claim(takes=amounts(cost=0.1), cost=1)
    for _ in range(10):
        settle(meter, granted(meter, tenth), amounts(cost=0.1))
    assert used(meter) == {"cost": ONE}
    assert isinstance(reserve(meter, tenth), Exceeded)


def test_what_did_not_start_gives_everything_back(meter):
    whole = claim(takes=amounts(cost=3), calls=1, cost=3, concurrent=1)
    release(meter, granted(meter, whole))
    assert used(meter) == {}
    granted(meter, whole)


def test_only_what_the_limit_counts_is_counted(meter):
    settle(meter, granted(meter, claim(calls=9)), amounts(calls=1, cost=5))
    assert used(meter) == amounts(calls=1)


def test_a_call_under_way_takes_a_place_until_it_ends(meter, clock):
    places = claim(period=Period(), concurrent=2)
    first = granted(meter, places)
    granted(meter, places)
    clock.pass_by(5)
    refused = reserve(meter, places)
    assert str(refused) == "the limit 'p/spend' allows 2 calls at once: 2 are under way"
    settle(meter, first, amounts())
    granted(meter, places)


def test_what_is_used_comes_back_after_the_period_and_not_before(meter, clock):
    one = claim(calls=1)
    settle(meter, granted(meter, one), amounts(calls=1))
    clock.pass_by(3600)
    assert isinstance(reserve(meter, one), Exceeded)
    clock.pass_by(3600 / PARTS)
    granted(meter, one)


def test_a_call_counts_from_when_it_began_and_what_it_used_from_when_that_is_known(meter, clock):
    both = claim(calls=5, cost=5)
    slow = granted(meter, both)
    clock.pass_by(3500)
    settle(meter, slow, amounts(calls=1, cost=2))
    assert used(meter) == amounts(calls=1, cost=2)
    clock.pass_by(200)
    assert used(meter) == amounts(cost=2)
    clock.pass_by(3600)
    assert used(meter) == {}


def test_what_is_set_aside_counts_as_long_as_the_call_is_under_way(meter, clock):
    whole = claim(period=Period(1), takes=amounts(cost=1), cost=1)
    slow = granted(meter, whole)
    clock.pass_by(10)
    assert isinstance(reserve(meter, whole), Exceeded)
    settle(meter, slow, amounts(cost=1))
    assert isinstance(reserve(meter, whole), Exceeded)
    clock.pass_by(2)
    granted(meter, whole)


@pytest.mark.parametrize(
    ("period", "ends"),
    [
        (Period(calendar="day"), "2026-05-02T00:00:00+00:00"),
        (Period(calendar="day", zone="Europe/Berlin"), "2026-05-02T00:00:00+02:00"),
        # The day before has 23 hours, and 25.
        (Period(calendar="day", zone="Europe/Berlin"), "2026-03-30T00:00:00+02:00"),
        (Period(calendar="day", zone="Europe/Berlin"), "2026-10-26T00:00:00+01:00"),
        # There is no midnight in that place on that day.
        (Period(calendar="day", zone="America/Santiago"), "2026-09-06T01:00:00-03:00"),
        (Period(calendar="week"), "2026-05-04T00:00:00+00:00"),
        (Period(calendar="month", zone="+05:30"), "2027-01-01T00:00:00+05:30"),
    ],
)
def test_a_calendar_period_ends_when_its_page_is_turned(meter, clock, period, ends):
    one, end = claim(period=period, calls=1), int(datetime.fromisoformat(ends).timestamp())
    clock.now = (end - 22 * 3600) * SECOND
    settle(meter, granted(meter, one), amounts(calls=1))
    clock.now = end * SECOND - 1
    refused = reserve(meter, one)
    assert str(refused) == f"the limit 'p/spend' allows 1 calls a {period.calendar}: 1 are used"
    clock.now = end * SECOND
    granted(meter, one)


def test_a_limit_that_does_not_bind_counts_and_says_when_it_is_exceeded(meter):
    one = claim(calls=1)
    granted(meter, one)
    for free in ({"lifted": True}, {"monitored": True}):
        loose = Claim(one.share, one.most, one.takes, one.period, **free)
        (beyond,) = granted(meter, loose).exceeded
        assert beyond.claim == loose
    assert used(meter) == amounts(calls=3)


def test_a_limit_that_nobody_lifts_is_told_before_one_that_may_be_lifted(meter):
    asks, denies = Share("p/asks"), Share("p/denies")
    liftable = Claim(asks, amounts(calls=1), amounts(calls=1), HOUR, ApprovalTerms())
    outright = claim(denies, calls=1)
    granted(meter, liftable, outright)
    assert reserve(meter, liftable, outright).claim == outright
    assert reserve(meter, liftable).claim == liftable


def test_nobody_has_used_anything_of_a_share_that_nobody_asked_for(meter):
    assert used(meter, Share("p/none", "")) == {}


def test_keys_may_be_any_text(meter):
    strange = Share("p/spend", '["it\'s; DROP TABLE used --","\\u0000","ключ","\U0001f511"]')
    granted(meter, claim(strange, calls=1))
    assert used(meter, strange) == amounts(calls=1)
    assert isinstance(reserve(meter, claim(strange, calls=1)), Exceeded)


def test_threads_together_are_never_given_more_than_there_is(meter):
    limited = claim(takes=amounts(cost=0.5), cost=20)
    granted_to: list[Reservation] = []
    ready = threading.Barrier(8)

    def work(thread):
        ready.wait()
        for n in range(15):
            found = reserve(meter, limited, call=f"t-{thread}-{n}")
            if isinstance(found, Reservation):
                granted_to.append(found)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted_to) == 40
    assert used(meter) == amounts(cost=20)


def test_what_was_used_is_told_for_each_claim(meter):
    reservation = granted(meter, claim(calls=5))
    with pytest.raises(ValueError, match=r"claims|argument"):
        meter.settle(reservation, ())
    settle(meter, reservation, amounts(calls=1))
    assert used(meter) == amounts(calls=1)

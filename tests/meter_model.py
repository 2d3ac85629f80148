"""Meters beside a naive one: a list of every use and its moment, added up each time."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st
from meter_contract import Clock, amounts, claim, done, release, settle, used

from remit.amounts import ONE
from remit.meters.calendar import PARTS, SECOND
from remit.model import Exceeded, Period, Reservation, Share

SECONDS = 120
PERIOD = Period(SECONDS)
SHARES = [Share("p/one", ""), Share("p/two", '["a"]'), Share("p/two", '["b"]')]
MOST = {"p/one": {"calls": 4, "cost": 3}, "p/two": {"cost": 2, "concurrent": 2}}


@dataclass
class Naive:
    """Everything that was ever used, and what is set aside."""

    clock: Clock
    uses: list[tuple[Share, str, int, int]] = field(default_factory=list)
    aside: dict[str, list[tuple[Share, str, int]]] = field(default_factory=dict)

    def used(self, share, unit, seconds):
        since = self.clock.now - seconds * SECOND
        spent = sum(
            n for of, each, n, at in self.uses if (of, each) == (share, unit) and at > since
        )
        waiting = [each for taken in self.aside.values() for each in taken]
        return spent + sum(n for of, each, n in waiting if (of, each) == (share, unit))

    def bounds(self, share, unit):
        """How much must count, and how much may: the oldest uses count a sixtieth longer."""
        return (
            self.used(share, unit, SECONDS),
            self.used(share, unit, SECONDS + SECONDS / PARTS + 1e-6),
        )

    def reserve(self, call, claims):
        self.aside[call] = []
        for each in claims:
            for unit, amount in each.takes.items():
                if unit == "calls":
                    self.uses.append((each.share, unit, amount, self.clock.now))
                else:
                    self.aside[call].append((each.share, unit, amount))

    def settle(self, call, claims, spent):
        del self.aside[call]
        for each, amount in zip(claims, spent, strict=True):
            self.uses.append((each.share, "cost", amount, self.clock.now))

    def release(self, call, claims, began):
        del self.aside[call]
        for each in claims:
            if "calls" in each.takes:
                self.uses.remove((each.share, "calls", ONE, began))


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("reserve"),
            st.lists(st.integers(0, 2), min_size=1, max_size=2, unique=True),
            st.sampled_from([0, 0.5, 1.25]),
        ),
        st.tuples(st.just("settle"), st.integers(0, 9), st.sampled_from([0, 0.1, 1, 2.5])),
        st.tuples(st.just("release"), st.integers(0, 9), st.none()),
        st.tuples(
            st.just("wait"), st.sampled_from([0.5, 1, 30, 61, 119, 120, 122, 300]), st.none()
        ),
    ),
    max_size=40,
)


def walk(meters, clock, taken, prefix=""):
    """Take the same steps with all *meters* and a naive one, which they must agree with."""
    walking = _Walk(meters, Naive(clock), prefix)
    for number, (step, what, how) in enumerate(taken):
        if step == "wait":
            clock.pass_by(what)
        elif step == "reserve":
            walking.reserve(f"{prefix}{number}", what, how)
        elif walking.under_way:
            walking.end(what, how if step == "settle" else None)
        walking.compare()


class _Walk:
    def __init__(self, meters, naive, prefix):
        self.meters = meters
        self.naive = naive
        self.shares = [Share(prefix + share.limit, share.key) for share in SHARES]
        self.under_way = []

    def reserve(self, call, which, cost):
        # One limit is claimed once by a call.
        chosen = {SHARES[n].limit: n for n in which}.items()
        claims = tuple(
            claim(self.shares[n], PERIOD, amounts(cost=cost), **MOST[limit]) for limit, n in chosen
        )
        answers = [done(meter.reserve(call, claims)) for meter in self.meters]
        assert len({str(answer) for answer in answers}) == 1
        _is_right(answers[0], claims, self.naive)
        if isinstance(answers[0], Reservation):
            self.naive.reserve(call, claims)
            self.under_way.append((call, answers, claims, self.naive.clock.now))

    def end(self, which, cost):
        call, reservations, claims, began = self.under_way.pop(which % len(self.under_way))
        for meter, reservation in zip(self.meters, reservations, strict=True):
            if cost is None:
                release(meter, reservation)
            else:
                settle(meter, reservation, *(amounts(calls=1, cost=cost),) * len(claims))
        if cost is None:
            self.naive.release(call, claims, began)
        else:
            self.naive.settle(call, claims, [amounts(cost=cost)["cost"]] * len(claims))

    def compare(self):
        for share in self.shares:
            counted = [used(meter, share) for meter in self.meters]
            assert all(each == counted[0] for each in counted)
            for unit in ("calls", "cost", "concurrent"):
                least, most = self.naive.bounds(share, unit)
                assert least <= counted[0].get(unit, 0) <= most


def _is_right(answer, claims, naive):
    if isinstance(answer, Exceeded):
        of, unit = answer.claim, answer.unit
        _, counted = naive.bounds(of.share, unit)
        takes = of.takes.get(unit, 0)
        assert counted + takes > of.most[unit] or counted >= of.most[unit]
        return
    for each in claims:
        for unit, most in each.most.items():
            least, _ = naive.bounds(each.share, unit)
            takes = each.takes.get(unit, 0)
            assert least + takes <= most
            assert takes or least < most

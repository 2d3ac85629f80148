"""Payloads that go from a ledger in memory, by the rules that `erasing` has for databases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

import msgspec

from remit.audit import erasure, rotation
from remit.audit.case import Case
from remit.audit.record import ENDS, Kind, Record
from remit.ledgers.retention import Erasure, Retention
from remit.model import Action, Decision, Request, Session, Subject

MOST_AT_ONCE = 20_000
"""Payloads that go with one record of it."""

OF_CALLS = {Kind.REFUSED, Kind.ASKED, Kind.ANSWERED, Kind.STARTED, *ENDS}
KEPT = {rotation.ACTION, erasure.ACTION}


class Chosen(msgspec.Struct, frozen=True):
    """The records whose payloads are asked for, by what is to become of them."""

    erasable: list[int]
    too_young: int
    under_way: int


class Held(msgspec.Struct, frozen=True):
    """What a ledger has in memory."""

    records: Sequence[Record]
    erased: Collection[int]
    """The records whose payloads are gone already."""
    cases: Mapping[str, Case]


def choose(held: Held, asked: Erasure, retention: Retention, now: int) -> Chosen:
    """What *asked* means at the moment *now*, in Unix nanoseconds."""
    before = _ago(now, asked.older_than or timedelta(0))
    youngest = _ago(now, retention.minimum)
    busy = _busy(held, now, abandoned=asked.abandoned)
    calls = {one.call for one in held.records if one.kind in OF_CALLS and _is_meant(one, asked)}
    erasable, too_young, under_way = [], 0, 0
    for index, record in enumerate(held.records):
        of_call = record.kind in OF_CALLS
        if index in held.erased or record.at // 1000 >= before or _says_what_remit_is(record):
            continue
        if not (_is_meant(record, asked) or (of_call and record.call in calls)):
            continue
        if record.at // 1000 >= youngest:
            too_young += 1
        elif of_call and record.call in busy:
            under_way += 1
        else:
            erasable.append(index)
    return Chosen(erasable, too_young, under_way)


def emptied(record: Record) -> Record:
    """*record* with what its leaf says, and nothing of its payload."""
    request, decision = record.request, record.decision
    run = {"id": request.run["id"]} if "id" in request.run else {}
    return Record(
        record.kind,
        record.call,
        record.at,
        Request(
            Subject(request.subject.type, request.subject.id),
            Action(request.action.name),
            session=Session(request.session.id),
            run=run,
        ),
        None if decision is None else _bare(decision),
    )


def _bare(decision: Decision) -> Decision:
    return Decision(
        decision.effect, "", decision.rules, risk=decision.risk, policy=decision.policy,
        monitored=decision.monitored,
    )  # fmt: skip


def _is_meant(record: Record, asked: Erasure) -> bool:
    """Whether all of *asked* is true of this record, its age aside."""
    request = record.request
    subject, user = str(request.subject), request.session.user
    # The payload of an end names nobody; those of its call do.
    acts_for = user == asked.user and record.kind not in ENDS
    return (
        asked.subject in {None, subject}
        and asked.session in {None, request.session.id}
        and (asked.user is None or acts_for or subject == f"user:{asked.user}")
    )


def _says_what_remit_is(record: Record) -> bool:
    return record.kind is Kind.CHANGED and record.request.action.name in KEPT


def _busy(held: Held, now: int, *, abandoned: bool) -> set[str]:
    """The calls that are under way: those that people may yet answer, or that have not ended."""
    waiting = (one for one in held.cases.values() if not (one.closed or one.lapsed(now)))
    busy = {one.id for one in waiting}
    if abandoned:
        return busy
    last: dict[str, Kind] = {}
    running: set[str] = set()
    for record in held.records:
        last[record.call] = record.kind
        if record.kind is Kind.STARTED:
            running.add(record.call)
        elif record.kind in ENDS:
            running.discard(record.call)
    broke_off = {call for call, kind in last.items() if kind is Kind.ASKED}
    # What an inbox knows of is over when the inbox says so.
    return busy | running | (broke_off - held.cases.keys())


def _ago(now: int, age: timedelta) -> int:
    return now // 1000 - age // timedelta(microseconds=1)

"""Who acts here, for whom, and under which facts: bound to the context, not passed around."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import wraps
from typing import Any, Generic, NamedTuple, ParamSpec, Protocol, TypeVar

import msgspec

from remit.audit.record import Record
from remit.canonical import NOTHING, Frozen, freeze
from remit.model import NO_RESOURCE, NO_SESSION, NOBODY, Action, Request, Resource, Session, Subject

P = ParamSpec("P")
T = TypeVar("T")


class Current(Protocol):
    """The run that is under way here."""

    id: str

    def facts(self) -> Frozen:
        """What conditions read as `run`."""
        ...

    def saw(self, record: Record, /) -> None:
        """Count a record of this run."""
        ...


R = TypeVar("R", bound=Current)


class Acting(NamedTuple):
    """What `acting_as` has bound, and the run it is part of."""

    subject: Subject = NOBODY
    session: Session = NO_SESSION
    context: Frozen = NOTHING
    run: Current | None = None

    def request(self, action: Action, resource: Resource = NO_RESOURCE, at: int = 0) -> Request:
        """The question whether the subject acting here may do this."""
        run = NOTHING if self.run is None else self.run.facts()
        return Request(self.subject, action, resource, self.session, self.context, at, (), run)


def ask_as_whoever_acts(action: Action, resource: Resource = NO_RESOURCE, at: int = 0) -> Request:
    """The question whether the subject acting here may do this."""
    return _acting.get().request(action, resource, at)


NOBODY_ACTS = Acting()

_acting: ContextVar[Acting] = ContextVar("remit_acting", default=NOBODY_ACTS)


def who_acts() -> Acting:
    """Who acts here, for whom and under which facts, as `acting_as` has bound it."""
    return _acting.get()


@contextmanager
def acting_as(
    subject: Subject | str, *, session: Session | None = None, **context: Any
) -> Iterator[Subject]:
    """Name who acts, for every governed call made inside the block.

    Blocks nest: facts add up, and a subject that takes over inside another's
    block acts in the same session, one delegation further from the person.

    Args:
        subject: a `Subject`, or `type:id`, or the id of an agent.
        session: the powers it acts with; none means the surrounding block's.
        context: facts that conditions read as `context.name`.

    Raises:
        NotData: a fact cannot be frozen.
    """
    outer = _acting.get()
    who = Subject.parse(subject) if isinstance(subject, str) else subject
    if session is None:
        session = outer.session
        if outer.subject not in (NOBODY, who):
            session = msgspec.structs.replace(session, depth=session.depth + 1)
    facts = freeze({**outer.context, **context}, path="context") if context else outer.context
    token = _acting.set(Acting(who, session, facts, outer.run))
    try:
        yield who
    finally:
        _acting.reset(token)


class Running(Generic[R]):
    """Lets a run be under way inside a block. Made anew for each."""

    __slots__ = ("_acting", "_run", "_token")

    def __init__(self, run: R, acting: Acting) -> None:
        self._run = run
        self._acting = Acting(acting.subject, acting.session, acting.context, run)

    def __enter__(self) -> R:
        self._token = _acting.set(self._acting)
        return self._run

    def __exit__(self, *_: object) -> None:
        _acting.reset(self._token)


def tally(record: Record) -> None:
    """Have the run under way here count *record*, if it is of that run. A `Reader`."""
    run = _acting.get().run
    if run is not None:
        run.saw(record)


@contextmanager
def acting_for(agent: str | None) -> Iterator[None]:
    """Act as the agent of this name; with none, as whoever acts here already.

    An application that has bound this very agent may have given it properties,
    and they stay. The name is never read as `type:id`: an agent cannot call
    itself a user.
    """
    if agent is None:
        yield
        return
    outer = who_acts().subject
    named = outer.type == "agent" and outer.id == agent
    with acting_as(outer if named else Subject("agent", agent)):
        yield


def keep_context(function: Callable[P, T]) -> Callable[P, T]:
    """*function*, to be run by a thread or an executor as if it were called here.

    Python hands the context on to tasks, and not to threads. Several threads
    may run the result at once.
    """
    context = copy_context()

    @wraps(function)
    def carried(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.copy().run(function, *args, **kwargs)

    return carried

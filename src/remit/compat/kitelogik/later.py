"""What to do with an answer that is here, or that a future will hold."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeAlias, TypeVar

from remit.deciders.errand import Errand

T = TypeVar("T")
U = TypeVar("U")

Later: TypeAlias = T | Future[T]


def then(answer: Later[T], use: Callable[[T], Later[U]]) -> Later[U]:
    """What *use* makes of *answer*, now or when it is there."""
    if not isinstance(answer, Future):
        return use(answer)
    if isinstance(answer, Errand):
        return answer.then(use)
    chained: Future[U] = Future()
    chained.add_done_callback(lambda made: made.cancelled() and answer.cancel())
    answer.add_done_callback(lambda done: _pass_on(chained, lambda: use(done.result())))
    return chained


def recover(answer: Future[T], instead: Callable[[Exception], T]) -> Future[T]:
    """*answer*, or what stands in for it when it fails."""
    if isinstance(answer, Errand):
        return answer.recover(instead)
    chained: Future[T] = Future()
    chained.add_done_callback(lambda made: made.cancelled() and answer.cancel())
    answer.add_done_callback(lambda done: _pass_on(chained, lambda: _result(done, instead)))
    return chained


def _result(done: Future[T], instead: Callable[[Exception], T]) -> T:
    try:
        return done.result()
    except Exception as error:  # noqa: BLE001 - the same, later
        return instead(error)


def _pass_on(chained: Future[T], make: Callable[[], Later[T]]) -> None:
    """Let *chained* hold what *make* makes, which may itself come later."""
    if chained.done():
        return
    try:
        made = make()
    except BaseException as error:  # noqa: BLE001 - whoever waits raises it
        _settle(chained, error)
        return
    if isinstance(made, Future):
        made.add_done_callback(lambda done: _pass_on(chained, done.result))
        return
    if chained.set_running_or_notify_cancel():
        chained.set_result(made)


def _settle(chained: Future[T], error: BaseException) -> None:
    if chained.set_running_or_notify_cancel():
        chained.set_exception(error)

"""However many answers come at once, a loop is woken once, and everybody gets theirs."""

import asyncio
import concurrent.futures
import sys
import threading
from concurrent.futures import Future, InvalidStateError

import pytest

from remit.waiting import Promise, together, wait_here, wait_on_loop

either = pytest.mark.parametrize("kind", [Future, Promise])


def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


async def everybody_waits(futures):
    tasks = [asyncio.ensure_future(wait_on_loop(one)) for one in futures]
    await asyncio.sleep(0)
    return tasks


def answer(futures):
    with together():
        for number, one in enumerate(futures):
            one.set_result(number)


@either
def test_answers_that_come_together_wake_a_loop_once(kind, monkeypatch):
    async def main():
        futures = [kind() for _ in range(100)]
        tasks = await everybody_waits(futures)
        loop, woken = asyncio.get_running_loop(), []
        real = loop.call_soon_threadsafe
        monkeypatch.setattr(
            loop, "call_soon_threadsafe", lambda *given: woken.append(given) or real(*given)
        )
        in_thread(lambda: answer(futures))
        monkeypatch.undo()
        assert await asyncio.gather(*tasks) == list(range(100))
        assert len(woken) == 1

    asyncio.run(main())


@either
def test_answers_that_come_one_by_one_from_many_threads_are_all_heard(kind):
    async def main():
        futures = [kind() for _ in range(400)]
        tasks = await everybody_waits(futures)
        parts = [futures[at::8] for at in range(8)]
        threads = [
            threading.Thread(target=lambda part=part: [one.set_result("yes") for one in part])
            for part in parts[:4]
        ] + [threading.Thread(target=answer, args=(part,)) for part in parts[4:]]
        for thread in threads:
            thread.start()
        assert len(await asyncio.wait_for(asyncio.gather(*tasks), 30)) == 400

    asyncio.run(main())


def test_what_went_wrong_is_raised_where_it_was_waited_for():
    async def main():
        future = Future()
        (task,) = await everybody_waits([future])
        in_thread(lambda: future.set_exception(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            await task

    asyncio.run(main())


def test_who_no_longer_waits_cancels_what_has_not_begun_and_nobody_else():
    async def main():
        futures = [Future() for _ in range(3)]
        tasks = await everybody_waits(futures)
        tasks[1].cancel()
        await asyncio.sleep(0)
        assert [one.cancelled() for one in futures] == [False, True, False]
        del futures[1]
        in_thread(lambda: answer(futures))
        assert await asyncio.gather(tasks[0], tasks[2]) == [0, 1]

    asyncio.run(main())


def test_an_answer_for_a_loop_that_is_gone_disturbs_nobody(caplog):
    future = Future()
    loop = asyncio.new_event_loop()
    task = loop.create_task(wait_on_loop(future))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    in_thread(lambda: answer([future]))
    assert future.result() == 0
    assert not caplog.records
    task._log_destroy_pending = False


def test_an_answer_that_is_there_is_not_waited_for():
    future = Future()
    future.set_result(1)
    assert wait_here(future) == 1
    assert asyncio.run(wait_on_loop(future)) == 1


def seen_of(future):
    """Everything that can be seen of a future, whoever made it."""
    told = []
    future.add_done_callback(lambda one: told.append(one is future))
    error = future.exception(1)
    return {
        "done": future.done(),
        "running": future.running(),
        "cancelled": future.cancelled(),
        "cancel": future.cancel(),
        "told": told,
        "result": None if error else future.result(1),
        "error": error,
        "waited for": concurrent.futures.wait([future], 1).done == {future},
        "shown": str(future).rpartition(" state=")[2],
    }


ERROR = RuntimeError("no")


@pytest.mark.parametrize(
    "finish", [lambda one: one.set_result(7), lambda one: one.set_exception(ERROR)]
)
def test_of_a_promise_everything_can_be_asked_that_can_be_asked_of_a_future(finish):
    whole, early, late = Future(), Promise(), Promise()
    # One that was looked at before it was settled, and one that was not.
    assert not early.running()
    for one in (whole, early, late):
        finish(one)
        with pytest.raises(InvalidStateError):
            finish(one)
    assert seen_of(early) == seen_of(late) == seen_of(whole)


def test_a_promise_that_is_not_kept_yet_is_waited_for_like_a_future():
    for one in (Future(), Promise()):
        assert not one.done()
        with pytest.raises(TimeoutError):
            one.result(0.001)
        with pytest.raises(TimeoutError):
            one.exception(0.001)
        assert one.running() is False
        with pytest.raises(AttributeError):
            _ = one.no_such_thing
    assert Promise().cancel() is False


def test_a_promise_is_awaited_through_asyncio_and_by_two_at_once():
    async def main():
        one = Promise()
        tasks = [asyncio.ensure_future(wait_on_loop(one)) for _ in range(2)]
        tasks.append(asyncio.wrap_future(one))
        await asyncio.sleep(0)
        in_thread(lambda: one.settle("yes"))
        assert await asyncio.wait_for(asyncio.gather(*tasks), 30) == ["yes"] * 3

    asyncio.run(main())


def test_who_settles_a_promise_and_who_begins_to_wait_never_miss_each_other():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(500):
            one, got, told = Promise(), [], threading.Event()
            threads = [
                threading.Thread(target=one.settle, args=(3,)),
                threading.Thread(target=lambda one=one, got=got: got.append(one.result(30))),
                threading.Thread(
                    target=lambda one=one, told=told: one.add_done_callback(lambda _: told.set())
                ),
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert (got, told.wait(30)) == ([3], True)
    finally:
        sys.setswitchinterval(before)

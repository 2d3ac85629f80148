"""However many answers come at once, a loop is woken once, and everybody gets theirs."""

import asyncio
import threading
from concurrent.futures import Future

import pytest

from remit.waiting import together, wait_here, wait_on_loop


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


def test_answers_that_come_together_wake_a_loop_once(monkeypatch):
    async def main():
        futures = [Future() for _ in range(100)]
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


def test_answers_that_come_one_by_one_from_many_threads_are_all_heard():
    async def main():
        futures = [Future() for _ in range(400)]
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

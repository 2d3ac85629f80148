"""An errand is done once, by whoever waits first, and everybody gets what it came to."""

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait

import pytest

from remit.deciders.errand import Errand
from remit.waiting import wait_here, wait_on_loop


class Work:
    """Says where it was done, and how often."""

    def __init__(self, error=None, until=None):
        self.threads = []
        self.error = error
        self.until = until

    async def __call__(self, driver):
        self.threads.append(threading.get_ident())
        if self.until is not None:
            await driver.wait(self.until, float("inf"))
        if self.error is not None:
            raise self.error
        return len(self.threads)


HERE = {
    "here": wait_here,
    "on a loop": lambda errand: asyncio.run(wait_on_loop(errand)),
    "on a loop that awaits it": lambda errand: asyncio.run(errand.on_loop()),
}
ELSEWHERE = {
    "with a timeout": lambda errand: errand.result(10),
    "the exception": lambda errand: (errand.exception(10), errand.result())[1],
    "as completed": lambda errand: next(as_completed([errand], 10)).result(),
    "wait": lambda errand: wait([errand], 10).done.pop().result(),
    "wrapped": lambda errand: asyncio.run(wrapped(errand)),
    "told": lambda errand: told(errand).result(10),
}  # fmt: skip


async def wrapped(errand):
    return await asyncio.wait_for(asyncio.wrap_future(errand), 10)


def told(errand):
    answer = Future()
    errand.add_done_callback(lambda done: answer.set_result(done.result()))
    return answer


@pytest.mark.parametrize("how", HERE)
def test_whoever_waits_does_it_where_they_are(how):
    work = Work()
    errand = Errand(work)
    assert HERE[how](errand) == 1
    assert work.threads == [threading.get_ident()]
    assert errand.done()
    assert errand.result() == HERE[how](errand) == 1


@pytest.mark.parametrize("how", ELSEWHERE)
def test_a_thread_does_it_for_those_who_want_to_be_told(how):
    work = Work()
    errand = Errand(work)
    assert ELSEWHERE[how](errand) == 1
    assert len(work.threads) == 1
    assert work.threads != [threading.get_ident()]
    assert errand.result() == 1


def test_who_looks_again_and_again_sees_it_done():
    errand = Errand(Work())
    while not errand.done():
        pass
    assert errand.result() == 1


@pytest.mark.parametrize("how", HERE | ELSEWHERE)
def test_its_error_is_everybodys(how):
    error = ValueError("no")
    errand = Errand(Work(error))
    if how == "told":
        assert asyncio.run(caught(errand)) is error
        return
    with pytest.raises(ValueError, match="no"):
        (HERE | ELSEWHERE)[how](errand)
    assert errand.exception() is error


async def caught(errand):
    try:
        await errand.on_loop()
    except ValueError as error:
        return error


def test_many_who_wait_at_once_get_one_answer():
    until = Future()
    work = Work(until=until)
    errand = Errand(work)

    async def several():
        waiting = [asyncio.create_task(wait_on_loop(errand)) for _ in range(4)]
        await asyncio.sleep(0)
        return await asyncio.gather(*waiting)

    with ThreadPoolExecutor(8) as pool:
        threads = [pool.submit(errand.result) for _ in range(4)]
        loops = [pool.submit(asyncio.run, several()) for _ in range(3)]
        until.set_result(None)
        assert {each.result(10) for each in threads} == {1}
        assert [each.result(10) for each in loops] == [[1] * 4] * 3
    assert len(work.threads) == 1


def test_when_the_one_who_does_it_is_cancelled_the_others_are_told():
    errand = Errand(Work(until=Future()))

    async def give_up():
        doing = asyncio.create_task(wait_on_loop(errand))
        await asyncio.sleep(0)
        other = asyncio.create_task(wait_on_loop(errand))
        await asyncio.sleep(0)
        doing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doing
        with pytest.raises(Exception, match="cancelled"):
            await other

    asyncio.run(give_up())


@pytest.mark.parametrize("how", HERE | ELSEWHERE)
def test_what_is_made_of_an_errand_is_one(how):
    def later(value):
        return Errand(Work()).then(lambda one: one + value)

    work = Work()
    errand = Errand(work).then(lambda one: one + 1).then(later)
    assert isinstance(errand, Errand)
    assert not work.threads
    assert (HERE | ELSEWHERE)[how](errand) == 3


def test_what_fails_may_have_a_substitute():
    assert Errand(Work(ValueError("no"))).recover(str).result() == "no"
    assert Errand(Work()).recover(str).result() == 1
    with pytest.raises(ValueError, match="no"):
        Errand(Work(ValueError("no"))).then(str).result()

"""Connections to OPA: whoever asks drives one, and what has been wrong with it harms nobody."""

import asyncio
import socket
import ssl
import threading
import time

import pytest
from decider_contract import answer, asking, guarded
from opa_calls import *  # noqa: F403 - its fixtures
from opa_calls import ALLOW, served_by
from opa_server import opa, saying

from remit.deciders import connections
from remit.deciders.exchange import Exchange, Question
from remit.deciders.opa import OpaDecider
from remit.errors import Denied, Unavailable

WAYS = {
    "here": lambda guard: guard.call(asking("refund"), lambda: 1),
    "on a loop": lambda guard: asyncio.run(guard.acall(asking("refund"), lambda: 1)),
    "here, within a loop": lambda guard: asyncio.run(within(guard)),
}
DENY = '{"result": false}'


async def within(guard):
    return guard.call(asking("refund"), lambda: 1)


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


def in_turn(*responses):
    """Responds in one way after the other."""
    left = iter(responses)

    def respond(asked):
        next(left)(asked)

    return respond


def raw(*parts):
    """Sends these *parts* as they are, a moment apart."""

    def respond(asked):
        for part in parts:
            asked.send(part)
            time.sleep(0.002)

    return respond


WHOLE = {
    "in chunks": raw(
        b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{"result',
        b'\r\n8\r\n": true}\r\n0\r\n\r\n',
    ),
    "in pieces": raw(
        *(bytes([each]) for each in b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n"),
        *(bytes([each]) for each in ALLOW.encode()),
    ),
    "after a word ahead": raw(
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n" + ALLOW.encode(),
    ),
    "of the old kind": lambda asked: (
        asked.send(b"HTTP/1.0 200 OK\r\n\r\n" + ALLOW.encode()), asked.hang_up()
    ),
    "and no more": lambda asked: (
        asked.send(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 16\r\n\r\n"),
        asked.send(ALLOW.encode()), asked.hang_up(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", WHOLE)
def test_an_answer_is_one_however_it_comes(asked, way, how):
    decider, _ = asked(WHOLE[how])
    guard, _ = guarded(decider)
    assert way(guard) == 1
    assert way(guard) == 1


def test_what_nobody_asked_for_answers_no_question(asked, way):
    allowed = b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n" + ALLOW.encode()
    denied = b"HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n" + DENY.encode()
    decider, server = asked(in_turn(lambda asked: asked.send(denied + allowed), saying(DENY)))
    guard, _ = guarded(decider)
    for _ in range(2):
        with pytest.raises(Denied):
            way(guard)
    assert server.connections == 2


def test_what_comes_later_and_nobody_asked_for_answers_no_question(asked, way):
    allowed = b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n" + ALLOW.encode()
    decider, server = asked(saying(DENY))
    guard, _ = guarded(decider)
    with pytest.raises(Denied):
        way(guard)
    server.asked[0].send(allowed)
    time.sleep(0.05)
    with pytest.raises(Denied):
        way(guard)
    assert server.connections == 2


def test_one_that_breaks_is_asked_again_once_over_another(asked, way):
    hang_up = in_turn(saying(ALLOW), lambda asked: asked.hang_up(), saying(ALLOW))
    decider, server = asked(hang_up)
    guard, _ = guarded(decider)
    assert [way(guard), way(guard)] == [1, 1]
    assert (len(server.asked), server.connections) == (3, 2)


def test_one_that_breaks_twice_gives_no_answer(asked, way):
    decider, server = asked(lambda asked: asked.hang_up())
    guard, _ = guarded(decider)
    with pytest.raises(Unavailable, match="did not answer"):
        way(guard)
    assert len(server.asked) == 2


def test_one_that_nobody_has_used_for_a_while_is_not_trusted(asked, monkeypatch):
    decider, server = asked(saying(ALLOW))
    guard, _ = guarded(decider)
    monkeypatch.setattr(connections, "KEPT_FOR", 0)
    assert [way(guard) for way in WAYS.values()] == [1, 1, 1]
    assert server.connections == 3


def test_no_more_are_kept_than_are_worth_it(asked, monkeypatch):
    together = threading.Barrier(4)

    def respond(asked):
        together.wait(20)
        asked.reply(ALLOW.encode())

    decider, server = asked(respond)
    guard, _ = guarded(decider)
    monkeypatch.setattr(connections, "KEPT", 1)

    async def four():
        await asyncio.gather(*(guard.acall(asking("refund"), lambda: 1) for _ in range(4)))

    asyncio.run(four())
    assert server.connections == 4
    asyncio.run(four())
    assert server.connections == 7


def test_a_task_that_is_cancelled_hangs_up(asked):
    reached, gone = threading.Event(), threading.Event()

    def respond(asked):
        reached.set()
        if asked.handler.connection.recv(1) == b"":
            gone.set()

    decider, _ = asked(respond, timeout=30)

    async def give_up():
        task = asyncio.create_task(decider.decide(asking("refund")).on_loop())
        await asyncio.to_thread(reached.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())
    assert gone.wait(20)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"])
def test_the_deadline_is_for_all_of_it_on_a_loop_too(asked, way, start):
    done = threading.Event()

    def drip(asked):
        asked.send(start)
        while not done.wait(0.01):
            asked.send(b"a")

    decider, _ = asked(drip, timeout=0.2)
    guard, _ = guarded(decider)
    with pytest.raises(Unavailable, match=r"did not answer within 0\.2 s"):
        way(guard)
    done.set()


@pytest.mark.parametrize("timeout", [1e12, float("inf")])
def test_a_deadline_may_be_as_far_away_as_one_likes(asked, way, timeout):
    decider, server = asked(saying(ALLOW), timeout=timeout)
    guard, _ = guarded(decider)
    assert way(guard) == 1
    url = f"http://localhost:{server.port}"
    with OpaDecider(url, timeout=timeout) as named:
        guard, _ = guarded(named)
        assert way(guard) == 1


def test_a_server_that_takes_nothing_is_given_up(way):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        exchange = Exchange(url, timeout=0.2)
        large = Question("/", b"a" * 50_000_000)
        with pytest.raises(ConnectionError, match="within"):
            exchange.ask(large, bytes).result()
        with pytest.raises(ConnectionError, match="within"):
            asyncio.run(exchange.ask(large, bytes).on_loop())
        exchange.close()


def test_a_name_is_tried_at_each_of_its_addresses(asked, way, monkeypatch):
    _, server = asked(saying(ALLOW))
    real, resolved = socket.getaddrinfo, []

    def look(host, port, *args, **kwargs):
        if host != "opa.test":
            return real(host, port, *args, **kwargs)
        if kwargs.get("flags"):
            raise socket.gaierror("a name is no number")
        resolved.append(host)
        closed = socket.create_server(("127.0.0.1", 0))
        nobody = closed.getsockname()
        closed.close()
        stream = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*stream, nobody), (*stream, ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look)
    with OpaDecider(f"http://opa.test:{server.port}", unencrypted=True, timeout=20) as decider:
        guard, _ = guarded(decider)
        assert [way(guard), way(guard)] == [1, 1]
    assert resolved == ["opa.test"]
    assert server.asked[0].headers["host"] == f"opa.test:{server.port}"


def test_a_name_that_is_looked_up_for_ever_is_given_up(way, monkeypatch):
    done = threading.Event()

    def look(*_args, **kwargs):
        if not kwargs.get("flags"):
            done.wait(30)
        raise socket.gaierror("nobody knows")

    monkeypatch.setattr(socket, "getaddrinfo", look)
    with OpaDecider("http://opa.test", unencrypted=True, timeout=0.2) as decider:
        guard, _ = guarded(decider)
        with pytest.raises(Unavailable, match="within"):
            way(guard)
        done.set()


def test_over_tls_it_is_the_same(authority, way):
    tls = ssl.create_default_context(cafile=authority / "cert.pem")
    long = '{"result": true, "x": "' + "a" * 300_000 + '"}'
    with opa(saying(long), tls=served_by(authority)) as server:
        with OpaDecider(server.url, tls=tls) as decider:
            guard, _ = guarded(decider)
            assert [way(guard) for _ in range(3)] == [1, 1, 1]
            assert answer(decider, asking("refund", note="b" * 500_000)).allowed
            assert len(server.asked[-1].input["action"]["properties"]["note"]) == 500_000
            assert server.connections == 1
        with OpaDecider(server.url) as decider:
            guard, _ = guarded(decider)
            with pytest.raises(Unavailable, match=r"(?i)certificate"):
                way(guard)
        with OpaDecider(server.url.replace("127.0.0.1", "localhost"), tls=tls) as decider:
            guard, _ = guarded(decider)
            with pytest.raises(Unavailable, match=r"(?i)mismatch"):
                way(guard)


def test_a_server_that_hangs_up_within_tls_has_not_answered(authority):
    tls = ssl.create_default_context(cafile=authority / "cert.pem")
    half = raw(b"HTTP/1.1 200 OK\r\n\r\n" + ALLOW.encode())

    def respond(asked):
        half(asked)
        asked.handler.connection.shutdown(socket.SHUT_RDWR)

    with (
        opa(respond, tls=served_by(authority)) as server,
        OpaDecider(server.url, tls=tls) as decider,
    ):
        guard, _ = guarded(decider)
        with pytest.raises(Unavailable):
            guard.call(asking("refund"), lambda: 1)


class Blind(asyncio.SelectorEventLoop):
    """Watches no sockets, like the usual loop of Windows."""

    def add_reader(self, *_):
        raise NotImplementedError

    add_writer = add_reader


def test_a_loop_that_watches_no_sockets_has_a_thread_wait(asked):
    decider, _ = asked(saying(ALLOW))
    with asyncio.Runner(loop_factory=Blind) as runner:
        made = decider.decide(asking("refund"))
        assert runner.run(asyncio.wait_for(made.on_loop(), 20)).allowed


def test_many_threads_and_loops_share_them(asked):
    decider, server = asked(saying(ALLOW))
    guard, _ = guarded(decider)
    ran = []

    def here():
        ran.extend(guard.call(asking("refund"), lambda: 1) for _ in range(20))

    async def many():
        for _ in range(5):
            calls = (guard.acall(asking("refund"), lambda: 1) for _ in range(4))
            ran.extend(await asyncio.gather(*calls))

    jobs = [here, here, lambda: asyncio.run(many()), lambda: asyncio.run(many())]
    threads = [threading.Thread(target=job) for job in jobs]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert ran == [1] * 80
    assert server.connections <= 12


@pytest.mark.parametrize(
    ("url", "host"),
    [("http://localhost", "localhost"), ("http://[::1]:81/a b", "[::1]:81"),
     ("https://opa.exämple:8181", "opa.xn--exmple-cua:8181")],
)  # fmt: skip
def test_a_server_is_called_by_its_name(url, host):
    exchange = Exchange(url, timeout=1)
    assert exchange._host == host
    assert " " not in exchange._path

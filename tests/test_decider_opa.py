"""OPA over HTTP: the contract, and everything a server and a network can get wrong."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import multiprocessing
import ssl
import threading
from contextlib import ExitStack

import pytest
from decider_contract import *  # noqa: F403 - the tests of the contract run as tests of this module
from decider_contract import NOON, REGO, answer, asking, guarded, kinds, must_not_run
from engine_contract import *  # noqa: F403
from opa_calls import *  # noqa: F403 - its fixtures
from opa_calls import ALLOW, served_by
from opa_server import REVISION, Evaluating, opa, saying

from remit.audit.record import Kind
from remit.deciders.opa import OpaDecider
from remit.errors import Denied, Unavailable


@pytest.fixture(scope="module")
def decider():
    policy = Evaluating({"shop.rego": REGO})
    with opa(policy) as server, OpaDecider(server.url, rule="data.shop.decision") as made:
        yield made
    policy.close()


@pytest.fixture
def answering():
    with ExitStack() as stack:

        def answering(text):
            body = "{}" if text is None else f'{{"result": {text}}}'
            server = stack.enter_context(opa(saying(body)))
            return stack.enter_context(OpaDecider(server.url))

        yield answering


def answer_here(decider):
    return decider.decide(asking("refund")).result()


def refuses(decider, match=None):
    guard, ledger = guarded(decider)
    with pytest.raises(Unavailable, match=match):
        guard.call(asking("refund", amount=80), must_not_run)
    assert kinds(ledger) == []


def test_the_request_goes_where_opa_has_its_rule(asked):
    decider, server = asked(saying(ALLOW), rule="data.app.refunds.decision")
    assert answer(decider, asking("refund", amount=80)).allowed
    (question,) = server.asked
    assert (question.method, question.path) == ("POST", "/v1/data/app/refunds/decision")
    assert question.headers["content-type"] == "application/json"
    assert question.input == {
        "subject": {"type": "agent", "id": "bot", "properties": {}},
        "action": {"name": "refund", "properties": {"amount": 80}},
        "resource": {"type": "", "id": "", "properties": {}},
        "session": {
            "id": "", "role": "", "scopes": ["refund"], "user": "", "tenant": "", "depth": 0,
            "facts": {},
        },
        "context": {},
        "run": {},
        "at": NOON,
    }  # fmt: skip


def test_a_server_may_live_below_a_path(asked):
    _, server = asked(saying(ALLOW))
    with OpaDecider(f"{server.url}/opa/") as decider:
        assert answer(decider, asking("refund")).allowed
    assert server.asked[-1].path == "/opa/v1/data/remit/decision"


def test_the_policy_is_what_opa_says_its_bundle_is(decider):
    assert answer(decider, asking("wire")).policy == REVISION


@pytest.mark.parametrize(
    ("provenance", "policy"),
    [
        ("{}", ""),
        ("null", ""),
        ('{"bundles": []}', ""),
        ('{"bundles": {"a": {"revision": 5}}}', ""),
        ('{"bundles": {"b": {"revision": "2"}, "a": {"revision": "1"}}}', "a=1,b=2"),
    ],
)
def test_it_is_unknown_where_opa_does_not_say(asked, provenance, policy):
    decider, _ = asked(saying(f'{{"result": true, "provenance": {provenance}}}'))
    assert answer(decider, asking("refund")).policy == policy


WRONG = {
    "an empty answer": saying(b""),
    "no content": saying(b"", 204),
    "not found": saying(ALLOW, 404),
    "a mistake of the server": saying(ALLOW, 500),
    "created": saying(ALLOW, 201),
    "a redirect": saying(ALLOW, 307, location="/v1/data/other"),
    "unauthorised": saying(ALLOW, 401),
    "a page": saying("<html>true</html>"),
    "a list": saying("[true]"),
    "a bare true": saying("true"),
    "half of it": saying('{"result": tr'),
    "two of them": saying(ALLOW + ALLOW),
    "no text": saying(b'{"result": "\xff"}'),
    "another encoding of text": saying(ALLOW.encode("utf-16")),
    "NaN": saying('{"result": {"allow": true, "obligations": [{"type": "a", "b": NaN}]}}'),
    "the result twice": saying('{"result": false, "result": true}'),
    "allow twice": saying('{"result": {"allow": false, "allow": true}}'),
    "deeper than anybody reads": saying('{"result": ' + "[" * 100_000 + "]" * 100_000 + "}"),
    "larger than anybody reads": saying('{"result": true, "x": "' + "a" * 2_000_000 + '"}'),
    "an encoding nobody asked for": saying(
        gzip.compress(ALLOW.encode()), content_encoding="gzip"
    ),
    "less than announced": lambda asked: (
        asked.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + ALLOW.encode()),
        asked.hang_up(),
    ),
    "no HTTP": lambda asked: (asked.send(b"true\r\n\r\n"), asked.hang_up()),
    "a chunk that is none": lambda asked: (
        asked.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n" + ALLOW.encode()),
        asked.hang_up(),
    ),
    "nothing but the end": lambda asked: asked.hang_up(),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_a_server_gets_wrong_is_no_decision(asked, name):
    decider, _ = asked(WRONG[name])
    refuses(decider)


def test_a_server_that_is_not_there_is_no_decision():
    with opa(saying(ALLOW)) as server:
        url = server.url
    with OpaDecider(url) as decider:
        refuses(decider, match="did not answer")


def test_a_server_that_says_nothing_is_given_up(asked, call):
    done = threading.Event()
    decider, _ = asked(lambda _: done.wait(30), timeout=0.1)
    guard, _ = guarded(decider)
    with pytest.raises(Unavailable, match=r"did not answer within 0\.1 s"):
        call(guard, asking("refund"), must_not_run)
    done.set()


@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"]
)
def test_a_server_that_sends_a_little_now_and_then_is_given_up_as_well(asked, start):
    done = threading.Event()

    def drip(asked):
        asked.send(start)
        while not done.wait(0.01):
            asked.send(b"a")

    decider, _ = asked(drip, timeout=0.2)
    refuses(decider, match="did not answer within")
    done.set()


def test_connections_are_used_again_by_whoever_asks(asked):
    decider, server = asked(saying(ALLOW))
    guard, _ = guarded(decider)
    for _ in range(5):
        assert guard.call(asking("refund"), lambda: 1) == 1

    async def also():
        return [await guard.acall(asking("refund"), lambda: 1) for _ in range(5)]

    assert asyncio.run(also()) == asyncio.run(also()) == [1] * 5
    assert len(server.asked) == 15
    assert server.connections == 1


def test_a_server_that_was_started_again_is_found_again():
    with opa(saying(ALLOW)) as server, OpaDecider(server.url) as decider:
        assert answer(decider, asking("refund")).allowed
        for asked in server.asked:
            asked.hang_up()
        server.close()
        with opa(saying(ALLOW), port=server.port):
            assert answer(decider, asking("refund")).allowed


def test_no_loop_is_held_up_while_opa_thinks(asked):
    together = threading.Barrier(8)

    def only_together(asked):
        together.wait(20)
        asked.reply(ALLOW.encode())

    decider, _ = asked(only_together, timeout=20)
    guard, _ = guarded(decider)

    async def all_at_once():
        calls = [guard.acall(asking("refund"), lambda: 1) for _ in range(8)]
        return await asyncio.gather(*calls)

    assert asyncio.run(all_at_once()) == [1] * 8


def test_a_task_that_is_cancelled_runs_nothing_and_lets_go_of_the_question(asked):
    reached, done = threading.Event(), threading.Event()

    def wait(asked):
        reached.set()
        done.wait(30)
        asked.reply(ALLOW.encode())

    decider, _ = asked(wait, timeout=30)
    guard, ledger = guarded(decider)

    async def give_up():
        task = asyncio.create_task(guard.acall(asking("refund"), must_not_run))
        await asyncio.to_thread(reached.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())
    done.set()
    assert kinds(ledger) == []


def test_a_token_is_sent_and_may_change(asked):
    tokens = iter(["one", "two"])
    decider, server = asked(saying(ALLOW), token=lambda: next(tokens))
    answer(decider, asking("refund"))
    answer(decider, asking("refund"))
    assert [each.headers["authorization"] for each in server.asked] == ["Bearer one", "Bearer two"]
    refuses(decider)
    assert len(server.asked) == 2


@pytest.mark.parametrize("token", ["s3cret\r\nx: y", "s3cret and more", "", "s3crét"])
def test_a_token_that_is_none_is_not_sent_and_not_shown(asked, token):
    decider, server = asked(saying(ALLOW), token=token)
    guard, _ = guarded(decider)
    with pytest.raises(Unavailable) as caught:
        guard.call(asking("refund"), must_not_run)
    assert "s3c" not in f"{caught.value} {caught.value.__cause__!r} {decider!r}"
    assert server.asked == []


def test_no_proxy_of_the_environment_answers_instead(asked, monkeypatch):
    with opa(saying(ALLOW)) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        decider, server = asked(saying('{"result": false}'))
        guard, _ = guarded(decider)
        with pytest.raises(Denied):
            guard.call(asking("refund"), must_not_run)
        assert (len(server.asked), len(proxy.asked)) == (1, 0)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://localhost", "no address of a server"),
        ("localhost:8181", "no address of a server"),
        ("http://", "no address of a server"),
        ("http://localhost/?x=1", "no address of a server"),
        ("http://ada:secret@localhost", "use a token"),
        ("http://opa.example", "unencrypted=True"),
        ("http://10.0.0.5:8181", "unencrypted=True"),
        ("http://localhost.example", "unencrypted=True"),
        ("http://0.0.0.0", "unencrypted=True"),
    ],
)
def test_an_address_nobody_should_trust_is_refused(url, why):
    with pytest.raises(ValueError, match=why):
        OpaDecider(url)


@pytest.mark.parametrize("url", ["http://localhost", "http://[::1]:8181", "http://127.0.0.9/x"])
def test_this_machine_may_be_asked_without_encryption(url):
    OpaDecider(url).close()
    OpaDecider("http://opa.example", unencrypted=True).close()


@pytest.mark.parametrize("options", [{"rule": "remit/decision"}, {"rule": "data"}, {"timeout": 0}])
def test_nonsense_is_refused_when_the_decider_is_made(options):
    with pytest.raises(ValueError, match=r"rule|timeout"):
        OpaDecider(**options)


def test_a_server_is_trusted_by_the_authority_that_is_named_and_by_no_other(authority):
    tls = ssl.create_default_context(cafile=authority / "cert.pem")
    with opa(saying(ALLOW), tls=served_by(authority)) as server:
        with OpaDecider(server.url, tls=tls) as decider:
            assert answer(decider, asking("refund")).allowed
        with OpaDecider(server.url) as decider:
            refuses(decider, match="(?i)certificate")


def test_a_server_may_ask_who_is_asking(authority):
    tls = ssl.create_default_context(cafile=authority / "cert.pem")
    with opa(saying(ALLOW), tls=served_by(authority, asks_back=True)) as server:
        with OpaDecider(server.url, tls=tls) as decider:
            refuses(decider)
        known = ssl.create_default_context(cafile=authority / "cert.pem")
        known.load_cert_chain(authority / "cert.pem", authority / "key.pem")
        with OpaDecider(server.url, tls=known) as decider:
            assert answer(decider, asking("refund")).allowed


def test_what_is_closed_decides_nothing_and_neither_does_what_was_asked_before(asked):
    reached, done = threading.Event(), threading.Event()

    def wait(_):
        reached.set()
        done.wait(30)

    decider, _ = asked(wait, timeout=30)
    waiting = decider.decide(asking("refund"))
    assert not waiting.done()
    assert reached.wait(20)
    decider.close()
    done.set()
    with pytest.raises(Exception, match="let go of"):
        waiting.result(10)
    refuses(decider, match="closed")


def test_a_decider_that_nobody_holds_lets_go_of_its_connections_and_never_has_a_thread():
    hung_up = threading.Event()
    with opa(saying(ALLOW)) as server:
        before = set(threading.enumerate())
        decider = OpaDecider(server.url)
        assert answer_here(decider).allowed
        assert {t.name for t in set(threading.enumerate()) - before if "remit" in t.name} == set()
        (asked,) = server.asked
        finish, asked.handler.finish = asked.handler.finish, lambda: (finish(), hung_up.set())
        del decider
        gc.collect()
        assert hung_up.wait(10)


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork"
)
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_asks_over_connections_of_its_own(asked):
    decider, server = asked(saying(ALLOW))
    assert answer(decider, asking("refund")).allowed
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=lambda: results.put(answer(decider, asking("refund")).allowed))
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert results.get() is True
    assert answer(decider, asking("refund")).allowed
    assert (len(server.asked), server.connections) == (3, 2)


def test_every_refusal_of_opa_is_on_record(asked):
    decider, _ = asked(saying(json.dumps({"result": {"allow": False, "rules": ["r"]}})))
    guard, ledger = guarded(decider)
    with pytest.raises(Denied):
        guard.call(asking("refund"), must_not_run)
    assert kinds(ledger) == [Kind.REFUSED]
    assert next(iter(ledger.select())).facts().rules == ("r",)

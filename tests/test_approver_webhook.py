"""A webhook: what goes out is signed and told once; what comes back is signed, fresh and bound."""

from __future__ import annotations

import base64
import json
import logging

import pytest
from channel_desk import BORIS, MARIA, SECOND, Office
from loopback import web

from remit import Conflict, Pending
from remit.approvers.channel import finish
from remit.approvers.signing import Key, check, signed
from remit.approvers.webhook import WebhookAnswers, WebhookApprover
from remit.errors import Forged

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()


def pair(seed):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return tuple(f"{kind}_{base64.b64encode(raw).decode()}" for kind, raw in
                 (("whsk", seed), ("whpk", public)))  # fmt: skip


@pytest.fixture
def service():
    with web() as server:
        yield server


@pytest.fixture
def office(service):
    return Office(
        lambda clock: WebhookApprover(f"{service.url}/asked", KEY, retries=(), clock=clock)
    )


def answer(office, question, *, key=KEY, identity="m-1", ago=0, **changes):
    at = office.now - ago * SECOND
    data = {
        "approval": question.id, "digest": question.digest, "by": "user:maria", "approved": True,
    }  # fmt: skip
    told = {"type": "approval.answered", "timestamp": written(at), "data": data | changes}
    body = json.dumps(told).encode()
    return signed(identity, at // SECOND, body, Key.parse(key)), body


def written(at):
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at / SECOND, UTC).isoformat()


def test_signatures_are_those_of_standard_webhooks():
    body = b'{"test": 2432232314}'
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, Key.parse(KEY))
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert check(headers, body, Key.parse(KEY), 1614265330) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_a_question_is_told_once_signed_and_with_nothing_hidden(office, service):
    asked = office.asks(order="o-1\x1b[2J\u202e")
    assert office.asks(order="o-1\x1b[2J\u202e").id == asked.id
    ((path, headers, body),) = service.posted
    assert path == "/asked"
    assert check(headers, body, Key.parse(KEY), office.now // SECOND) == asked.id
    told = json.loads(body)
    assert told["type"] == "approval.asked"
    assert (told["data"]["approval"], told["data"]["digest"]) == (asked.id, asked.digest)
    assert told["data"]["facts"] == {
        "who": "agent:support for ursula",
        "wants to": "refund",
        "risk": "high",
        "rule": "large",
        "because": "Refunds over $100 need a manager",
        "ask": "role:manager",
        "with order": "o-1\\x1b[2J\\u202e",
        "with amount": "400",
        "session": "s-1",
    }


def test_what_is_shown_can_be_shaped(service):
    office = Office(
        lambda clock: WebhookApprover(
            service.url, KEY, show=lambda question: {"what\n": question.request.action.name},
            retries=(), clock=clock,
        )
    )  # fmt: skip
    office.asks(order="secret")
    assert json.loads(service.posted[0][2])["data"]["facts"] == {"what\\n": "refund"}
    assert b"secret" not in service.posted[0][2]


def test_an_approval_that_comes_back_releases_one_call(office):
    asked = office.asks()
    case = WebhookAnswers(office.inbox, KEY).receive(*answer(office, asked, reason="lost\nparcel"))
    assert (case.answers[0].approver, case.answers[0].reason) == (MARIA, "lost\nparcel")
    assert office.refund() == 400
    with pytest.raises(Pending):
        office.refund()


@pytest.mark.parametrize(
    ("options", "error", "why"),
    [
        ({"key": OTHER}, Forged, "not signed by a key that is known"),
        ({"ago": 301}, Forged, "too long ago"),
        ({"ago": -6}, Forged, "is not yet"),
        ({"digest": "0" * 64}, Conflict, "about another request"),
        ({"approval": "x"}, Conflict, "there is no approval x here"),
        ({"by": "user:eve"}, Conflict, "nobody who may answer"),
        ({"by": "user:dora"}, Conflict, "that takes role:manager"),
        ({"by": "user:ursula"}, Conflict, "of their own"),
        ({"approved": "yes"}, Conflict, "is no answer"),
        ({"roles": ["manager"]}, Conflict, "is no answer"),
    ],
)
def test_any_other_answer_is_not_taken(office, options, error, why):
    asked = office.asks()
    with pytest.raises(error, match=why):
        WebhookAnswers(office.inbox, KEY).receive(*answer(office, asked, **options))
    with pytest.raises(Pending):
        office.refund()


def test_a_body_that_was_changed_is_not_taken(office):
    headers, body = answer(office, office.asks(), approved=False)
    with pytest.raises(Forged):
        WebhookAnswers(office.inbox, KEY).receive(headers, body.replace(b"false", b"true"))


def test_an_answer_that_is_delivered_twice_is_one(office):
    asked, answers = office.asks(), WebhookAnswers(office.inbox, KEY)
    message = answer(office, asked)
    once = answers.receive(*message)
    office.now += SECOND
    assert WebhookAnswers(office.inbox, KEY).receive(*message) == once
    office.refund()
    assert answers.receive(*message).used_by


@pytest.mark.parametrize("ahead", [0, 4])
def test_an_approval_that_was_taken_back_cannot_be_played_again(office, ahead):
    asked, answers = office.asks(), WebhookAnswers(office.inbox, KEY)
    yes = answer(office, asked, ago=-ahead)
    answers.receive(*yes)
    office.now += SECOND
    answers.receive(*answer(office, asked, ago=-ahead, identity="m-2", approved=False))
    for _ in range(5):
        office.now += SECOND
        with pytest.raises(Conflict, match=r"has answered approval .* since"):
            answers.receive(*yes)


def test_a_yes_that_comes_late_is_none_and_a_no_is(office):
    asked, answers = office.asks(), WebhookAnswers(office.inbox, KEY)
    _, late_yes = answer(office, asked)
    _, late_no = answer(office, asked, approved=False)
    office.now += 301 * SECOND

    def again(body):
        return answers.receive(signed("m-1", office.now // SECOND, body, Key.parse(KEY)), body)

    with pytest.raises(Conflict, match="approved too long ago"):
        again(late_yes)
    assert not again(late_no).answers[0].approved


def test_when_too_many_are_being_told_the_others_wait(office, service, monkeypatch, caplog):
    monkeypatch.setattr("remit.approvers.channel.MOST_UNDER_WAY", 0)
    asked = office.asks()
    assert f"approval {asked.id} waits, and nobody was told: too many" in caplog.text
    monkeypatch.undo()
    office.asks()
    assert len(service.posted) == 1


def test_people_can_have_keys_of_their_own(office):
    secret, public = pair(b"m" * 32)
    foreign, _ = pair(b"f" * 32)
    asked = office.asks()
    answers = WebhookAnswers(office.inbox, {str(MARIA): public, str(BORIS): OTHER})
    for wrong in ({"key": foreign}, {"key": secret, "by": "user:boris"},
                  {"key": secret, "by": "user:ursula"}, {"key": OTHER}):  # fmt: skip
        with pytest.raises(Forged):
            answers.receive(*answer(office, asked, **wrong))
    answers.receive(*answer(office, asked, key=secret))
    assert office.refund() == 400


def test_answers_need_to_know_who_there_is(office):
    from remit import Desk

    with pytest.raises(TypeError, match="people="):
        WebhookAnswers(Desk(office.ledger), KEY)


@pytest.mark.parametrize("status", [500, 302, 404])
def test_a_question_that_cannot_be_told_waits_and_is_told_the_next_time(
    office, service, status, caplog
):
    service.answers = [(status, b"no")]
    with caplog.at_level(logging.WARNING, "remit.approvers"):
        asked = office.asks()
    assert f"approval {asked.id} waits, and nobody was told" in caplog.text
    assert str(status) in caplog.text
    assert [case.id for case in office.inbox.cases()] == [asked.id]
    office.asks()
    assert [path for path, _, _ in service.posted] == ["/asked", "/asked"]


def test_a_question_is_told_again_if_nobody_took_it(service):
    office = Office(lambda clock: WebhookApprover(service.url, KEY, retries=(0, 0), clock=clock))
    service.answers = [(500, b""), (503, b"")]
    asked = office.asks()
    assert [headers["webhook-id"] for _, headers, _ in service.posted] == [asked.id] * 3


def test_a_call_does_not_wait_for_the_service(caplog):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        office = Office(lambda clock: WebhookApprover(url, KEY, retries=(), clock=clock))
        with pytest.raises(Pending):
            office.refund()
        assert not finish(0.0)
        silent.accept()[0].close()
        assert finish(10)
    assert "could not be reached" in caplog.text


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://approvals.example/", KEY),
        ("ftp://approvals.example/", KEY),
        ("https://user@approvals.example/", KEY),
        ("https://approvals.example/", "whsec_c2hvcnQ="),
        ("https://approvals.example/", "secret"),
        ("https://approvals.example/", pair(b"m" * 32)[1]),
    ],
)
def test_what_would_not_be_safe_is_refused_at_once(url, key):
    with pytest.raises(ValueError, match=r"address|https|key") as refused:
        WebhookApprover(url, key)
    assert key not in str(refused.value)

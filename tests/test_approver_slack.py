"""Slack: a question becomes a message with two buttons, and a pressed button an answer."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from urllib.parse import urlencode

import pytest
from channel_desk import MARIA, SECOND, Office
from loopback import web

from remit import Conflict, Pending
from remit.approvers.channel import finish
from remit.approvers.slack import SlackAnswers, SlackApprover
from remit.errors import Forged

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


@pytest.fixture
def slack():
    with web() as server:
        yield server


@pytest.fixture
def office(slack):
    return Office(lambda clock: approver(slack, clock))


def approver(slack, clock):
    return SlackApprover("xoxb-1", "C01", api=f"{slack.url}/api", retries=(), clock=clock)


def answers(office, slack):
    return SlackAnswers(office.inbox, SECRET, "xoxb-1", api=f"{slack.url}/api")


def calls(slack):
    return [(path.rpartition("/")[2], json.loads(body)) for path, _, body in slack.posted]


def buttons(message):
    return {
        element["action_id"]: element["value"]
        for block in message["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    }


def press(office, value, *, action="remit_approve", user="U01MARIA", ago=0, secret=SECRET, **more):
    at = office.now - ago * SECOND
    payload = {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": user, "username": "whatever"},
        "channel": {"id": "C01", "name": "approvals"},
        "message": {"ts": "1795262400.000100", "text": "…"},
        "response_url": "https://hooks.slack.example/x",
        "actions": [{"action_id": action, "value": value, "action_ts": f"{at // SECOND}.000200",
                     "type": "button"}],
    } | more  # fmt: skip
    body = urlencode({"payload": json.dumps(payload)}).encode()
    return signed(at // SECOND, body, secret), body


def signed(at, body, secret=SECRET):
    mac = hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256)
    return {
        "X-Slack-Request-Timestamp": str(at),
        "X-Slack-Signature": f"v0={mac.hexdigest()}",
    }


def test_signatures_are_those_that_slack_documents(office, slack):
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id="
        b"G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-"
        b"collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700"
        b"885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2"
        b"c447fce8b6703c"
    )
    headers = {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    office.now = 1531420618 * SECOND
    with pytest.raises(Conflict, match="no pressed button"):
        answers(office, slack).receive(headers, body)
    with pytest.raises(Forged, match="signing secret"):
        answers(office, slack).receive(headers, body + b"1")


def test_a_question_is_posted_once_as_plain_text(office, slack):
    asked = office.asks(order="<!channel> *x*\x1b")
    office.asks(order="<!channel> *x*\x1b")
    ((method, message),) = calls(slack)
    assert slack.posted[0][1]["authorization"] == "Bearer xoxb-1"
    assert (method, message["channel"]) == ("chat.postMessage", "C01")
    text = message["blocks"][0]["text"]
    assert (text["type"], text["emoji"]) == ("plain_text", False)
    for fact in ("who: agent:support for ursula", "risk: high", "with order: <!channel> *x*\\x1b"):
        assert fact in text["text"].splitlines()
    assert message["metadata"]["event_payload"] == {"approval": asked.id}
    assert buttons(message) == dict.fromkeys(
        ("remit_approve", "remit_deny"), f"{asked.id} {asked.digest}"
    )


def test_a_pressed_button_answers_and_the_message_says_so(office, slack):
    office.asks()
    value = buttons(calls(slack)[0][1])["remit_approve"]
    case = answers(office, slack).receive(*press(office, value))
    assert finish(10)
    assert case.answers[0].approver == MARIA
    method, message = calls(slack)[1]
    assert (method, message["channel"], message["ts"]) == (
        "chat.update", "C01", "1795262400.000100",
    )  # fmt: skip
    assert buttons(message) == {}
    assert message["blocks"][-1]["elements"][0]["text"] == "approved by user:maria: approved"
    assert office.refund() == 400
    with pytest.raises(Pending):
        office.refund()


def test_where_it_takes_two_the_buttons_stay_for_the_second(slack):
    office = Office(lambda clock: approver(slack, clock), quorum=2)
    office.asks()
    value = buttons(calls(slack)[0][1])["remit_approve"]
    answers(office, slack).receive(*press(office, value))
    assert finish(10)
    message = calls(slack)[1][1]
    assert set(buttons(message)) == {"remit_approve", "remit_deny"}
    (told,) = [one for one in message["blocks"] if one["type"] == "context"]
    assert told["elements"][0]["text"] == "approved by user:maria: waiting"


def test_deny_refuses(office, slack):
    office.asks()
    value = buttons(calls(slack)[0][1])["remit_deny"]
    answers(office, slack).receive(*press(office, value, action="remit_deny"))
    assert finish(10)
    assert calls(slack)[1][1]["blocks"][-1]["elements"][0]["text"].endswith("refused")


@pytest.mark.parametrize(
    ("options", "error", "why"),
    [
        ({"secret": "another"}, Forged, "signing secret"),
        ({"ago": 301}, Forged, "too long ago"),
        ({"user": "U0EVE"}, Conflict, "nobody who may answer"),
        ({"user": "U02DORA"}, Conflict, "that takes role:manager"),
        ({"user": "U03"}, Conflict, "of their own"),
        ({"action": "remit_other"}, Conflict, "no pressed button"),
        ({"type": "view_submission"}, Conflict, "no pressed button"),
        ({"actions": []}, Conflict, "no pressed button"),
        ({"value": "{id} 0000"}, Conflict, "about another request"),
        ({"value": "nothing"}, Conflict, "there is no approval nothing"),
    ],
)
def test_anything_else_is_no_answer(office, slack, options, error, why):
    asked = office.asks()
    value = options.pop("value", "{id} {digest}").format(id=asked.id, digest=asked.digest)
    with pytest.raises(error, match=why):
        answers(office, slack).receive(*press(office, value, **options))
    with pytest.raises(Pending):
        office.refund()
    assert finish(10)


def test_whoever_may_not_is_told_why_and_nobody_else_is(office, slack):
    asked = office.asks()
    with pytest.raises(Conflict):
        answers(office, slack).receive(*press(office, f"{asked.id} {asked.digest}", user="U02DORA"))
    assert finish(10)
    method, message = calls(slack)[1]
    assert (method, message["user"], message["channel"]) == (
        "chat.postEphemeral", "U02DORA", "C01",
    )  # fmt: skip
    assert "user:dora may not answer" in message["text"]


def test_a_press_that_was_taken_back_cannot_be_played_again(office, slack):
    asked = office.asks()
    value, receiver = f"{asked.id} {asked.digest}", answers(office, slack)
    yes = press(office, value)
    receiver.receive(*yes)
    office.now += SECOND
    receiver.receive(*press(office, value, action="remit_deny"))
    office.now += SECOND
    with pytest.raises(Conflict, match="since"):
        receiver.receive(*yes)
    assert finish(10)


def test_what_does_not_fit_can_be_refused_and_not_approved(office, slack):
    office.asks(order="x" * 5000)
    message = calls(slack)[0][1]
    assert set(buttons(message)) == {"remit_deny"}
    assert len(message["blocks"][0]["text"]["text"]) < 3000
    assert "approve it where all of it can be seen" in json.dumps(message)


def test_an_error_of_slack_is_logged_and_the_question_waits(office, slack, caplog):
    slack.answers = [(200, b'{"ok": false, "error": "not_in_channel"}')]
    with caplog.at_level(logging.WARNING, "remit.approvers"):
        asked = office.asks()
    assert "chat.postMessage says not_in_channel" in caplog.text
    assert [case.id for case in office.inbox.cases()] == [asked.id]
    assert "xoxb-1" not in caplog.text

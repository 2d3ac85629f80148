"""E-mail: a link for each person, a page that shows the question, and an answer that is posted."""

from __future__ import annotations

import base64
import html
import logging
import re
from urllib.parse import urlencode, urlsplit

import pytest
from channel_desk import PEOPLE, SECOND, Office
from loopback import smtp

from remit import Pending
from remit.approvers.email import EmailApprover, Smtp
from remit.approvers.link import Link, link_key
from remit.approvers.pages import EmailAnswers

KEY = "whsec_" + base64.b64encode(b"e" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"f" * 32).decode()


@pytest.fixture
def box():
    with smtp() as mailbox:
        yield mailbox


@pytest.fixture
def office(box):
    return Office(lambda clock: approver(box, clock))


def approver(box, clock, **options):
    server = Smtp("127.0.0.1", "remit@acme.example", box.port, plain=True)
    links = "https://acme.example/approvals"
    return EmailApprover(server, links, KEY, PEOPLE, retries=(), clock=clock, **options)


@pytest.fixture
def pages(office):
    return EmailAnswers(office.inbox, KEY)


def link_of(mail):
    (address,) = re.findall(r"https://\S+", mail.get_content())
    return urlsplit(address).query


def field(page, name="link"):
    (value,) = re.findall(rf'name="{name}" value="([^"]*)"', page.body.decode())
    return html.unescape(value)


def post(pages, token, answer="approve", **more):
    return pages.handle("POST", "", urlencode({"link": token, "answer": answer} | more).encode())


def test_everybody_who_may_answer_gets_a_mail_of_their_own(office, box):
    asked = office.asks(order="o-1\r\nBcc: eve@evil.example\x1b")
    office.asks(order="o-1\r\nBcc: eve@evil.example\x1b")
    mail = {one["to"]: one for one in box.mail}
    assert sorted(mail) == ["boris@acme.example", "maria@acme.example"]
    one = mail["maria@acme.example"]
    assert one["subject"] == f"May agent:support refund? Approval {asked.id}"
    assert one["bcc"] is None
    text = one.get_content()
    for fact in ("who: agent:support for ursula", "risk: high", "with amount: 400"):
        assert fact in text
    assert "with order: o-1\\r\\nBcc: eve@evil.example\\x1b" in text
    assert len({link_of(each) for each in box.mail}) == 2


def test_a_link_opens_a_page_that_answers_nothing(office, box, pages):
    office.asks(order="<script>alert(1)</script>")
    for _ in range(3):
        page = pages.handle("GET", link_of(box.mail[0]))
        assert page.status == 200
    assert "&lt;script&gt;" in page.body.decode()
    assert "<script" not in page.body.decode()
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert office.inbox.cases()[0].answers == ()
    with pytest.raises(Pending):
        office.refund(order="<script>alert(1)</script>")


def test_what_is_posted_from_the_page_answers(office, box, pages):
    asked = office.asks()
    (mail,) = [one for one in box.mail if one["to"].startswith("maria")]
    token = field(pages.handle("GET", link_of(mail)))
    page = post(pages, token, reason="lost parcel")
    assert (page.status, "is approved" in page.body.decode()) == (200, True)
    (answer,) = office.inbox.case(asked.id).answers
    assert (str(answer.approver), answer.reason) == ("user:maria", "lost parcel")
    assert office.refund() == 400


def test_a_link_is_for_one_answer(office, box, pages):
    asked = office.asks()
    token = field(pages.handle("GET", link_of(box.mail[0])))
    assert post(pages, token, "deny").status == 200
    used = post(EmailAnswers(office.inbox, KEY), token)
    assert (used.status, "this link was used" in used.body.decode()) == (409, True)
    assert [answer.approved for answer in office.inbox.case(asked.id).answers] == [False]
    again = pages.handle("GET", link_of(box.mail[0])).body.decode()
    assert "you have answered: it is refused" in again
    assert "<form" not in again


def test_a_link_gets_too_old(office, box, pages):
    office.asks()
    token = field(pages.handle("GET", link_of(box.mail[0])))
    office.now += 86400 * SECOND
    assert post(pages, token).status == 403
    assert pages.handle("GET", link_of(box.mail[0])).status == 403


@pytest.mark.parametrize(
    ("key", "changes", "status"),
    [
        (OTHER, {}, 403),
        (KEY, {"by": "user:dora"}, 409),
        (KEY, {"by": "user:ursula"}, 409),
        (KEY, {"by": "user:eve"}, 409),
        (KEY, {"digest": "0" * 64}, 409),
        (KEY, {"approval": "nothing"}, 409),
    ],
)
def test_any_other_link_answers_nothing(office, pages, key, changes, status):
    asked = office.asks()
    good = {"approval": asked.id, "digest": asked.digest, "by": "user:maria"}
    link = Link(**(good | changes), until=office.now + SECOND).sign(link_key(key))
    assert post(pages, link).status == status
    assert office.inbox.case(asked.id).answers == ()


@pytest.mark.parametrize("token", ["", ".", "x.y", "é.é", "W10.", "a" * 5000])
def test_what_is_no_link_is_refused(pages, token):
    assert post(pages, token).status == 403
    assert pages.handle("GET", urlencode({"link": token})).status == 403


def test_other_methods_and_answers_are_refused(office, box, pages):
    office.asks()
    token = field(pages.handle("GET", link_of(box.mail[0])))
    assert pages.handle("PUT", link_of(box.mail[0])).status == 405
    assert post(pages, token, "perhaps").status == 409
    assert office.inbox.cases()[0].answers == ()


@pytest.mark.parametrize(("refused", "other"), [("maria", "boris"), ("boris", "maria")])
def test_who_could_not_be_reached_is_tried_again_and_the_others_are_not(
    office, box, caplog, refused, other
):
    box.refused = {refused}
    with caplog.at_level(logging.WARNING, "remit.approvers"):
        asked = office.asks()
    assert f"approval {asked.id} waits" in caplog.text
    box.refused = set()
    office.asks()
    assert [one["to"] for one in box.mail] == [f"{other}@acme.example", f"{refused}@acme.example"]


def test_mail_goes_over_tls_unless_to_this_machine(box, caplog):
    with pytest.raises(ValueError, match="https"):
        Smtp("mail.example", "a@b.example", plain=True).connect()
    server = Smtp("127.0.0.1", "remit@acme.example", box.port, password="hunter2")
    links = "https://acme.example/approvals"
    office = Office(
        lambda clock: EmailApprover(server, links, KEY, PEOPLE, retries=(), clock=clock)
    )
    office.asks()
    assert "did not take all mail" in caplog.text
    assert box.mail == []
    assert "hunter2" not in repr(server)

"""Slack: a message with two buttons, and what happens when somebody presses one.

    inbox = Inbox(ledger, channel=SlackApprover(token, "C0123APPROVALS"), people=people)
    answers = SlackAnswers(inbox, signing_secret, token)
    case = answers.receive(headers, body)     # the handler of the app's interactivity URL

Who pressed is who Slack says, found among the people by `slack`, their member id there:
`Subject("user", "maria", {"roles": ["manager"], "slack": "U012AB3CD"})`.

A message shows everything there is to see, or it has no button to approve with: what does not
fit is approved where it can be seen.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import parse_qs

import msgspec

from remit.approvers.answers import Said, take
from remit.approvers.channel import (
    RETRIES,
    SECONDS,
    Channel,
    Undelivered,
    beside,
    log,
    one_of,
    quietly,
)
from remit.approvers.desk import Desk
from remit.approvers.post import checked, post
from remit.approvers.question import Show, facts, shown
from remit.approvers.signing import fresh
from remit.approvers.status import Status
from remit.audit.case import Case
from remit.canonical import read
from remit.errors import Conflict, Forged, NotData
from remit.model import ApprovalRequest
from remit.visible import visible

API = "https://slack.com/api"
MOST_TEXT = 2800
"""Characters of facts in a message; Slack takes 3,000 in a block."""

_APPROVE, _DENY = "remit_approve", "remit_deny"


class SlackApprover(Channel):
    """Posts each question to a channel, as the app whose bot token this is (scope `chat:write`)."""

    def __init__(
        self,
        token: str,
        channel: str,
        *,
        api: str = API,
        seconds: float = SECONDS,
        show: Show = facts,
        retries: Sequence[float] = RETRIES,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(show=show, retries=retries, clock=clock)
        self.slack = _Slack(token, api, seconds)
        self.channel = channel

    def deliver(self, question: ApprovalRequest) -> None:
        """Post *question*."""
        blocks = [*_facts(question, self.show), _buttons(question, self.show)]
        about = {"event_type": "remit_approval", "event_payload": {"approval": question.id}}
        headline = f"approval {question.id}: {question.request.action.name}"
        message = {"channel": self.channel, "blocks": blocks, "metadata": about}
        self.slack.call("chat.postMessage", {**message, **_plain(headline)})


class SlackAnswers:
    """Takes what people press to the questions of *desk*, which has to know who there is.

    Args:
        desk: where the questions are answered; an `Inbox` is one.
        secret: the app's signing secret.
        token: its bot token, to write into the message what was answered.
        show: as for the approver.

    Raises:
        TypeError: the desk was not told who there is.
    """

    def __init__(
        self,
        desk: Desk,
        secret: str,
        token: str,
        *,
        api: str = API,
        seconds: float = SECONDS,
        show: Show = facts,
    ) -> None:
        if desk.people is None:
            raise TypeError("answers from outside need a desk with people=, which says who may")
        self.desk = desk
        self.secret = secret.encode()
        self.slack = _Slack(token, api, seconds)
        self.show = show

    def receive(self, headers: Mapping[str, str], body: bytes) -> Case:
        """The case that is answered. The message then says so, or whoever pressed is told why not.

        Raises:
            Forged: Slack did not send this just now.
            Conflict: it is no answer, or one that cannot be taken.
        """
        self._check(headers, body)
        pressed = _pressed(body)
        try:
            case = take(self.desk, self._said(pressed))
        except Conflict as conflict:
            why = _plain(str(conflict))
            place = {"channel": pressed.channel.id, "user": pressed.user.id}
            self._tell("chat.postEphemeral", {**place, **why})
            raise
        self._tell("chat.update", self._answered(case, pressed))
        return case

    def _check(self, headers: Mapping[str, str], body: bytes) -> None:
        found = {name.lower(): value for name, value in headers.items()}
        at = found.get("x-slack-request-timestamp", "")
        fresh(at, self.desk.clock() // 10**9)
        message = f"v0:{at}:".encode() + body
        signature = f"v0={hmac.new(self.secret, message, hashlib.sha256).hexdigest()}"
        if not hmac.compare_digest(signature.encode(), found.get("x-slack-signature", "").encode()):
            raise Forged("the message is not signed with the app's signing secret")

    def _said(self, pressed: _Pressed) -> Said:
        by = one_of(self.desk.people or {}, "slack", pressed.user.id)
        action = pressed.actions[0]
        approval, _, digest = action.value.partition(" ")
        seconds, _, rest = action.action_ts.partition(".")
        try:
            at = int(seconds) * 10**9 + int(rest.ljust(9, "0")[:9])
        except ValueError as error:
            raise Conflict("the message does not say when the button was pressed") from error
        return Said(approval, digest, by, action.action_id == _APPROVE, at)

    def _answered(self, case: Case, pressed: _Pressed) -> dict[str, Any]:
        status = self.desk.status(case)
        said = [f"{'approved' if one.approved else 'refused'} by {one.approver}"
                for one in case.answers]  # fmt: skip
        told = f"{', '.join(said)}: {status}"
        blocks = [*_facts(case.question, self.show), _context(told)]
        # Where it takes more people, the next one needs the buttons.
        blocks += [_buttons(case.question, self.show)] if status is Status.WAITING else []
        place = {"channel": pressed.channel.id, "ts": pressed.message.ts}
        return {**place, "blocks": blocks, **_plain(f"approval {case.id}: {told}")}

    def _tell(self, method: str, message: dict[str, Any]) -> None:
        what = f"Slack's {method}"
        if not beside(lambda: quietly(lambda: self.slack.call(method, message), what)):
            log.warning("%s was left out: too much is under way", what)


class _Slack:
    """Its Web API."""

    def __init__(self, token: str, api: str, seconds: float) -> None:
        checked(api)
        self.token = token
        self.api = api
        self.seconds = seconds

    def call(self, method: str, arguments: dict[str, Any]) -> None:
        headers = {
            "authorization": f"Bearer {self.token}",
            "content-type": "application/json; charset=utf-8",
        }
        body = msgspec.json.encode(arguments)
        answer = post(f"{self.api}/{method}", headers, body, seconds=self.seconds)
        try:
            result = msgspec.json.decode(answer, type=_Result)
        except msgspec.MsgspecError as error:
            raise Undelivered(f"Slack's {method} answered with something else: {error}") from error
        if not result.ok:
            raise Undelivered(f"Slack's {method} says {visible(result.error)}")


class _Result(msgspec.Struct):
    ok: bool
    error: str = ""


class _Named(msgspec.Struct):
    id: str


class _Message(msgspec.Struct):
    ts: str


class _Button(msgspec.Struct):
    action_id: Literal["remit_approve", "remit_deny"]
    value: str
    action_ts: str


class _Pressed(msgspec.Struct):
    type: Literal["block_actions"]
    user: _Named
    channel: _Named
    message: _Message
    actions: tuple[_Button]


def _pressed(body: bytes) -> _Pressed:
    try:
        (payload,) = parse_qs(body.decode(), strict_parsing=True, max_num_fields=8)["payload"]
        return msgspec.convert(read(payload), _Pressed)
    except (KeyError, NotData, ValueError, msgspec.ValidationError) as error:
        raise Conflict(f"the message is no pressed button of a question: {error}") from error


def _facts(question: ApprovalRequest, show: Show) -> list[dict[str, Any]]:
    text = _text(question, show)
    if len(text) <= MOST_TEXT:
        return [{"type": "section", "text": _words(text)}]
    more = f"{len(text) - MOST_TEXT} more characters; approve it where all of it can be seen: "
    cut = {"type": "section", "text": _words(f"{text[:MOST_TEXT]}…")}
    return [cut, _context(f"{more}remit approvals show {question.id}")]


def _text(question: ApprovalRequest, show: Show) -> str:
    return "\n".join(f"{name}: {fact}" for name, fact in shown(question, show).items())


def _buttons(question: ApprovalRequest, show: Show) -> dict[str, Any]:
    """Only what can be seen can be approved; anything can be refused."""
    value = f"{question.id} {question.digest}"
    approve = _button("Approve", _APPROVE, value, "primary")
    deny = _button("Deny", _DENY, value, "danger")
    if len(_text(question, show)) > MOST_TEXT:
        return {"type": "actions", "elements": [deny]}
    return {"type": "actions", "elements": [approve, deny]}


def _button(label: str, action: str, value: str, style: str) -> dict[str, Any]:
    shape = {"type": "button", "text": _words(label), "style": style}
    return {**shape, "action_id": action, "value": value}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [_words(visible(text))]}


def _words(text: str) -> dict[str, Any]:
    """Text in which nothing means anything: no links, mentions or emoji."""
    return {"type": "plain_text", "text": text, "emoji": False}


def _plain(text: str) -> dict[str, Any]:
    """The same for the text of a notification."""
    escaped = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": escaped, "mrkdwn": False, "parse": "none", "unfurl_links": False}

"""A webhook: questions are posted to a service, signed; it posts signed answers back.

    channel = WebhookApprover("https://approvals.example/asked", key)
    inbox = Inbox(ledger, channel=channel, people=people)
    answers = WebhookAnswers(inbox, key)
    case = answers.receive(headers, body)            # in a web framework's handler

Out:

    {"type": "approval.asked", "timestamp": "2026-05-01T12:00:00Z", "data":
     {"approval": "5d1c…", "digest": "9f86…", "until": "…Z", "facts": {"who": "agent:support", …}}}

Back, with a `webhook-id` of its own:

    {"type": "approval.answered", "timestamp": "2026-05-01T12:03:00.5Z", "data":
     {"approval": "5d1c…", "digest": "9f86…", "by": "user:maria", "approved": true, "reason": ""}}

`timestamp` is when the person answered. See `remit.approvers.signing` for the headers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from remit.approvers.answers import Said, take
from remit.approvers.channel import RETRIES, SECONDS, Channel
from remit.approvers.desk import Desk
from remit.approvers.post import checked, post
from remit.approvers.question import Show, facts, shown
from remit.approvers.signing import Key, check, signed
from remit.audit.case import Case
from remit.canonical import read
from remit.errors import Conflict, Forged, NotData
from remit.model import ApprovalRequest


class WebhookApprover(Channel):
    """Posts each question to *url*, signed with *key*; the id of the message is the approval's.

    Raises:
        ValueError: plain HTTP to another machine, or no key that can sign.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        seconds: float = SECONDS,
        show: Show = facts,
        retries: Sequence[float] = RETRIES,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(show=show, retries=retries, clock=clock)
        checked(url)
        self.url = url
        self.key = Key.parse(key)
        self.key.sign(b"")
        self.seconds = seconds

    def deliver(self, question: ApprovalRequest) -> None:
        """Post *question*."""
        data = {
            "approval": question.id,
            "digest": question.digest,
            "until": _written(question.until),
            "facts": shown(question, self.show),
        }
        body = msgspec.json.encode(
            {"type": "approval.asked", "timestamp": _written(question.at), "data": data}
        )
        headers = signed(question.id, self.clock() // 10**9, body, self.key)
        kind = {"content-type": "application/json", "idempotency-key": question.id}
        post(self.url, {**kind, **headers}, body, seconds=self.seconds)


class WebhookAnswers:
    """Takes signed answers to the questions of *desk*, which has to know who there is.

    Args:
        desk: where the questions are answered; an `Inbox` is one.
        keys: the key of a service that says who answered; or a key for each person, by
            `type:id`, which then has to be the one that signed.

    Raises:
        TypeError: the desk was not told who there is.
    """

    def __init__(self, desk: Desk, keys: str | Mapping[str, str]) -> None:
        if desk.people is None:
            raise TypeError("answers from outside need a desk with people=, which says who may")
        self.desk = desk
        self.keys = (
            Key.parse(keys)
            if isinstance(keys, str)
            else {name: Key.parse(key) for name, key in keys.items()}
        )

    def receive(self, headers: Mapping[str, str], body: bytes) -> Case:
        """The case that is answered.

        Raises:
            Forged: no key that is known signed it just now.
            Conflict: it is no answer, or one that cannot be taken.
        """
        now = self.desk.clock() // 10**9
        if isinstance(self.keys, Key):
            check(headers, body, self.keys, now)
            return take(self.desk, self._said(body))
        said = self._said(body)
        key = self.keys.get(str(said.by))
        if key is None:
            raise Forged(f"no key of {said.by} is known here")
        check(headers, body, key, now)
        return take(self.desk, said)

    def _said(self, body: bytes) -> Said:
        try:
            message = msgspec.convert(read(body), _Message)
            at = datetime.fromisoformat(message.timestamp)
        except (NotData, msgspec.ValidationError, ValueError) as error:
            raise Conflict(f"the message is no answer: {error}") from error
        if at.tzinfo is None:
            raise Conflict("the message is no answer: its timestamp names no zone")
        data, people = message.data, self.desk.people or {}
        if data.by not in people:
            raise Conflict(f"{data.by} is nobody who may answer here")
        moment = int(at.timestamp()) * 10**9 + at.microsecond * 1000
        by = people[data.by]
        return Said(data.approval, data.digest, by, data.approved, moment, data.reason)


class _Data(msgspec.Struct, forbid_unknown_fields=True):
    approval: str
    digest: str
    by: str
    approved: bool
    reason: str = ""


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["approval.answered"]
    timestamp: str
    data: _Data


def _written(at: int) -> str:
    moment = datetime.fromtimestamp(at // 10**6 / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

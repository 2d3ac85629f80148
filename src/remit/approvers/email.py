"""E-mail: everybody who may answer gets a link of their own, to a page with two buttons.

    channel = EmailApprover(Smtp("mail.acme.com", "remit@acme.com"), "https://…", key, people)
    inbox = Inbox(ledger, channel=channel, people=people)

Where people are told is in their properties: `Subject("user", "maria", {"email": "m@acme.com"})`.
Whoever can read the mail can answer in their name. The pages are `remit.approvers.pages`.
"""

from __future__ import annotations

import hashlib
import smtplib
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from email.utils import formatdate

import msgspec

from remit.approvers.channel import RETRIES, SECONDS, Channel, Undelivered
from remit.approvers.link import Link, link_key
from remit.approvers.post import checked
from remit.approvers.question import Show, facts, shown
from remit.model import Approval, ApprovalRequest, Subject
from remit.policy.approval import Answers, may_answer
from remit.visible import visible

DAY = 86400.0


class Smtp(msgspec.Struct, frozen=True):
    """The server that takes the mail, and how to reach it."""

    host: str
    sender: str
    port: int = 465
    """TLS from the start on 465; on any other port it is negotiated, or nothing is sent."""
    user: str = ""
    password: str = ""
    plain: bool = False
    """No TLS, for a server on this machine."""
    seconds: float = SECONDS

    def __repr__(self) -> str:
        return f"Smtp({self.host}:{self.port})"

    def connect(self) -> smtplib.SMTP:
        """A session, over TLS and logged in."""
        if self.plain:
            checked(f"http://{self.host}")
            return smtplib.SMTP(self.host, self.port, timeout=self.seconds)
        session = self._secure()
        try:
            if self.user:
                session.login(self.user, self.password)
        except BaseException:
            session.close()
            raise
        return session

    def _secure(self) -> smtplib.SMTP:
        secure = ssl.create_default_context()
        if self.port == 465:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.seconds, context=secure)
        session = smtplib.SMTP(self.host, self.port, timeout=self.seconds)
        try:
            session.starttls(context=secure)
        except BaseException:
            session.close()
            raise
        return session


class EmailApprover(Channel):
    """Sends each question to those of *people* who may answer it.

    Args:
        smtp: the server.
        links: the address of the pages (`EmailAnswers`).
        key: signs the links, `whsec_` and base64; that of the pages.
        people: everybody who may answer, by `type:id`, with `email` among their properties.
        lasting: seconds that a link is good for, at most.
        show: which facts about a question they are shown.
        retries: seconds before each further attempt.
        clock: Unix time in nanoseconds.

    Raises:
        ValueError: the key is none, or the links lead over plain HTTP to another machine.
    """

    def __init__(
        self,
        smtp: Smtp,
        links: str,
        key: str,
        people: Mapping[str, Subject],
        *,
        lasting: float = DAY,
        show: Show = facts,
        retries: Sequence[float] = RETRIES,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(show=show, retries=retries, clock=clock)
        checked(links)
        self.smtp = smtp
        self.links = links
        self.key = link_key(key)
        self.people = people
        self.lasting = lasting
        self._sent: set[tuple[str, str]] = set()
        """Which question went to whom, while some of its mails are still to be sent."""

    def deliver(self, question: ApprovalRequest) -> None:
        """Send *question* to everybody who has not got it."""
        those = [who for who in self.people.values() if self._wanted(who, question)]
        if not those:
            raise Undelivered("nobody who may answer has an address")
        mail = {(question.id, str(who)): self._mail(question, who) for who in those}
        failed: list[Exception] = []
        try:
            with self.smtp.connect() as session:
                for key in mail.keys() - self._sent:
                    self._send(session, key, mail[key], failed)
        except (OSError, smtplib.SMTPException) as error:
            failed.append(error)
        if failed:
            raise Undelivered(f"{self.smtp.host} did not take all mail: {failed[0]}") from failed[0]
        self._sent -= mail.keys()

    def _send(
        self,
        session: smtplib.SMTP,
        key: tuple[str, str],
        mail: EmailMessage,
        failed: list[Exception],
    ) -> None:
        try:
            session.send_message(mail)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException) as error:
            failed.append(error)  # the others get theirs
        else:
            self._sent.add(key)

    def _wanted(self, who: Subject, question: ApprovalRequest) -> bool:
        answer = Approval(True, who, question.digest, question.at)  # noqa: FBT003 - the field's place
        may = may_answer(answer, question.terms) and not Answers(question.request).own(answer)
        return may and isinstance(who.properties.get("email"), str)

    def _mail(self, question: ApprovalRequest, who: Subject) -> EmailMessage:
        until = min(question.until, self.clock() + int(self.lasting * 1e9))
        token = Link(question.id, question.digest, str(who), until).sign(self.key)
        mail = EmailMessage()
        mail["From"] = self.smtp.sender
        mail["To"] = who.properties["email"]
        subject, action = question.request.subject, question.request.action.name
        mail["Subject"] = visible(f"May {subject} {action}? Approval {question.id}")
        mail["Date"] = formatdate(self.clock() / 1e9)
        # The same each time, so that a mail sent twice is one.
        unique = hashlib.sha256(f"{question.id} {who}".encode()).hexdigest()[:32]
        mail["Message-ID"] = f"<{unique}@remit.invalid>"
        mail["Auto-Submitted"] = "auto-generated"
        lines = [f"{name}: {fact}" for name, fact in shown(question, self.show).items()]
        lines += ["", "Look at it and answer here. The link is yours alone; pass it on to nobody."]
        mail.set_content("\n".join([*lines, "", f"{self.links}?link={token}", ""]))
        return mail

"""The pages that links in e-mail lead to: a question, and two buttons.

    pages = EmailAnswers(inbox, key)
    status, headers, body = pages.handle(method, query, body)    # in a web framework's handler

A link is good for one person, one question, a while, and one answer: once they have answered it
shows what has become of it. Opening one answers nothing, since filters of mail open every link.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import NamedTuple
from urllib.parse import parse_qs

from remit.approvers.answers import Said, last_of, take
from remit.approvers.desk import Desk
from remit.approvers.link import Link, link_key
from remit.approvers.question import Show, facts, shown
from remit.audit.case import Case
from remit.errors import Conflict, Forged
from remit.model import Subject
from remit.visible import visible

LONGEST_REASON = 2000


class Page(NamedTuple):
    """What a web framework is to answer."""

    status: int
    headers: dict[str, str]
    body: bytes


class EmailAnswers:
    """The pages that the links lead to. `handle` writes to the ledger: call it in a thread.

    Args:
        desk: where the questions are answered, which has to know who there is.
        key: that of the approver.
        show: as for the approver.

    Raises:
        TypeError: the desk was not told who there is.
        ValueError: the key is none.
    """

    def __init__(self, desk: Desk, key: str, *, show: Show = facts) -> None:
        if desk.people is None:
            raise TypeError("answers from outside need a desk with people=, which says who may")
        self.desk = desk
        self.key = link_key(key)
        self.show = show

    def handle(self, method: str, query: str, body: bytes = b"") -> Page:
        """The page that shows the question (GET), or takes the answer (POST)."""
        if method not in {"GET", "HEAD", "POST"}:
            return _page(405, "<p>This page is opened, or answered.</p>")
        try:
            if method != "POST":
                return self._ask(self._open(_form(query).get("link", "")))
            form = _form(body.decode("ascii", "replace"))
            return self._take(self._open(form.get("link", "")), form)
        except Forged as forged:
            return _page(403, _paragraph(str(forged)))
        except Conflict as conflict:
            return _page(409, _paragraph(str(conflict)))

    def _open(self, token: str) -> Link:
        link = Link.open(token, self.key)
        if self.desk.clock() >= link.until:
            raise Forged("this link is too old")
        return link

    def _ask(self, link: Link) -> Page:
        case, by = self._case(link)
        rows = _rows(shown(case.question, self.show))
        last = last_of(case, by)
        if case.closed or last is not None:
            done = "you have answered" if last is not None else "nothing is to be answered any more"
            return _page(200, f"{rows}{_paragraph(f'{done}: it is {self.desk.status(case)}')}")
        token = escape(f"{link.sign(self.key)}")
        return _page(200, f"{rows}{_FORM.format(token=token, by=escape(visible(str(by))))}")

    def _take(self, link: Link, form: Mapping[str, str]) -> Page:
        case, by = self._case(link)
        if last_of(case, by) is not None:
            raise Conflict("this link was used: you have answered")
        if form.get("answer") not in {"approve", "deny"}:
            raise Conflict("the form says neither approve nor deny")
        reason = form.get("reason", "")[:LONGEST_REASON]
        approved, now = form["answer"] == "approve", self.desk.clock()
        case = take(self.desk, Said(case.id, link.digest, by, approved, now, reason))
        status = f"approval {case.id} is {self.desk.status(case)}"
        return _page(200, f"{_rows(shown(case.question, self.show))}{_paragraph(status)}")

    def _case(self, link: Link) -> tuple[Case, Subject]:
        case, people = self.desk.ledger.case(link.approval), self.desk.people or {}
        if case is None or case.question.digest != link.digest:
            raise Conflict(f"there is no approval {link.approval} here")
        if link.by not in people:
            raise Conflict(f"{link.by} is nobody who may answer here")
        return case, people[link.by]


def _form(text: str) -> dict[str, str]:
    try:
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=16)
    except ValueError as error:
        raise Conflict(f"the form cannot be read: {error}") from error
    return {name: values[0] for name, values in fields.items() if len(values) == 1}


def _rows(shown_facts: Mapping[str, str]) -> str:
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(fact)}</dd>" for name, fact in shown_facts.items())
    return f"<dl>{''.join(rows)}</dl>"


def _paragraph(text: str) -> str:
    return f"<p>{escape(visible(text))}</p>"


def _page(status: int, content: str) -> Page:
    return Page(status, dict(_HEADERS), _PAGE.format(content=content).encode())


_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Approval</title>
<meta name="viewport" content="width=device-width">
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }}
body {{ max-width: 40rem; margin: 2rem auto; padding: 0 1rem }}
dt {{ font-weight: 600 }} dd {{ margin: 0 0 .5rem; overflow-wrap: anywhere }}
textarea, button {{ font: inherit }} textarea {{ width: 100% }}
</style></head>
<body><h1>Approval</h1>{content}</body></html>
"""
_FORM = """<form method="post">
<input type="hidden" name="link" value="{token}">
<p><label>Reason<br><textarea name="reason" rows="3" maxlength="2000"></textarea></label></p>
<p>You answer as {by}.
<button name="answer" value="approve">Approve</button>
<button name="answer" value="deny">Deny</button></p>
</form>"""

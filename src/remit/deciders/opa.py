"""Open Policy Agent as a decider, over its data API.

    guard = Guard(OpaDecider("http://localhost:8181", rule="data.app.decision"), ledger=ledger)

The request goes to `POST /v1/data/app/decision` as `document` has it, and what comes
back is read as `answer` says. Whatever else happens (no connection, a status other
than 200, an answer that is late, too large or malformed) is an error, which a guard
turns into `Unavailable`, and nothing runs.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeAlias

import msgspec

from remit.deciders.answer import UNDEFINED, Malformed, parse, read
from remit.deciders.document import document
from remit.deciders.exchange import Exchange, Question
from remit.deciders.rule import RULE, checked_rule
from remit.model import Decision, Request

Token: TypeAlias = str | Callable[[], str]

_TOKEN = re.compile(r"[!-~]+")


class OpaDecider:
    """Asks the OPA server at *url* for the value of *rule*.

    Args:
        url: where the server is. Plain `http` is for this machine only.
        rule: what to ask for: `data.` and the package and name of a rule.
        token: the bearer token OPA is to see, or a function that gives the one of the moment.
        timeout: seconds until there must be an answer.
        tls: which authorities to trust and which certificate to show; none: the system's.
        unencrypted: allow plain HTTP to another machine, where anybody in between can answer.

    Raises:
        ValueError: *url* or *rule* is none.
    """

    def __init__(
        self,
        url: str = "http://localhost:8181",
        *,
        rule: str = RULE,
        token: Token | None = None,
        timeout: float = 2.0,
        tls: ssl.SSLContext | None = None,
        unencrypted: bool = False,
    ) -> None:
        self.rule = rule
        self._token = token
        self._path = f"{data_path(rule)}?provenance=true"
        self._exchange = Exchange(url, timeout=timeout, tls=tls, unencrypted=unencrypted)

    def decide(self, request: Request, /) -> Future[Decision]:
        """OPA's answer to *request*, as a decision."""
        body = msgspec.json.encode({"input": document(request)})
        question = Question(self._path, body, headers(self._token))
        return self._exchange.ask(question, lambda text: self._read(text, request))

    def _read(self, text: bytes, request: Request) -> Decision:
        answer = parse(text)
        if not isinstance(answer, dict):
            raise Malformed("OPA answers with a document")
        value = answer.get("result", UNDEFINED)
        return read(value, request, source=self.rule, policy=_revision(answer))

    def close(self) -> None:
        """Let go of the connections; what is asked afterwards is not decided."""
        self._exchange.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def data_path(rule: str) -> str:
    """Where OPA's data API has the value of *rule*.

    Raises:
        ValueError: it is the name of none.
    """
    return "/v1/" + checked_rule(rule).replace(".", "/")


def headers(token: Token | None) -> dict[str, str]:
    """What goes with every question."""
    known = {"content-type": "application/json"}
    if token is None:
        return known
    given = token() if callable(token) else token
    if not _TOKEN.fullmatch(given):
        raise ValueError("the token is not one word of printable ASCII")
    return {**known, "authorization": f"Bearer {given}"}


def _revision(answer: dict[str, Any]) -> str:
    """Which policy OPA says it decided by: the revisions of its bundles."""
    provenance = answer.get("provenance")
    bundles = provenance.get("bundles") if isinstance(provenance, dict) else None
    if not isinstance(bundles, dict):
        return ""
    known: dict[str, str] = {
        name: one["revision"]
        for name, one in bundles.items()
        if isinstance(one, dict) and isinstance(one.get("revision"), str) and one["revision"]
    }
    if len(known) == 1:
        return next(iter(known.values()))
    return ",".join(f"{name}={one}" for name, one in sorted(known.items()))

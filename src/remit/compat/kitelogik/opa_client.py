"""`OPAClient`: the policies of a project, in an OPA server or, without one, here."""

from __future__ import annotations

import ssl
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import msgspec

from remit.compat.kitelogik import requests, verdicts
from remit.compat.kitelogik.evaluators import Evaluator, awaited
from remit.compat.kitelogik.later import Later, recover
from remit.compat.kitelogik.models import PolicyDecision
from remit.compat.kitelogik.native import Native
from remit.deciders.answer import Malformed, parse
from remit.model import Decision, Request

if TYPE_CHECKING:
    from remit.deciders.exchange import Exchange
    from remit.deciders.opa import Token

PATH = "/v1/data/kitelogik/main"


class OPAConnectionError(Exception):
    """OPA could not be asked, or did not answer."""


class OPAClient(Evaluator):
    """Asks OPA at *base_url* for `data.kitelogik.main`; without one, decides here, by the YAML.

    Args:
        base_url: where the server is. Plain `http` is for this machine only.
        token: the bearer token OPA is to see, or a function that gives the one of the moment.
        timeout: seconds until there must be an answer.
        tls: which authorities to trust, and which certificate to show; none: the system's.
        unencrypted: allow plain HTTP to another machine, where anybody in between can answer.

    Raises:
        ValueError: *base_url* is no address to ask at.
        PolicyError: without an address: the project's policy cannot be used.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        token: Token | None = None,
        timeout: float = 5.0,
        tls: ssl.SSLContext | None = None,
        unencrypted: bool = False,
    ) -> None:
        self.base_url = base_url
        self._token = token
        self._native: Native | None = None
        self._exchange: Exchange | None = None
        if base_url is None:
            self._native = Native.of_project()
            self.tiers = self._native.tiers
            return
        from remit.deciders.exchange import Exchange

        self._exchange = Exchange(base_url, timeout=timeout, tls=tls, unencrypted=unencrypted)

    def decide(self, request: Request, /) -> Later[Decision]:
        """What the policy says."""
        if self._native is not None:
            return self._native.decide(request)
        from remit.deciders.opa import headers

        body = msgspec.json.encode({"input": requests.document(request)})
        try:
            read = partial(_judged, request=request)
            answer = self._ask(PATH, body, headers(self._token), read)
        except Exception as error:  # noqa: BLE001 - whatever it is, OPA was not asked
            self._unreachable(error)
        return recover(answer, self._unreachable)

    def verdict(self, decision: Decision) -> PolicyDecision:
        """As of whoever decides."""
        if self._native is not None:
            return self._native.verdict(decision)
        return super().verdict(decision)

    async def health(self) -> bool:
        """Whether OPA says that it is well."""
        if self._native is not None:
            return True
        from remit.deciders.opa import headers

        try:
            return bool(await awaited(self._ask("/health", None, headers(self._token), _is_well)))
        except Exception:  # noqa: BLE001 - whatever it is, OPA is not well
            return False

    async def aclose(self) -> None:
        """Let go of the connections."""
        if self._exchange is not None:
            self._exchange.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _unreachable(self, error: Exception) -> NoReturn:
        raise OPAConnectionError(f"OPA at {self.base_url} gave no decision: {error}") from error

    def _ask(
        self, path: str, body: bytes | None, headers: dict[str, str], read: Any
    ) -> Future[Any]:
        from remit.deciders.exchange import Question

        assert self._exchange is not None
        return self._exchange.ask(Question(path, body, headers), read)


def _judged(text: bytes, request: Request) -> Decision:
    return verdicts.judged(_verdict(text), request)


def _verdict(text: bytes) -> PolicyDecision:
    answer = parse(text)
    if not isinstance(answer, dict):
        raise Malformed("OPA answers with a document")
    return verdicts.read(answer.get("result", {}))


def _is_well(_: bytes) -> bool:
    return True

"""The policy: documents, stacked, that answer requests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from remit.model import ApprovalTerms, Decision, Effect, Request
from remit.policy.approval import Answers
from remit.policy.check import Finding, check
from remit.policy.claims import claim, wanting
from remit.policy.compile import Dispatch
from remit.policy.conclude import DEFAULT_TERMS, conclude
from remit.policy.consult import Shape
from remit.policy.explain import Explainer, Explanation
from remit.policy.load import load
from remit.policy.rule import Default, Document
from remit.policy.tools import NO_TOOLS, Tools
from remit.policy.unmet import Unmet

REMEMBERED = 20_000
"""Decisions that are kept. When there are more, all are forgotten and made again."""

_NOBODY: Mapping[ApprovalTerms, tuple[str, ...]] = {}


class Policy:
    """Documents compiled into one decision function. It is a `Decider`, and never raises.

    Each document is a layer, and the strictest layer wins. Without documents
    nothing is allowed.
    """

    def __init__(self, *documents: Document) -> None:
        self.documents = documents
        digests = "".join(document.digest for document in documents)
        self.digest = hashlib.sha256(digests.encode()).hexdigest()
        """Names the policy: SHA-256 over the digests of its documents, in order."""
        self._dispatch = Dispatch(documents)
        self._shapes = self._dispatch.known
        self._remembered = 0

    @classmethod
    def parse(
        cls, source: str | bytes, *, file: str = "policy.yaml", tools: Tools = NO_TOOLS
    ) -> Policy:
        """The policy of one document; *file* is what errors call it.

        Conditions are checked against *tools*, and those that the document declares.

        Raises:
            PolicyError: the first mistake; the error's notes tell the others.
        """
        return cls(load(source, file, tools=tools))

    def stack(self, *above: Policy) -> Policy:
        """This policy and those of *above*, as layers of one."""
        return Policy(*self.documents, *(d for policy in above for d in policy.documents))

    def decide(self, request: Request, /) -> Decision:
        """Answer *request*, with the approvals it carries taken into account."""
        try:
            name = request.action.name
            shape = self._shapes.get(name)
            if shape is None:
                shape = self._dispatch.find(name)
            # Read once: another thread may find that there had better be none.
            parts = shape.parts
            if parts is not None:
                shape = parts.find(request)
            # Called by a local name: Python looks for a method first where a slot is called.
            narrow = shape.narrow
            left, unsure = narrow(request, shape.kept)
            unsure = unsure and left & unsure
            if not request.approvals:
                settled = shape.get((left, unsure) if unsure else left)
                if settled is not None:
                    return settled
            return self._consult(shape, request, left, unsure)
        except Unmet as unmet:
            return wanting(self._dispatch.limits, request, unmet, self.digest)
        except Exception as error:  # noqa: BLE001 - what cannot be decided is denied
            return self._undecided(error)

    def _consult(self, shape: Shape, request: Request, left: int, unsure: int) -> Decision:
        """The decision on what a request has left."""
        if request.approvals:
            lifters = self._lifters(shape, request)
            bits, errors, _ = shape.consult(request, left, unsure, shape.bits_of(lifters))
            again = conclude(shape, bits, errors, lifters, self.digest)
            return claim(shape.limits, self._dispatch.words, request, again)
        bits, errors, evaluated = shape.consult(request, left, unsure, 0)
        key = (bits, errors) if errors else bits
        decision = shape.decisions.get(key)
        if decision is None:
            decision = conclude(shape, bits, errors, _NOBODY, self.digest)
            self._remember(shape.decisions, key, decision)
        if shape.limits and decision.allowed:
            # What it takes of them is in the request, so nothing is settled.
            return claim(shape.limits, self._dispatch.words, request, decision)
        if not evaluated:
            self._remember(shape, (left, unsure) if unsure else left, decision)
        return decision

    def _remember(self, kept: dict[Any, Decision], key: object, decision: Decision) -> None:
        self._remembered += 1
        if self._remembered > REMEMBERED:
            self._remembered = 0
            self._dispatch.forget_decisions()
        kept[key] = decision

    @property
    def rules(self) -> tuple[str, ...]:
        """How decisions call each rule, in the order of the policy."""
        return tuple(candidate.label for candidate in self._dispatch.candidates)

    def explain(self, request: Request) -> Explanation:
        """The decision on *request*, and what became of every rule."""
        shape = self._dispatch.find(request.action.name)
        lifters = self._lifters(shape, request) if request.approvals else _NOBODY
        explainer = Explainer(self._dispatch.words, request, lifters)
        rules = tuple(map(explainer.explain, self._dispatch.candidates))
        return Explanation(self.decide(request), rules)

    def check(self, tools: Tools = NO_TOOLS, *, strict: bool = False) -> tuple[Finding, ...]:
        """What is probably not meant, or does not fit *tools*, in the order of the policy.

        A *strict* check also reports tools and facts that nothing declares.
        """
        if not tools:
            return check(self.documents, strict=strict)
        held = [replace(d, tools=d.tools.joined([tools])) for d in self.documents]
        return check(held, strict=strict)

    def _lifters(self, shape: Shape, request: Request) -> dict[ApprovalTerms, tuple[str, ...]]:
        answers = Answers(request)
        terms = {c.rule.terms for c in shape.candidates if c.rule.terms is not None}
        if any(document.default is Default.ASK for document in self.documents):
            terms.add(DEFAULT_TERMS)
        lifted = {each: answers.lift(each) for each in terms}
        return {each: people for each, people in lifted.items() if people}

    def _undecided(self, error: Exception) -> Decision:
        why = f"{type(error).__name__}: {error}"
        return Decision(
            Effect.DENY, "the policy could not decide it", errors=(why,), policy=self.digest
        )

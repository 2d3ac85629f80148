"""The value of one rule of some modules of Rego, for any input."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

import msgspec

from remit.canonical import NOTHING, canonical, freeze
from remit.deciders import rego_engine
from remit.deciders.keeper import Keeper
from remit.deciders.rego_engine import EngineThread
from remit.deciders.rule import checked_rule

T = TypeVar("T")


class RegoPolicy:
    """Evaluates *rule* in *modules*.

    Args:
        modules: Rego (version 1), by the names of the files, which errors call them.
        rule: `data.` and the package and name of a rule, or the name of a package.
        data: what `data` holds beside the modules.
        present: what is there in every input: `input.session.scopes`.

    Raises:
        PolicyError: a module cannot be used, or there is no such rule.
        NotData: *data* cannot be frozen.
        ValueError: *rule* is no name of a rule.
    """

    def __init__(
        self,
        modules: Mapping[str, str],
        rule: str,
        *,
        data: Mapping[str, Any] = NOTHING,
        present: Collection[str] = (),
    ) -> None:
        self.rule = checked_rule(rule)
        texts, more = dict(modules), freeze(dict(data), path="data")
        self.digest = hashlib.sha256(canonical([texts, more])).hexdigest()
        """Names the policy: SHA-256 over its modules and its data."""
        given = msgspec.json.encode(more).decode()
        build = partial(rego_engine.build, texts, given, rule, frozenset(present))
        self._keeper = Keeper(lambda: EngineThread(build))
        self._keeper.worker.ask(lambda _: None).result()

    def evaluate(self, given: str, read_answer: Callable[[Any], T]) -> Future[T]:
        """What *read_answer* makes of the rule's value when `input` is the JSON *given*."""
        rule = self.rule
        return self._keeper.worker.ask(
            lambda engine: read_answer(rego_engine.evaluate(engine, rule, given))
        )

    def close(self) -> None:
        """End the engine; what is asked afterwards has no value."""
        self._keeper.close()

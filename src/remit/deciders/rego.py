"""Rego in this process, evaluated by regorus.

    guard = Guard(RegoDecider.load("policies/", rule="data.app.decision"), ledger=ledger)

The policy reads what `document` writes and answers as `answer` says, as it would
under OPA; where the two engines would not agree, it does not load (`rego_check`).

The engine cannot leave the thread it was made in, and panics when it must. So it has
one of its own, and every decision is answered by a future. An evaluation cannot be
cut short: what bounds it is how large a guard lets arguments be, and the policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from remit.canonical import NOTHING
from remit.deciders.answer import read
from remit.deciders.document import PRESENT, document
from remit.deciders.rego_policy import RegoPolicy
from remit.deciders.rule import RULE
from remit.errors import PolicyError
from remit.model import Decision, Request

TESTS = "_test.rego"
"""How the names of Rego's own tests end; they are no policy."""


class RegoDecider:
    """Decides by the value of *rule* in *modules*.

    Args:
        modules: Rego (version 1), by the names of the files, which errors call them.
        rule: what to ask for: `data.` and the package and name of a rule.
        data: what `data` holds beside the modules.

    Raises:
        PolicyError: a module cannot be used, or there is no such rule.
        NotData: *data* cannot be frozen.
        ValueError: *rule* is no name of a rule.
    """

    def __init__(
        self, modules: Mapping[str, str], *, rule: str = RULE, data: Mapping[str, Any] = NOTHING
    ) -> None:
        self._policy = RegoPolicy(modules, rule, data=data, present=PRESENT)

    @property
    def digest(self) -> str:
        """Names the policy: SHA-256 over its modules and its data."""
        return self._policy.digest

    @classmethod
    def load(cls, *paths: str | Path, rule: str = RULE, data: Mapping[str, Any] = NOTHING) -> Self:
        """The decider of these files, and of the `*.rego` files in and below these folders.

        Raises:
            PolicyError: as `RegoDecider`, or a file cannot be read.
        """
        return cls({str(path): _text(path) for path in _files(paths)}, rule=rule, data=data)

    def decide(self, request: Request, /) -> Future[Decision]:
        """The answer to *request*, as a decision."""
        policy = self._policy
        return policy.evaluate(
            msgspec.json.encode(document(request)).decode(),
            lambda value: read(value, request, source=policy.rule, policy=policy.digest),
        )

    def close(self) -> None:
        """End the engine; what is asked afterwards is not decided."""
        self._policy.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _files(paths: tuple[str | Path, ...]) -> Iterator[Path]:
    for path in map(Path, paths):
        if not path.is_dir():
            yield path
            continue
        found = sorted(each for each in path.rglob("*.rego") if not each.name.endswith(TESTS))
        if not found:
            raise PolicyError("the folder has no *.rego file; add one", file=str(path))
        yield from found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"the file cannot be read: {error}", file=str(path)) from error

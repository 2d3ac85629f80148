"""`RegorusClient`: the policies of a project in Rego, evaluated in this process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from remit.canonical import NOTHING
from remit.compat.kitelogik import requests, verdicts
from remit.compat.kitelogik.evaluators import Evaluator
from remit.compat.kitelogik.later import Later
from remit.compat.kitelogik.native import POLICIES
from remit.compat.kitelogik.rego import compile_yaml
from remit.deciders.answer import UNDEFINED
from remit.model import Decision, Request
from remit.sources import StrPath

MAIN = "data.kitelogik.main"


class RegorusClient(Evaluator):
    """Evaluates `data.kitelogik.main` of the `*.rego` files below *policy_dir*.

    Args:
        policy_dir: where they are; none: those of a new project.
        data: what `data` holds besides.

    Raises:
        ImportError: regorus is not installed; the error says how it is.
        FileNotFoundError: there is no Rego in the folder.
        PolicyError: what is there cannot be used.
    """

    def __init__(
        self, policy_dir: StrPath | None = None, data: Mapping[str, Any] | None = None
    ) -> None:
        from remit.deciders.rego import TESTS
        from remit.deciders.rego_policy import RegoPolicy

        modules = bundle()
        if policy_dir is not None:
            found = sorted(Path(policy_dir).rglob("*.rego"))
            modules = {
                str(path): path.read_text(encoding="utf-8")
                for path in found
                if not path.name.endswith(TESTS)
            }
        if not modules:
            raise FileNotFoundError(f"there is no Rego in {policy_dir}; compile the YAML first")
        self._policy = RegoPolicy(modules, MAIN, data=data or NOTHING, present=requests.PRESENT)

    def decide(self, request: Request, /) -> Later[Decision]:
        """What the policies say."""
        policy = self._policy.digest

        def read(value: Any) -> Decision:
            verdict = verdicts.read({} if value is UNDEFINED else value)
            return verdicts.judged(verdict, request, policy=policy)

        return self._policy.evaluate(msgspec.json.encode(requests.document(request)).decode(), read)

    def close(self) -> None:
        """End the engine."""
        self._policy.close()


def bundle(policy: StrPath = POLICIES / "policy.yaml") -> dict[str, str]:
    """The Rego that decides as the YAML policy at *policy* does with what holds besides."""
    given = {
        name: (POLICIES / name).read_text(encoding="utf-8") for name in ("main.rego", "core.rego")
    }
    return {**given, "policy.rego": compile_yaml(policy)}

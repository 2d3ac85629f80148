"""`remit.instrument`: model clients watched, whether they are imported yet or not."""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection, Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from remit.guard import Guard
from remit.models import prices as tables
from remit.models.genai import GenAI
from remit.models.litellm import LiteLLM
from remit.models.seams import Seam
from remit.models.stainless import ANTHROPIC, OPENAI, Stainless
from remit.models.terms import EVERY_CHECK, Check, Terms

SEAMS: dict[str, Seam] = {
    "openai": Stainless("openai", OPENAI, "request"),
    "anthropic": Stainless("anthropic", ANTHROPIC, "_request"),
    "google-genai": GenAI(),
    "litellm": LiteLLM(),
}

ALSO = {"litellm": "openai"}
"""Whose package another has send a part of what it sends."""

_lock = threading.RLock()
_terms: dict[str, Terms] = {}
"""On which terms each package is watched, or will be when it is imported."""
_open: set[str] = set()


def instrument(
    *packages: str,
    guard: Guard | None = None,
    check: bool | Collection[Check] = False,
    capture: bool | None = None,
    prices: str | Path | None = None,
    count_streams: bool = True,
) -> None:
    """Record every call of a model that *packages* make, and decide on it, where asked to.

    Packages may have been imported before or not. Another call replaces the terms of this.

    Args:
        packages: `openai`, `anthropic`, `google-genai`, `litellm` (and `openai` with it);
            none means all of them.
        guard: decides and records; none means that of the run under way, or the default.
        check: whether policy is asked about what is sent (`call`), what comes back
            (`response`), or both.
        capture: whether what is asked and answered is recorded; None means as the run has it.
        prices: a file with prices that go before those that come with Remit.
        count_streams: whether to ask for the counts of a stream where they come only then.

    Raises:
        ValueError: there is no such package here, or a file of prices is none.
        Incompatible: a package is not built as the versions that are known here; when it is
            imported, if it has not been.
    """
    for package in packages:
        if package not in SEAMS:
            raise ValueError(f"{package!r} cannot be instrumented; {', '.join(SEAMS)} can")
    checks = EVERY_CHECK if check is True else frozenset(check or ())
    if unknown := checks - EVERY_CHECK:
        raise ValueError(f"no check {min(unknown)!r}; there are {', '.join(sorted(EVERY_CHECK))}")
    table = tables.standard() if prices is None else tables.load(prices)
    terms = Terms(guard, checks, capture, count_streams, table)
    with _lock:
        for package in _all(packages):
            _terms[package] = terms
            module = sys.modules.get(SEAMS[package].module)
            if module is not None:
                _watch(package, module)
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)


def uninstrument(*packages: str) -> None:
    """Put *packages* back as they were, all if none is named."""
    with _lock:
        for package in packages or SEAMS:
            _terms.pop(package, None)
            if package in _open:
                _open.discard(package)
                SEAMS[package].close()
        if not _terms and _finder in sys.meta_path:
            sys.meta_path.remove(_finder)


def _all(packages: tuple[str, ...]) -> Iterable[str]:
    also = (ALSO[package] for package in packages if package in ALSO)
    return dict.fromkeys((*packages, *also)) if packages else SEAMS


def _watch(package: str, module: ModuleType) -> None:
    with _lock:
        if package not in _open and package in _terms:
            SEAMS[package].open(module, lambda: _terms[package])
            _open.add(package)


class _Finder(MetaPathFinder):
    """Notices when a package is imported that is to be watched."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package = next((name for name in _terms if SEAMS[name].module == fullname), None)
        if package is None:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                _then_watch(spec, package)
                return spec
        return None


def _then_watch(spec: ModuleSpec, package: str) -> None:
    """Have *package* watched as soon as the module of *spec* has been run."""
    loader = spec.loader
    assert loader is not None
    run = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        run(module)
        _watch(package, module)

    loader.exec_module = exec_module  # type: ignore[method-assign]


_finder = _Finder()

"""Floors: what Python itself costs, and what no thought costs."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import reference

from peers import Decide, Observing, Tools, Verdict, Work


def version() -> str:
    return f"Python {platform.python_version()}"


def prepared(_variant: str, request: dict[str, Any]) -> dict[str, Any]:
    return request


def decider(variant: str, rules: Any) -> Decide:
    return {"loop": _loop, "lookup": _lookup}[variant](rules)


def _loop(rules: Any) -> Decide:
    """The reference itself."""

    def decide(request: dict[str, Any]) -> Verdict:
        answer = reference.decide(rules, request, reference.STRICTEST)
        return answer.effect, tuple(answer.rules)

    return decide


def _lookup(_rules: Any) -> Decide:
    """One look into a dictionary: no decision, and never checked as one."""
    table = {f"svc{n}.read": ("allow", ("r0",)) for n in range(1000)}

    def decide(request: dict[str, Any]) -> Verdict:
        return table.get(request["tool"], ("deny", ()))

    return decide


def tools(variant: str, folder: Path) -> Tools:
    work = Work()
    if variant == "disk":
        return _disk(work, folder)

    def passed(*args: Any, **kwargs: Any) -> Any:
        return work.lookup(*args, **kwargs)

    async def alookup(order: str, amount: int) -> int:
        return work.lookup(order, amount)

    async def apassed(*args: Any, **kwargs: Any) -> Any:
        return await alookup(*args, **kwargs)

    function = {
        "plain": work.lookup,
        "wrapped": passed,
        "plain-async": alookup,
        "wrapped-async": apassed,
    }[variant]
    return Tools(work, lambda: function("o-1", amount=5), asynchronous=variant.endswith("-async"))


def _disk(work: Work, folder: Path) -> Tools:
    """What it takes to have 400 bytes survive a power cut."""
    file = os.open(folder / "floor.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    line = b"x" * 399 + b"\n"
    flush = getattr(os, "fdatasync", os.fsync)

    def append() -> int:
        os.write(file, line)
        flush(file)
        return work.lookup("o-1", 5)

    return Tools(work, append, close=lambda: os.close(file))


@contextmanager
def observing(_variant: str, _folder: Path) -> Iterator[Observing]:
    ran: list[int] = []
    yield Observing(lambda: ran.append(1), lambda: None, lambda work: work(), lambda: len(ran))

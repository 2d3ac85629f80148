"""Measures one engine in this process and prints what it found as one line of JSON.

Started by `workers.ask`:

    worker.py PEER decide VARIANT SEMANTICS CORPUS SECONDS
    worker.py PEER call VARIANT FOLDER COUNT
    worker.py PEER conform CASES
    worker.py PEER observe VARIANT FOLDER COUNT
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from time import perf_counter, perf_counter_ns
from typing import Any

import conform
import measure
import reference
from corpus import Corpus
from peers import CannotSay, Tools

WARM = 200
SHOWN = 3


def decide(peer: Any, variant: str, semantics: str, path: str, seconds: str) -> dict[str, Any]:
    corpus = Corpus.load(Path(path))
    start, before = perf_counter(), measure.peak()
    try:
        step = peer.decider(variant, corpus.rules)
    except CannotSay as error:
        return {"left_out": str(error)}
    loaded, grown = perf_counter() - start, measure.peak() - before
    hits = [peer.prepared(variant, request) for request in corpus.requests]
    misses = [peer.prepared(variant, request) for request in corpus.misses]
    asked = [*zip(corpus.requests, hits, strict=True), *zip(corpus.misses, misses, strict=True)]
    answer: dict[str, Any] = {"version": peer.version()}
    answer |= {"load_seconds": loaded, "load_megabytes": grown}
    if semantics != "none":
        wrong, first = _check(step, asked, corpus, semantics)
        answer |= {"asked": len(asked), "agreed": len(asked) - len(wrong), "wrong": wrong[:SHOWN]}
        answer["first"] = measure.summary(first)
        if wrong:
            return answer
    before = measure.mood()
    answer["hit"] = measure.summary(measure.each(step, hits, float(seconds)))
    others = [peer.prepared(variant, request) for request in corpus.others]
    answer["new"] = measure.summary(measure.each(step, others, 0))
    if misses:
        answer["miss"] = measure.summary(measure.each(step, misses, float(seconds) / 4))
    answer["mood"] = (before + measure.mood()) / 2
    if semantics != "none":
        wrong, _ = _check(step, zip(corpus.others, others, strict=True), corpus, semantics)
        answer["asked"] += len(others)
        answer["agreed"] += len(others) - len(wrong)
        answer["wrong"] = wrong[:SHOWN]
    return answer


def _check(
    step: Callable[[Any], tuple[str, tuple[str, ...]]],
    asked: Iterable[tuple[dict[str, Any], Any]],
    corpus: Corpus,
    semantics: str,
) -> tuple[list[dict[str, Any]], list[int]]:
    """Where the engine disagrees with the reference, and what each request took the first time."""
    found = []
    times = []
    for request, given in asked:
        right = reference.decide(corpus.rules, request, semantics)
        start = perf_counter_ns()
        effect, rules = step(given)
        times.append(perf_counter_ns() - start)
        if not reference.agrees(right, effect, tuple(rules)):
            expected = [right.effect, sorted(right.rules)]
            found.append({"request": request, "said": [effect, list(rules)], "is": expected})
    return found, times


def call(peer: Any, variant: str, folder: str, count: str) -> dict[str, Any]:
    tools = peer.tools(variant, Path(folder))
    try:
        if tools.asynchronous:
            return {"version": peer.version(), **asyncio.run(_acall(tools, int(count)))}
        return {"version": peer.version(), **_call(tools, int(count))}
    finally:
        tools.close()


def _call(tools: Tools, count: int) -> dict[str, Any]:
    if tools.refused:
        _check_refusal(tools, _outcome(tools.refused))
    for _ in range(WARM):
        assert tools.call() == 5
    before = measure.mood(), tools.records()
    samples = measure.calls(tools.call, count)
    return _found(tools, samples, *before)


async def _acall(tools: Tools, count: int) -> dict[str, Any]:
    if tools.refused:
        _check_refusal(tools, await _aoutcome(tools.refused))
    for _ in range(WARM):
        value = await tools.call()
        assert getattr(value, "data", value) == 5
    before = measure.mood(), tools.records()
    samples = await measure.acalls(tools.call, count)
    return _found(tools, samples, *before)


def _outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        return error


async def _aoutcome(call: Callable[[], Any]) -> Any:
    try:
        return await call()
    except Exception as error:
        return error


def _check_refusal(tools: Tools, outcome: Any) -> None:
    """Nobody is timed who was not seen to refuse."""
    if isinstance(tools.refusal, type):
        refused = isinstance(outcome, tools.refusal)
    else:
        refused = tools.refusal(outcome)
    if not refused or tools.work.wiped:
        raise SystemExit(f"a tool that no rule allows was not refused: {outcome!r}")


def _found(tools: Tools, samples: list[int], mood: float, records: int) -> dict[str, Any]:
    """The times, once it is sure that all calls ran and all their records are there."""
    made = tools.records() - records
    if tools.work.looked_up != len(samples) + WARM:
        raise SystemExit(f"{len(samples) + WARM} calls, and {tools.work.looked_up} ran")
    if made != tools.per_call * len(samples):
        raise SystemExit(f"{len(samples)} calls, and {made} records")
    return {**measure.summary(samples), "records": made, "mood": (mood + measure.mood()) / 2}


def observe(peer: Any, variant: str, folder: str, count: str) -> dict[str, Any]:
    """What a run costs that does nothing, and a step in a run that is under way."""
    with peer.observing(variant, Path(folder)) as made:
        for _ in range(WARM):
            made.run()
        made.inside(lambda: measure.calls(made.step, WARM))
        before = measure.mood(), made.ran(), made.kept()
        runs = measure.calls(made.run, int(count))
        steps = made.inside(lambda: measure.calls(made.step, int(count)))
        mood, kept = (before[0] + measure.mood()) / 2, made.kept()
        if made.ran() - before[1] != len(runs):
            raise SystemExit(f"{len(runs)} runs, and {made.ran() - before[1]} ran")
        # The run that the steps are in begins and ends as well.
        owed = {"run.start": len(runs) + 1, "run.end": len(runs) + 1, "run.step": len(steps)}
        if kept and any(kept[what] - before[2][what] != many for what, many in owed.items()):
            raise SystemExit(f"records are missing: {kept}, and before {before[2]}")
        numbers = {"run": measure.summary(runs), "step": measure.summary(steps)}
    return {"version": peer.version(), **numbers, "records": sum(kept.values()), "mood": mood}


def main() -> None:
    peer, task, *rest = sys.argv[1:]
    logging.disable(logging.CRITICAL)  # nobody pays for a log that goes nowhere
    tasks = {"decide": decide, "call": call, "conform": conform.failures, "observe": observe}
    answer = tasks[task](import_module(f"peers.{peer}"), *rest)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()

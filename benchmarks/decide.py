"""How long a decision takes, from a neutral request to the verdict read, as policies grow.

    python benchmarks/decide.py                                      # all, 10 to 10,000 rules
    python benchmarks/decide.py --sizes 10,500 --corpora mixed,dense # others
    python benchmarks/decide.py --rounds 1 --seconds 0.2 --only remit,aegis

Every engine gets the same rules in its own words and answers the same requests in
a process of its own. Every answer is compared with `reference.py`, under the
engine's own semantics, before anything is timed; who disagrees is not timed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import corpus
import workers
from reference import FIRST, STRICTEST


@dataclass(frozen=True, slots=True)
class Engine:
    """One row of the table."""

    name: str
    peer: str
    variant: str
    semantics: str


ENGINES = (
    Engine("remit", "ours", "parsed", STRICTEST),
    Engine("remit, request prebuilt", "ours", "prebuilt", STRICTEST),
    Engine("AGT PolicyEngine", "agt", "engine", STRICTEST),
    Engine("cedarpy, pre-parsed", "cedar", "parsed", STRICTEST),
    Engine("regorus (Rego in Rust)", "regorus", "engine", STRICTEST),
    Engine("naive loop (the reference)", "floor", "loop", STRICTEST),
    Engine("remit, order: first-match", "ours", "first", FIRST),
    Engine("remit, first-match, request prebuilt", "ours", "first-prebuilt", FIRST),
    Engine("agent-aegis", "aegis", "plain", FIRST),
    Engine("agent-aegis, action prebuilt", "aegis", "prebuilt", FIRST),
    Engine("agent-aegis, with_cache", "aegis", "cached", FIRST),
    Engine("loop of CEL programs, Rust", "celrust", "loop", FIRST),
    Engine("loop of CEL programs, cel-python", "celpython", "loop", FIRST),
    Engine("floor: one dict lookup", "floor", "lookup", "none"),
)
KINDS = {
    "mixed": corpus.mixed,
    "patterned": corpus.patterned,
    "spread": corpus.spread,
    "dense": corpus.dense,
}
OURS = {STRICTEST: "remit", FIRST: "remit, order: first-match", "none": "remit"}
OURS_PREBUILT = {
    STRICTEST: "remit, request prebuilt",
    FIRST: "remit, first-match, request prebuilt",
}
HEADS = (
    "engine", "agrees", "p50 us", "p99 us", "new p50", "first p50", "miss p50", "to ours",
    "per round", "load s", "load MB", "loop ns",
)  # fmt: skip
LEFT_OUT = "in-process OPA (opa-golib-python-bindings): its wheels need Python 3.14 or later"


def main() -> int:
    options = _options()
    makes = [(KINDS[kind], size) for kind in options.corpora for size in options.sizes]
    # One corpus is a lottery for who tries rules in order: it matters where the first match stands.
    seeds = range(options.seed, options.seed + options.rounds)
    rounds = [[make(size, options.requests, seed) for make, size in makes] for seed in seeds]
    answers = _measure(rounds, options)
    print(workers.heading(_all(answers)))
    print(f"not here: {LEFT_OUT}\n")
    for same in zip(*rounds, strict=True):
        _print(same, answers[same[0].name])
    for kind in options.corpora:
        _print_growth(kind, options.sizes, answers)
    path = workers.save("decide", {"options": vars(options), "corpora": answers})
    print(f"raw numbers: {path}")
    return 1 if any(map(_bad, _all(answers))) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    sizes = [10, 100, 1000, 10_000]
    parser.add_argument("--sizes", type=_sizes, default=sizes, help="rules, as 10,100,1000")
    parser.add_argument("--corpora", type=_kinds, default=[*KINDS], help=", ".join(KINDS))
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5, help="each with its own seed")
    parser.add_argument("--seconds", type=float, default=1.0, help="of timing per engine and round")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="engines whose name contains one of these")
    return parser.parse_args()


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",")]


def _kinds(text: str) -> list[str]:
    return [kind for kind in text.split(",") if KINDS[kind]]


def _measure(
    rounds: list[list[corpus.Corpus]], options: argparse.Namespace
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The workers' answers by corpus and engine, one per round. The engines take turns."""
    wanted = options.only.split(",")
    engines = [engine for engine in ENGINES if any(part in engine.name for part in wanted)]
    answers: dict[str, dict[str, list[dict[str, Any]]]] = {
        one.name: {engine.name: [] for engine in engines} for one in rounds[0]
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "corpus.json")
        for turn, corpora in enumerate(rounds):
            for one in corpora:
                print(f"round {turn + 1}: {one.name}", file=sys.stderr)
                one.save(path)
                for engine in engines:
                    task = ("decide", engine.variant, engine.semantics, path, options.seconds)
                    answers[one.name][engine.name].append(workers.ask(engine.peer, *task))
    return answers


def _print(same: tuple[corpus.Corpus, ...], answers: dict[str, list[dict[str, Any]]]) -> None:
    """The table of one kind and size of corpus, of which each round had its own."""
    one = same[0]
    about = sum(each.candidates() for each in same) / len(same)
    print(
        f"{one.name}: {len(one.rules):,} rules, {about:.0f} about the tool of a "
        f"request; {len(one.requests)} requests, and {len(one.misses)} that no rule matches"
    )
    for semantics in (STRICTEST, FIRST, "none"):
        rows = [
            _row(engine, answers)
            for engine in ENGINES
            if engine.semantics == semantics and engine.name in answers
        ]
        if rows:
            title = "no decision" if semantics == "none" else semantics
            print(workers.table((f"[{title}]", *HEADS[1:]), rows))
            print()
    _explain(answers)


def _print_growth(
    kind: str, sizes: list[int], answers: dict[str, dict[str, list[dict[str, Any]]]]
) -> None:
    """The p50 of every engine at all sizes, and how many times the first the last is."""
    by_size = [answers[f"{kind}-{size}"] for size in sizes]
    rows = []
    for name in by_size[0]:
        founds = [each[name] for each in by_size]
        if all("hit" in answer for found in founds for answer in found):
            p50 = [workers.medians(found, "hit", "p50") for found in founds]
            rows.append((name, *map(workers.digits, p50), f"{p50[-1] / p50[0]:.2f}x"))
    print(workers.table((f"[{kind}] p50 us", *(f"{size:,}" for size in sizes), "growth"), rows))
    print()


def _row(engine: Engine, answers: dict[str, list[dict[str, Any]]]) -> tuple[object, ...]:
    found = answers[engine.name]
    if not all("hit" in answer for answer in found):
        return (engine.name, _agreement(found), *("-",) * 10)
    p50 = workers.medians(found, "hit", "p50")
    return (
        engine.name,
        "-" if engine.semantics == "none" else _agreement(found),
        workers.digits(p50),
        workers.digits(workers.medians(found, "hit", "p99")),
        workers.digits(workers.medians(found, "new", "p50")),
        workers.digits(workers.medians(found, "first", "p50")) if "first" in found[0] else "-",
        workers.digits(workers.medians(found, "miss", "p50")) if "miss" in found[0] else "none",
        *_to_ours(engine, answers),
        workers.digits(workers.medians(found, "load_seconds")),
        workers.digits(workers.medians(found, "load_megabytes")),
        workers.digits(workers.medians(found, "mood")),
    )


def _to_ours(engine: Engine, answers: dict[str, list[dict[str, Any]]]) -> tuple[str, str]:
    """How many times ours it is, by the medians, and the least and most in any round.

    Starred where only our other semantics was measured.
    """
    p50 = [answer["hit"]["p50"] for answer in answers[engine.name]]
    ours = OURS_PREBUILT if "prebuilt" in engine.name else OURS
    for name in dict.fromkeys((ours[engine.semantics], ours[STRICTEST])):
        found = answers.get(name, [{}])
        if all("hit" in answer for answer in found):
            star = "" if name == ours[engine.semantics] else "*"
            own = [answer["hit"]["p50"] for answer in found]
            each = [theirs / mine for theirs, mine in zip(p50, own, strict=True)]
            whole = f"{statistics.median(p50) / statistics.median(own):.2f}x{star}"
            return whole, f"{min(each):.1f} to {max(each):.1f}"
    return "-", "-"


def _agreement(found: list[dict[str, Any]]) -> str:
    asked = [answer for answer in found if "agreed" in answer]
    if not asked:
        return "-"
    worst = min(asked, key=lambda answer: answer["agreed"])
    return f"{worst['agreed']}/{worst['asked']}"


def _explain(answers: dict[str, list[dict[str, Any]]]) -> None:
    """What is missing from the tables, and why."""
    if "left_out" in answers.get(OURS[FIRST], [{}])[0]:
        print(f"* to {OURS[STRICTEST]!r}, for want of a row with the same semantics")
    for name, found in answers.items():
        for answer in found[:1]:
            if "left_out" in answer:
                print(f"{name}: left out, it cannot say this corpus: {answer['left_out']}")
            if "failed" in answer:
                print(f"{name}: failed: {answer['failed']}")
            for wrong in answer.get("wrong", ()):
                print(f"{name}: said {wrong['said']}, but it is {wrong['is']}: {wrong['request']}")
    print()


def _all(answers: dict[str, dict[str, list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    return [each for engines in answers.values() for found in engines.values() for each in found]


def _bad(answer: dict[str, Any]) -> bool:
    return "failed" in answer or bool(answer.get("wrong"))


if __name__ == "__main__":
    sys.exit(main())

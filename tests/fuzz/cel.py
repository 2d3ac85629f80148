"""Fuzz the condition language: `python cel.py --seconds 300`.

Texts made from the grammar, and texts made by damaging these and the kept corpus,
go through parser, checker, compiler and both forms of the program. Anything but a
value, an `ExprError` or an `EvalError` is a finding, and so is an input that takes long.
What is worth keeping is kept in `corpus/cel.json`, which the test suite replays.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random

sys.path.append(str(Path(__file__).parents[1] / "differential"))
sys.path.append(str(Path(__file__).parent))

from expressions import ACTIVATION, ENVIRONMENT
from fuzzing import damaged, main
from grammar import LITERALS, expression

from remit.expr import EvalError, ExprError, check, compile, parse, render, unchecked  # noqa: A004

CORPUS = Path(__file__).parent / "corpus" / "cel.json"
PIECES = (
    *(literal for literals in LITERALS.values() for literal in literals),
    "(", ")", "[", "]", "{", "}", "?", ":", ".", ",", "&&", "||", "!", "-", "==", "in", "'", '"',
    "`", "\\", "r'''", "//", "\n", "args", "args.n", ".?x", "[?0]", "x", "has(", "cel.bind(",
    ".all(x, ", ".map(x, ", ".matches('(a*)*$')", ".format([", "'%999999999d'", "[1].map(x,",
    "\u0000", "\ud800", "\u202e", "😀", "9" * 30, "(" * 70, "-" * 90, "!" * 90, "1+" * 90,
    "a." * 90,
    "[[" * 40, "1e999", "0x", "path.within(", "url.host('", "cidr('", "glob('", "pii(", "used('",
)  # fmt: skip


def corpus() -> list[str]:
    texts: list[str] = json.loads(CORPUS.read_text(encoding="utf-8"))
    return texts


def made(random: Random, kept: list[str]) -> str:
    """One input: by the grammar, or damaged."""
    if random.random() < 0.3:
        return expression(random, random.choice((2, 3, 4, 5)))
    start = random.choice(kept) if random.random() < 0.5 else expression(random)
    return damaged(random, start, PIECES)


def run(text: str) -> None:
    """Take *text* through everything; what must not happen is raised."""
    try:
        expr = parse(text)
    except ExprError as error:
        render(error)
        return
    for checker in (check, unchecked):
        try:
            program = compile(checker(expr, ENVIRONMENT))
        except ExprError as error:
            render(error)
            continue
        for evaluate in (program.evaluate, program.exact):
            try:
                evaluate(ACTIVATION)
            except EvalError as error:
                str(error)
        _ = program.reads, program.source


if __name__ == "__main__":
    sys.exit(main(__doc__, sys.modules[__name__]))

"""Compare our CEL with the official runtime: `python cel.py 20000`.

Makes expressions from a seed, evaluates each here and with `cel-expr-python` (the C++
runtime, in an environment of its own that this program makes), and prints how many
agree and every one that does not. Errors agree with errors, whatever they say and
whenever they are found; values agree if type and value do.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

sys.path.append(str(Path(__file__).parent))

from expressions import ACTIVATION, ENVIRONMENT
from grammar import case

from remit.expr import Duration, EvalError, ExprError, Timestamp, TypeValue, Uint
from remit.expr.values import kind, shown_key

REQUIREMENT = "cel-expr-python==0.1.3"
NO_VALUE = {"refused", "error"}
CRASHED = ["crashed"]


def tagged(value: Any) -> Any:
    """A value with the name of its type, in words both sides use."""
    if isinstance(value, list | tuple):
        return ["list", [tagged(item) for item in value]]
    if isinstance(value, dict):
        entries = [[repr(_plain(shown_key(key))), tagged(item)] for key, item in value.items()]
        return ["map", sorted(entries, key=repr)]
    if isinstance(value, Timestamp):
        return ["timestamp", str(value.nanos // 1000)]
    if isinstance(value, Duration):
        return ["duration", str(value.nanos // 1000)]
    if isinstance(value, bytes):
        return ["bytes", value.hex()]
    if isinstance(value, TypeValue):
        return ["type", value.name]
    return [{"null_type": "null"}.get(kind(value), kind(value)), repr(_plain(value))]


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, Uint) else value


def answer(expr: str) -> Any:
    try:
        program = ENVIRONMENT.compile(expr)
    except ExprError as error:
        return ["refused", error.message]
    found = []
    for evaluate in (program.evaluate, program.exact):
        try:
            found.append(tagged(evaluate(ACTIVATION)))
        except EvalError as error:
            found.append(["error", str(error)])
    return found[0] if found[0] == found[1] else ["two answers", found]


def agree(ours: Any, theirs: Any) -> bool:
    return ours == theirs or (ours[0] in NO_VALUE and theirs[0] in NO_VALUE)


CHOICES = {
    "theirs refuses at load what ours looks at in the data": lambda _, theirs: (
        theirs[0] == "refused"
    ),
    "ours refuses at load what theirs leaves to the data": lambda ours, _: ours[0] == "refused",
    "theirs takes the end of a text for beyond it in substring()": lambda _, theirs: (
        theirs[0] == "error" and "is greater than <string>.size()" in theirs[1]
    ),
    "theirs has no 'in' for what cannot be a key, ours finds no such key": lambda _, theirs: (
        theirs[0] == "error" and "@in" in theirs[1]
    ),
    "theirs makes 1 of true with int(), which is no function of the specification": (
        lambda ours, _: "no such overload: int(bool)" in ours[1]
    ),
    "theirs is given no functions of lists here": lambda _, theirs: (
        theirs[0] == "error" and "(list).reverse()" in theirs[1]
    ),
    "the specification does not say how many zeros end the fraction of a second": (
        lambda ours, theirs: ours[0] == theirs[0] == "string" and _short(ours) == _short(theirs)
    ),
}
"""Differences that have been looked at: both checkers are stricter somewhere, and what is typed
more or less exactly than the specification asks; docs/cel.md says which numbers compare here."""


def _short(answer: Any) -> str:
    """A text without the zeros that end the fraction of a second."""
    return re.sub(r"(\.[0-9]*?)0+(?=[sZ])", r"\1", answer[1])


def choice(ours: Any, theirs: Any) -> str:
    """Which of the known differences this is; empty if it is none."""
    return next((name for name, applies in CHOICES.items() if applies(ours, theirs)), "")


def official(home: Path) -> Path:
    """The interpreter that has the official runtime; its environment is made if there is none."""
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (home / REQUIREMENT).exists():
        venv.create(home, clear=True, with_pip=True)
        pip = [python, "-m", "pip", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", REQUIREMENT], check=True)
        (home / REQUIREMENT).touch()
    return python


def official_answers(python: Path, lines: list[str]) -> list[Any]:
    """The other runtime's answers; where it takes its process down, another goes on after that."""
    answers: list[Any] = []
    while len(answers) < len(lines):
        run = subprocess.run(
            [python, Path(__file__).parent / "official.py"],
            input="\n".join(lines[len(answers) :]) + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
        answers += [json.loads(line) for line in run.stdout.splitlines()]
        if run.returncode > 0:
            raise SystemExit(run.stderr)
        # It may also crash at its end, when all has been said.
        if run.returncode < 0 and len(answers) < len(lines):
            answers.append(CRASHED)
    return answers


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("count", type=int, nargs="?", default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    home = Path(tempfile.gettempdir()) / "remit-cel-official"
    parser.add_argument("--env", type=Path, default=home, help="where that environment is kept")
    options = parser.parse_args()
    try:
        python = official(options.env)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{REQUIREMENT} cannot be installed here: {error}")
        return 2
    random = Random(options.seed)
    lines = [case(random) for _ in range(options.count)]
    wrong = values = crashes = 0
    chosen: Counter[str] = Counter()
    for line, theirs in zip(lines, official_answers(python, lines), strict=True):
        expr = json.loads(line)["expr"]
        ours = answer(expr)
        values += ours[0] not in NO_VALUE
        crashes += theirs == CRASHED
        if theirs == CRASHED or agree(ours, theirs):
            continue
        if why := choice(ours, theirs):
            chosen[why] += 1
        else:
            wrong += 1
            print(f"{expr}\n    ours {ours}\n    theirs {theirs}")
    for why, count in chosen.items():
        print(f"{count:,} differ and are known: {why}")
    print(
        f"{options.count:,} expressions, seed {options.seed}, {values:,} with a value: "
        f"{options.count - wrong - crashes - chosen.total():,} agree, {wrong:,} do not; "
        f"on {crashes:,} the official runtime crashed"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

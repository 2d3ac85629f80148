"""The programs in Waxell's documents, as they stand beside the project, made to run.

The text of the documents has lost its indentation, and nothing in it says where a block ends.
So the depth of every line of a program is given here, one digit a line. Of the text nothing is
changed but the import root.
"""

from __future__ import annotations

from pathlib import Path

import pytest

SEEDS = Path(__file__).parents[2] / "shared" / "seeds"

PROGRAMS = {
    "governed": ("000", 5, "00000001110012233222223323223344322222122220"),
    "check": ("000", 51, "0001100000101"),
    "approval": ("000", 66, "000000110111100111011122120"),
    "evaluations": ("001", 18, "00122221012332"),
    "mid": ("001", 37, "001011011"),
}
"""The document, the first line counted from 0, and the depths of the lines."""


def seed(name):
    """A program of the documents, with our import root."""
    document, first, depths = PROGRAMS[name]
    found = sorted(SEEDS.glob(f"{document}_*.txt"))
    if not found:
        pytest.skip(f"the documents are not beside the project: no {SEEDS}/{document}_*.txt")
    lines = found[0].read_text(encoding="utf-8").splitlines()[first : first + len(depths)]
    text = "\n".join("    " * int(depth) + line for depth, line in zip(depths, lines, strict=True))
    return text.replace("waxell_observe", "remit.compat.waxell")


def run(program, **names):
    """Run *program*, and return what it has defined."""
    namespace = {"__name__": "__seed__", **names}
    exec(compile(program, "seed", "exec"), namespace)
    return namespace

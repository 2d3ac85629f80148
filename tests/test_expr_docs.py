import re
from pathlib import Path

from remit.expr.functions import STANDARD

PAGE = Path(__file__).parents[1] / "docs" / "cel.md"


def test_the_page_about_conditions_names_every_function():
    words = set(re.findall(r"[A-Za-z_][A-Za-z_0-9]*", PAGE.read_text(encoding="utf-8")))
    named = {name.rpartition(".")[2] for name in STANDARD if name[0].isalpha()}
    assert named <= words

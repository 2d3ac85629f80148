"""The page about conditions shows every function with an example, which the page's test runs."""

import re
from pathlib import Path

import pytest

from remit.expr.functions import STANDARD

PAGE = Path(__file__).parents[1] / "docs" / "cel.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = "".join(re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
NAMES = sorted(name for name in STANDARD if name[0].isalpha())
MISSING = {n for n in NAMES if all(each.implementation is None for each in STANDARD[n])}
"""What other parts of Remit provide."""


@pytest.mark.parametrize("name", [name for name in NAMES if name not in MISSING])
def test_a_function_has_an_example(name):
    called = rf"(?<!\w){re.escape(name)}\(" if name != "in" else r'" in \w'
    assert re.search(called, EXAMPLES), name


@pytest.mark.parametrize("name", sorted(MISSING))
def test_a_function_that_is_provided_elsewhere_is_named(name):
    assert f"`{name}`" in TEXT

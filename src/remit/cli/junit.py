"""The outcome of policy tests as JUnit XML, which continuous integration servers show."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from remit.visible import visible

if TYPE_CHECKING:
    from remit.policy.cases import Outcome


def report(outcomes: Sequence[Outcome]) -> str:
    """One `testsuite` a file, in the order of *outcomes*."""
    suites = groupby(outcomes, key=lambda outcome: outcome.case.place.file)
    body = "".join(_suite(file, list(found)) for file, found in suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n{body}</testsuites>\n'


def _suite(file: str, outcomes: Sequence[Outcome]) -> str:
    failed = sum(not outcome.passed for outcome in outcomes)
    head = f'name={_attribute(file)} tests="{len(outcomes)}" failures="{failed}"'
    cases = "".join(_case(outcome) for outcome in outcomes)
    return f"  <testsuite {head}>\n{cases}  </testsuite>\n"


def _case(outcome: Outcome) -> str:
    place = outcome.case.place
    name, file = _attribute(outcome.case.name), _attribute(place.file)
    head = f'name={name} classname={file} line="{place.line}"'
    if outcome.passed:
        return f"    <testcase {head}/>\n"
    told = "\n".join(escape(visible(each)) for each in outcome.differences)
    message = _attribute(outcome.differences[0])
    failure = f"      <failure message={message}>{told}</failure>\n"
    return f"    <testcase {head}>\n{failure}    </testcase>\n"


def _attribute(text: str) -> str:
    # Characters that XML cannot hold are among those that `visible` escapes.
    return quoteattr(visible(text))

"""`remit test`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from remit.cli import given, screen
from remit.cli.exits import Exit, Stop
from remit.cli.given import Environment, Json

if TYPE_CHECKING:
    from remit.policy import Policy
    from remit.policy.cases import Outcome, Suite
    from remit.policy.coverage import Coverage, Tally

ENDINGS = ("remit-test.yaml", "remit-test.yml")


def run_tests(
    *paths: Annotated[Path, Parameter(name="path")],
    policy: Annotated[tuple[Path, ...], Parameter(negative=(), show_default=False)] = (),
    environment: Environment = "",
    junit: Annotated[Path | None, Parameter(metavar="FILE", show_default=False)] = None,
    coverage: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
    fail_under: Annotated[float | None, Parameter(metavar="PERCENT", show_default=False)] = None,
    as_json: Json = False,
) -> Exit:
    """Put the cases of policy tests to their policies, and show what came out otherwise.

        remit test
        remit test refunds.remit-test.yaml
        remit test tests/ --junit report.xml
        remit test --coverage --fail-under 90

    A test names its policies relative to itself; without that it is about the
    remit.yaml beside it. A policy may hold cases of its own, under tests.

    Args:
        paths: files, and folders whose *remit-test.yaml and policies with tests are meant; this
            folder if none is named.
        policy: test this one, a file or a folder of them, whatever the tests name; may be given
            several times.
        environment: whose changes hold, of those that a policy lists under environments.
        junit: also write a JUnit report for continuous integration.
        coverage: also say what no case has shown: rules that decide none, conditions that are
            never true or never false, parts of them that nothing is ever up to.
        fail_under: fail (exit code 1) if less than this much of all that was shown; implies
            --coverage.
        as_json: print a JSON document.
    """
    found = [_run(path, policy, environment) for path in _files(paths or (Path(),))]
    outcomes = [outcome for each in found for outcome in each.outcomes]
    covered = _cover(found) if coverage or fail_under is not None else None
    if junit is not None:
        from remit.cli.junit import report

        with given.written_to(junit, force=True) as file:
            file.write(report(outcomes))
    if as_json:
        screen.emit(_document(found, covered))
    else:
        _show(found, covered)
    enough = covered is None or fail_under is None or covered.percent >= fail_under
    if not (enough or as_json):
        screen.say(("coverage is below ", "red"), f"{fail_under:g} %")
    passed = all(outcome.passed for outcome in outcomes)
    return Exit.OK if passed and enough else Exit.FAILED


@dataclass(frozen=True, slots=True)
class _Ran:
    """One file of cases that has been put to its policy."""

    path: Path
    suite: Suite
    policy: Policy
    outcomes: Sequence[Outcome]

    @property
    def untested(self) -> list[str]:
        from remit.policy.cases import untested

        return [f"{rule} ({self.path})" for rule in untested(self.policy, self.outcomes)]


def _run(path: Path, policies: Sequence[Path], environment: str) -> _Ran:
    from remit.policy import cases
    from remit.sources import load

    suite = cases.load(given.read(path, "the test"), str(path))
    beside = [path.parent / name for name in suite.policies or ("remit.yaml",)]
    policy = load(*(policies or beside), environment=environment)
    return _Ran(path, suite, policy, [cases.run(policy, case) for case in suite.cases])


def _cover(found: Sequence[_Ran]) -> Coverage:
    """What all files together have shown; those about the same policy add to one account."""
    from remit.policy.coverage import Coverage, cover

    about: dict[str, list[_Ran]] = {}
    for each in found:
        about.setdefault(each.policy.digest, []).append(each)
    coverages = (
        cover(runs[0].policy, (case.request for run in runs for case in run.suite.cases))
        for runs in about.values()
    )
    return sum(coverages, start=Coverage())


def _is_test(path: Path) -> bool:
    from remit.policy.cases import has_tests
    from remit.sources import SUFFIXES

    if path.name.endswith(ENDINGS):
        return True
    if path.suffix not in SUFFIXES or not path.is_file():
        return False
    return has_tests(given.read(path, "the policy"), str(path))


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(each for each in path.iterdir() if _is_test(each))
        if not found:
            message = f"{path}: no policy test here: its name ends in remit-test.yaml"
            raise Stop(Exit.INVALID, message)
        yield from found


def _document(found: Sequence[_Ran], covered: Coverage | None) -> dict[str, Any]:
    outcomes = [outcome for each in found for outcome in each.outcomes]
    failed = sum(not outcome.passed for outcome in outcomes)
    return {
        "passed": len(outcomes) - failed,
        "failed": failed,
        "untested": [rule for each in found for rule in each.untested],
        "coverage": None if covered is None else _covered(covered),
        "cases": [
            {
                "name": outcome.case.name,
                "file": outcome.case.place.file,
                "line": outcome.case.place.line,
                "passed": outcome.passed,
                "differences": outcome.differences,
                "decision": outcome.decision,
            }
            for outcome in outcomes
        ],
    }


def _covered(covered: Coverage) -> dict[str, Any]:
    return {
        "percent": round(covered.percent, 2),
        "rules": _tally(covered.rules),
        "conditions": _tally(covered.conditions),
        "parts": _tally(covered.parts),
        "gaps": [
            {
                "file": gap.place.file,
                "line": gap.place.line,
                "column": gap.place.column,
                "rule": gap.rule,
                "message": gap.message,
            }
            for gap in covered.gaps
        ],
    }


def _tally(tally: Tally) -> dict[str, int]:
    return {"shown": tally.shown, "of": tally.of}


def _show(found: Sequence[_Ran], covered: Coverage | None) -> None:
    outcomes = [outcome for each in found for outcome in each.outcomes]
    for outcome in outcomes:
        if outcome.passed:
            continue
        screen.say(f"{outcome.case.place}: ", ("failed", "red"), f": {outcome.case.name}")
        for difference in outcome.differences:
            screen.say(difference, indent=4)
    untested = [rule for each in found for rule in each.untested]
    if untested and covered is None:
        screen.say((f"no case is decided by: {', '.join(untested)}", "dim"))
    failed = sum(not outcome.passed for outcome in outcomes)
    counts = f"{len(outcomes) - failed} passed" + f", {failed} failed" * bool(failed)
    screen.say(f"{screen.count(len(outcomes), 'case')}: ", (counts, "red" if failed else "green"))
    if covered is not None:
        _show_coverage(covered)


def _show_coverage(covered: Coverage) -> None:
    for gap in covered.gaps:
        screen.say((str(gap.place), "bold"), f": {gap.message}")
    tallies = {
        "rules": covered.rules, "conditions": covered.conditions, "parts": covered.parts
    }  # fmt: skip
    told = ", ".join(f"{name} {tally}" for name, tally in tallies.items())
    # Rounded down: 100 % means everything.
    screen.say(f"coverage: {int(covered.percent)} % ({told})")

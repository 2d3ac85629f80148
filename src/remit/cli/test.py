"""`remit test`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from remit.cli import given, screen
from remit.cli.exits import Exit, Stop
from remit.cli.given import Json

if TYPE_CHECKING:
    from remit.policy.cases import Outcome

ENDINGS = ("remit-test.yaml", "remit-test.yml")


def run_tests(
    *paths: Annotated[Path, Parameter(name="path")],
    policy: Annotated[tuple[Path, ...], Parameter(negative=(), show_default=False)] = (),
    junit: Annotated[Path | None, Parameter(metavar="FILE", show_default=False)] = None,
    as_json: Json = False,
) -> Exit:
    """Put the cases of policy tests to their policies, and show what came out otherwise.

        remit test
        remit test refunds.remit-test.yaml
        remit test tests/ --junit report.xml

    A test names its policies relative to itself; without that it is about the
    remit.yaml beside it.

    Args:
        paths: files, and folders whose *remit-test.yaml are meant; this folder if none is named.
        policy: test this one, a file or a folder of them, whatever the tests name; may be given
            several times.
        junit: also write a JUnit report for continuous integration.
        as_json: print a JSON document.
    """
    from remit.policy import cases
    from remit.sources import load

    outcomes: list[Outcome] = []
    untested: list[str] = []
    for path in _files(paths or (Path(),)):
        suite = cases.load(given.read(path, "the test"), str(path))
        beside = [path.parent / name for name in suite.policies or ("remit.yaml",)]
        tested = load(*(policy or beside))
        found = [cases.run(tested, case) for case in suite.cases]
        outcomes += found
        untested += [f"{rule} ({path})" for rule in cases.untested(tested, found)]
    if junit is not None:
        from remit.cli.junit import report

        with given.written_to(junit, force=True) as file:
            file.write(report(outcomes))
    if as_json:
        screen.emit(_document(outcomes, untested))
    else:
        _show(outcomes, untested)
    return Exit.OK if all(outcome.passed for outcome in outcomes) else Exit.FAILED


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(each for each in path.iterdir() if each.name.endswith(ENDINGS))
        if not found:
            message = f"{path}: no policy test here: its name ends in remit-test.yaml"
            raise Stop(Exit.INVALID, message)
        yield from found


def _document(outcomes: Sequence[Outcome], untested: Sequence[str]) -> dict[str, Any]:
    failed = sum(not outcome.passed for outcome in outcomes)
    return {
        "passed": len(outcomes) - failed,
        "failed": failed,
        "untested": untested,
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


def _show(outcomes: Sequence[Outcome], untested: Sequence[str]) -> None:
    for outcome in outcomes:
        if outcome.passed:
            continue
        screen.say(f"{outcome.case.place}: ", ("failed", "red"), f": {outcome.case.name}")
        for difference in outcome.differences:
            screen.say(difference, indent=4)
    if untested:
        screen.say((f"no case is decided by: {', '.join(untested)}", "dim"))
    failed = sum(not outcome.passed for outcome in outcomes)
    counts = f"{len(outcomes) - failed} passed" + f", {failed} failed" * bool(failed)
    screen.say(f"{screen.count(len(outcomes), 'case')}: ", (counts, "red" if failed else "green"))

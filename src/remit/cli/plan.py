"""`remit plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from remit.cli import screen
from remit.cli.exits import Exit
from remit.cli.given import POLICY, Environment, Json, Policies


def plan(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    policy: Policies = (POLICY,),
    environment: Environment = "",
    as_json: Json = False,
) -> Exit:
    """Say what would be decided on each of many requests: a dry run.

        remit plan requests.jsonl
        remit plan requests.yaml --policy organisation.yaml --policy team.yaml
        remit plan - < requests.jsonl

    Each line is a request: {"action": "refund", "args": {"amount": 80}}, with
    subject, resource, session, context and at where they matter. Nothing is
    run, asked or recorded. The exit code is 1 unless all of it may happen.

    Args:
        file: JSON Lines, or a YAML list (*.yaml, *.yml), or - for standard input.
        policy: files, and folders of them; may be given several times.
        environment: whose changes hold, of those that a policy lists under environments.
        as_json: print JSON Lines.
    """
    from remit.cli.requests import read
    from remit.plan import Plan, word
    from remit.sources import load

    decide = load(*policy, environment=environment).decide
    found = Plan(tuple((request, decide(request)) for request in read(file)))
    words = [word(decision) for _, decision in found]
    steps = [
        (number, answer, request, decision)
        for number, (answer, (request, decision)) in enumerate(zip(words, found, strict=True), 1)
    ]
    if as_json:
        for number, answer, request, decision in steps:
            step = {"step": number, "answer": answer, "request": request, "decision": decision}
            screen.emit_line(step)
        return Exit.OK if found.allowed else Exit.FAILED
    rows = [
        (str(number), screen.styled(answer), str(request.subject), request.action.name,
         ", ".join(decision.rules), decision.reason)
        for number, answer, request, decision in steps
    ]  # fmt: skip
    if rows:
        screen.table(("step", "answer", "subject", "action", "rules", "reason"), rows, flexible=4)
    counts = ", ".join(f"{words.count(each)} {each}" for each in ("allow", "ask", "deny"))
    screen.say(f"{screen.count(len(words), 'step')}: {counts}")
    return Exit.OK if found.allowed else Exit.FAILED

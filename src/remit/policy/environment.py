"""What a condition may name.

| name | is |
|---|---|
| `subject`, `resource` | `type`, `id`, `properties` |
| `action` | `name`, `properties` |
| `args` | the arguments of the tool: `action.properties` |
| `session` | `id`, `role`, `scopes`, `user`, `tenant`, `depth`, and any other fact about it |
| `context` | facts about the circumstances |
| `run` | facts about the run it is part of: `id`, and what was counted so far |
| `now` | the moment the question is about |
| `used("spend")` | what the limit `spend` of the document has counted, by unit |
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from remit.expr.environment import Environment, Variable
from remit.expr.types import (
    BOOL,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Field,
    ListType,
    MapType,
    ObjectType,
    RecordType,
    Type,
)
from remit.expr.values import Timestamp
from remit.policy.declared import Record
from remit.policy.facts import RUN
from remit.policy.scanning import FUNCTIONS
from remit.policy.unmet import USED

if TYPE_CHECKING:
    from remit.expr.check import Checked
    from remit.expr.compile import Program
    from remit.policy.facts import Facts

_FACTS = MapType(STRING, DYN)


def _party(name: str, facts: Type = _FACTS) -> ObjectType:
    return ObjectType(
        name,
        {
            "type": Field(STRING, "type"),
            "id": Field(STRING, "id"),
            "properties": Field(facts, "properties"),
        },
    )


def _action(arguments: Type) -> ObjectType:
    return ObjectType(
        "action", {"name": Field(STRING, "name"), "properties": Field(arguments, "properties")}
    )


_SESSION = ObjectType(
    "session",
    {
        "id": Field(STRING, "id"),
        "role": Field(STRING, "role"),
        "scopes": Field(ListType(STRING), "scopes"),
        "user": Field(STRING, "user"),
        "tenant": Field(STRING, "tenant"),
        "depth": Field(INT, "depth"),
    },
    rest="facts",
)

ENVIRONMENT = Environment(
    {
        "subject": Variable(_party("subject"), "subject"),
        "action": Variable(_action(_FACTS), "action"),
        "resource": Variable(_party("resource"), "resource"),
        "args": Variable(_FACTS, "action.properties"),
        "session": Variable(_SESSION, "session"),
        "context": Variable(_FACTS, "context"),
        "run": Variable(_FACTS, "run"),
        "now": Variable(TIMESTAMP, "at", Timestamp),
    },
    (*FUNCTIONS, USED),
)


def compile_condition(text: str) -> Program:
    """The program of a condition.

    Raises:
        ExprError: it cannot be used; the error says where and why.
    """
    return ENVIRONMENT.compile(text, expect=BOOL)


def check_condition(
    program: Program, arguments: RecordType | None = None, facts: Facts | None = None
) -> Checked:
    """The same condition where the action is known to have these arguments, or these *facts*.

    Raises:
        ExprError: it cannot be about them; the error says where and why.
    """
    from remit.expr.recheck import recheck

    return recheck(program.checked, _typed(arguments, facts or None))


def _run(facts: Record) -> Record:
    """The facts of a run, and what every run has."""
    return replace(facts, fields={**RUN, **facts.fields}, required=facts.required | RUN.keys())


@lru_cache(1024)
def _typed(arguments: RecordType | None, facts: Facts | None) -> Environment:
    known: dict[str, Variable] = {}
    if arguments is not None:
        known["action"] = Variable(_action(arguments), "action")
        known["args"] = Variable(arguments, "action.properties")
    if facts is not None:
        for name in ("subject", "resource"):
            known[name] = Variable(_party(name, facts.of(name)), name)
        session = replace(_SESSION, others=facts.of("session"))
        known["session"] = Variable(session, "session")
        known["context"] = Variable(facts.of("context"), "context")
        known["run"] = Variable(_run(facts.of("run")), "run")
    return Environment({**ENVIRONMENT.variables, **known}, ENVIRONMENT.functions)

"""Opens a ledger to answer in, and says who answers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from cyclopts import Parameter

from remit.approvers.desk import Desk
from remit.approvers.terminal import login
from remit.cli import given
from remit.cli.exits import Exit, Stop
from remit.cli.log.ledger import reading
from remit.databases.postgres_address import Address, Unreachable
from remit.errors import Conflict, LogError
from remit.ledgers.sqlite import SqliteLedger
from remit.model import Subject

Who: TypeAlias = Annotated[
    str, Parameter(name="--as", metavar="USER", env_var="REMIT_USER", show_default=False)
]
Names: TypeAlias = Annotated[
    tuple[str, ...], Parameter(metavar="NAME", negative=(), show_default=False)
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Answerer:
    """Who answers."""

    who: Annotated[
        str, Parameter(name="--as", metavar="USER", env_var="REMIT_USER", show_default=False)
    ] = ""
    """in whose name: user:maria, or maria. Left out: whoever is logged in."""
    role: Annotated[
        tuple[str, ...], Parameter(metavar="NAME", negative=(), show_default=False)
    ] = ()
    """a role they have; may be repeated. Not where --people tells."""
    group: Annotated[
        tuple[str, ...], Parameter(metavar="NAME", negative=(), show_default=False)
    ] = ()
    """a group they are in; may be repeated. Likewise."""
    people: Annotated[Path | None, Parameter(metavar="FILE", env_var="REMIT_PEOPLE")] = None
    """who there is, with roles and groups: YAML like 'user:maria: {roles: [manager]}'."""

    def subject(self) -> Subject:
        """Who answers, by their own word."""
        name = self.who or login()
        properties = {"roles": self.role, "groups": self.group}
        return Subject.parse(
            name if ":" in name else f"user:{name}",
            **{key: value for key, value in properties.items() if value},
        )

    def known(self) -> dict[str, Subject] | None:
        """Everybody who may answer, if there is a file that says so."""
        if self.people is None:
            return None
        if self.role or self.group:
            why = "leave --role and --group out"
            raise Stop(Exit.USAGE, f"{self.people} says who has which role; {why}")
        return read_people(self.people)


MYSELF = Answerer()


def read_people(path: Path) -> dict[str, Subject]:
    """The people in a YAML file, by `type:id`.

    Raises:
        Stop: it says something else.
    """
    from remit.policy.located import plain
    from remit.policy.located import read as read_yaml

    root = plain(read_yaml(given.read(path, "the list of people"), str(path), "people"))
    if not isinstance(root, Mapping):
        raise Stop(Exit.INVALID, f"{path}: write people like 'user:maria: {{roles: [manager]}}'")
    return {name: _person(path, name, held) for name, held in root.items()}


def _person(path: Path, name: str, held: Any) -> Subject:
    if ":" not in name:
        raise Stop(Exit.INVALID, f"{path}: {name!r} is no person; write it like user:{name}")
    if not isinstance(held, Mapping) or not held.keys() <= {"roles", "groups"}:
        raise Stop(Exit.INVALID, f"{path}: {name} has roles and groups, and nothing else")
    for key, value in held.items():
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
            raise Stop(Exit.INVALID, f"{path}: the {key} of {name} are a list of names")
    return Subject.parse(name, **held)


@contextmanager
def looking(ledger: Path | Address) -> Iterator[Desk]:
    """A desk to look at the questions in the ledger, where nothing can be answered.

    Raises:
        Stop: the ledger cannot be read, or has no such question.
    """
    with reading(ledger) as log:
        only_read: Any = log
        try:
            yield Desk(only_read)
        except Conflict as conflict:
            raise Stop(Exit.FAILED, str(conflict)) from conflict


@contextmanager
def answering(ledger: Path | Address, answerer: Answerer) -> Iterator[Desk]:
    """A desk on the ledger; whatever keeps an answer from being taken ends the command.

    Raises:
        Stop: the ledger cannot be read or written, or the answer cannot be taken.
    """
    with reading(ledger):  # a ledger that is not there is not made
        pass
    try:
        with _open(ledger) as opened:
            yield Desk(opened, people=answerer.known())
    except Conflict as conflict:
        raise Stop(Exit.FAILED, str(conflict)) from conflict
    except (LogError, sqlite3.Error, Unreachable, TimeoutError) as error:
        raise Stop(Exit.UNREADABLE, f"{ledger} cannot be written: {error}") from error


def _open(ledger: Path | Address) -> Any:
    if isinstance(ledger, Path):
        return SqliteLedger(ledger)
    from remit.ledgers.postgres import PostgresLedger

    return PostgresLedger(ledger.dsn, patience=ledger.patience)

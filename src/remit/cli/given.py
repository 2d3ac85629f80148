"""What users name on the command line: policies, JSON, files to read and to write."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any, TypeAlias

from cyclopts import Parameter

from remit.canonical import read as read_json
from remit.cli.exits import Exit, Stop
from remit.errors import NotData
from remit.model import Subject

POLICY = Path("remit.yaml")


def _listed(paths: Sequence[Path]) -> str:
    return " ".join(map(str, paths))


Json: TypeAlias = Annotated[bool, Parameter(name="--json", negative=(), show_default=False)]
Force: TypeAlias = Annotated[bool, Parameter(name="--force", negative=(), show_default=False)]
Strict: TypeAlias = Annotated[bool, Parameter(name="--strict", negative=(), show_default=False)]
By: TypeAlias = Annotated[str | None, Parameter(metavar="TYPE:ID", show_default=False)]
Environment: TypeAlias = Annotated[str, Parameter(metavar="NAME", show_default=False)]
Policies: TypeAlias = Annotated[
    tuple[Path, ...],
    Parameter(name="--policy", env_var="REMIT_POLICY", show_default=_listed, negative=()),
]


def whoever(by: str | None) -> Subject:
    """Who is named by `--by`, or is sitting here."""
    if by is not None:
        kind, colon, name = by.partition(":")
        return Subject(kind, name) if colon else Subject("user", by)
    try:
        return Subject("user", getpass.getuser())
    except (OSError, KeyError) as error:
        raise Stop(Exit.USAGE, "the system does not know who you are: say it with --by") from error


def mapping(given: str, option: str) -> dict[str, Any]:
    """The JSON object in *given*, or in the file `@name`, or on standard input for `-`.

    Raises:
        Stop: there is none.
    """
    return json_object(_source(given, option), option)


def json_object(source: bytes, where: str) -> dict[str, Any]:
    """The JSON object in *source*; *where* is what errors call it.

    Raises:
        Stop: it is none.
    """
    try:
        value = read_json(source)
    except NotData as error:
        raise Stop(Exit.INVALID, f"{where}: this {error.why}") from error
    if not isinstance(value, dict):
        raise Stop(Exit.INVALID, f"""{where}: write a JSON object, like '{{"amount": 80}}'""")
    return value


def read(path: Path, what: str) -> bytes:
    """The bytes of the file at *path*, or of standard input for `-`.

    Raises:
        Stop: it cannot be read.
    """
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise Stop(Exit.INVALID, f"{path}: {what} cannot be read: {error.strerror}") from error


def _source(given: str, option: str) -> bytes:
    if given == "-":
        return sys.stdin.buffer.read()
    return read(Path(given[1:]), option) if given.startswith("@") else given.encode()


@contextmanager
def written_to(path: Path | None, *, force: bool) -> Iterator[IO[str]]:
    """A new file at *path* to write to, or standard output for None."""
    if path is None:
        yield sys.stdout
        return
    try:
        file = path.open("w" if force else "x", encoding="utf-8", newline="")
    except FileExistsError as error:
        raise Stop(Exit.FAILED, f"{path} is there already; --force overwrites it") from error
    except OSError as error:
        raise Stop(Exit.INVALID, f"{path} cannot be written: {error.strerror}") from error
    with file:
        yield file

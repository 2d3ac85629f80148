"""Requests as users write them: a mapping with the keys of a policy test's `request`.

    {"subject": "agent:support", "action": "refund", "args": {"amount": 80},
     "resource": "order:o-1", "session": {"scopes": ["refunds"]}, "context": {},
     "at": "2026-05-01T09:30:00Z"}

Only `action` is needed. Subject and resource are `type:id`, or mappings with
`type`, `id` and `properties`. What a session holds beyond the known keys are facts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from remit.canonical import freeze
from remit.cli import given
from remit.cli.exits import Exit, Stop
from remit.cli.moment import moment
from remit.errors import NotData
from remit.model import NO_RESOURCE, NOBODY, Action, Request, Resource, Session, Subject

KEYS = ("subject", "action", "args", "resource", "session", "context", "run", "used", "at")
T = TypeVar("T", Subject, Resource)
N = TypeVar("N")


def request(data: Any, where: str) -> Request:
    """The request that *data* describes; *where* is what errors call it.

    Raises:
        Stop: it describes none.
    """
    if not isinstance(data, Mapping):
        raise Stop(Exit.INVALID, f"{where}: a request is a mapping with the keys {_list(KEYS)}")
    for key in data:
        if key not in KEYS:
            message = f"{where}: unknown key {key!r} in a request; there are {_list(KEYS)}"
            raise Stop(Exit.INVALID, message)
    action = data.get("action")
    if not isinstance(action, str) or not action:
        raise Stop(Exit.INVALID, f"{where}: a request names its action, like action: refund")
    try:
        return Request(
            subject=_party(data.get("subject", NOBODY), Subject),
            action=Action(action, _mapping(data, "args")),
            resource=_party(data.get("resource", NO_RESOURCE), Resource),
            session=_session(_mapping(data, "session")),
            context=_mapping(data, "context"),
            run=_mapping(data, "run"),
            used=_mapping(data, "used"),
            at=moment(data["at"]) if "at" in data else time.time_ns(),
        )
    except (NotData, ValueError) as error:
        raise Stop(Exit.INVALID, f"{where}: {error}") from error


def read(path: Path) -> list[Request]:
    """The requests in a file of JSON Lines, or in a YAML list (`*.yaml`, `*.yml`)."""
    from remit.policy.located import Sequence, plain
    from remit.policy.located import read as read_yaml

    source = given.read(path, "the list of requests")
    if path.suffix in {".yaml", ".yml"}:
        root = read_yaml(source, str(path), "a list of requests")
        if not isinstance(root, Sequence):
            raise root.place.error("write a list of requests, each beginning with '- action:'")
        return [request(plain(node), str(node.place)) for node in root.items]
    lines = enumerate(source.splitlines(), 1)
    return [
        request(given.json_object(line, f"{path}:{number}"), f"{path}:{number}")
        for number, line in lines
        if line.strip()
    ]


def _party(named: Any, noun: type[T]) -> T:
    if isinstance(named, noun):
        return named
    if isinstance(named, str):
        return noun.parse(named)
    what, keys = noun.__name__.lower(), noun.__struct_fields__
    for key in named if isinstance(named, Mapping) else ():
        if key not in keys:
            raise ValueError(f"unknown key {key!r} in a {what}; there are {_list(keys)}")
    return _converted(named, noun, what)


def _session(data: Mapping[str, Any]) -> Session:
    known = {key: value for key, value in data.items() if key in Session.__struct_fields__}
    facts = {key: value for key, value in data.items() if key not in known}
    return _converted({**known, "facts": {**_mapping(known, "facts"), **facts}}, Session, "session")


def _converted(data: Any, noun: type[N], what: str) -> N:
    try:
        return msgspec.convert(data, noun)
    except msgspec.ValidationError as error:
        raise ValueError(f"{what}: {error}") from error


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key, {})
    if not isinstance(value, Mapping):
        raise ValueError(f"{key!r} is a mapping of names to values, not {type(value).__name__}")  # noqa: TRY004 - it is the user's value
    return cast("Mapping[str, Any]", freeze(value, path=key))


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names)

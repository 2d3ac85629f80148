"""The request of a case, as YAML has it.

    subject: agent:support-7
    action: approve_refund
    args: {amount: 500}
    approvals: [user:maria, {type: user, id: ben, properties: {roles: [manager]}}]

Approvals are answers to just this request, given at its moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from remit.canonical import freeze
from remit.errors import NotData
from remit.model import (
    NO_RESOURCE,
    NOBODY,
    Action,
    Approval,
    Request,
    Resource,
    Session,
    Subject,
)
from remit.policy import moment
from remit.policy.fields import Errors, Fields, text
from remit.policy.keys import (
    ANYTHING,
    FACTS,
    MOMENT,
    TEXT,
    TEXTS_OR_NONE,
    WHOLE,
    Key,
    Schema,
    Shape,
    list_of,
)
from remit.policy.located import Mapping as Members
from remit.policy.located import Node, Scalar, plain

PARTY = Shape(
    "a party",
    {
        "type": Key(TEXT, "What kind it is: agent, user, file."),
        "id": Key(TEXT, "Which one it is.", "say which one"),
        "properties": Key(FACTS, "What else is known about it."),
    },
)
_PARTY: Schema = {"anyOf": [TEXT, PARTY]}
SESSION = Shape(
    "a session",
    {
        "id": Key(TEXT, "Which session it is."),
        "role": Key(TEXT, "In which role the subject acts."),
        "scopes": Key(TEXTS_OR_NONE, "What it was granted."),
        "user": Key(TEXT, "The person on whose behalf it acts."),
        "tenant": Key(TEXT, "For whom."),
        "depth": Key(WHOLE, "How many delegations lie between the person and the subject."),
        "facts": Key(FACTS, "Anything else; other keys of a session are facts as well."),
    },
    others=ANYTHING,
)
REQUEST = Shape(
    "a request",
    {
        "subject": Key(_PARTY, "Who asks, as type:id. Left out: agent:unnamed."),
        "action": Key(TEXT, "What is to be done.", "name what is to be done"),
        "args": Key(FACTS, "The arguments of the tool."),
        "resource": Key(_PARTY, "What it is done to, as type:id."),
        "session": Key(SESSION, "For whom, and with which powers."),
        "context": Key(FACTS, "Facts about the circumstances."),
        "run": Key(FACTS, "Facts about the run it is part of."),
        "used": Key(FACTS, "What limits have counted, as document/limit: {cost: 4}."),
        "at": Key(MOMENT, "The moment it is about. Left out: the beginning of 1970."),
        "approvals": Key(list_of(_PARTY), "Who has approved just this request."),
    },
)


def read_request(case: Fields) -> Request:
    """What stands under `request` in *case*."""
    fields = case.shaped("request", REQUEST)
    asked = Request(
        subject=_party(fields, "subject", Subject) or NOBODY,
        action=Action(fields.text("action"), _mapping(fields, "args")),
        resource=_party(fields, "resource", Resource) or NO_RESOURCE,
        session=_session(fields),
        context=_mapping(fields, "context"),
        run=_mapping(fields, "run"),
        used=_mapping(fields, "used"),
        at=_moment(fields),
    )
    people = [_person(node, fields.errors) for node in fields.nodes("approvals")]
    answers = (
        Approval(approved=True, approver=person, digest=asked.digest, at=asked.at)
        for person in people
    )
    return replace(asked, approvals=tuple(answers))


def _person(node: Node, errors: Errors) -> Subject:
    """Who approved; a text without a type names a user."""
    if isinstance(node, Scalar):
        name = text(node, "each of 'approvals'", errors)
        return Subject.parse(name if ":" in name else f"user:{name}")
    fields = Fields(node, "an approver", ("type", "id", "properties"), errors)
    fields.require("id", "say who it is")
    return Subject(fields.text("type", "user"), fields.text("id"), _mapping(fields, "properties"))


def _party(fields: Fields, key: str, noun: type[Subject | Resource]) -> Any:
    """A subject or resource as `type:id`, or as a mapping where it has properties."""
    if key not in fields:
        return None
    if not isinstance(fields.members[key], Members):
        return noun.parse(fields.text(key))
    inner = fields.inside(key, f"a {key}", ("type", "id", "properties"))
    inner.require("type", f"say what kind of {key} it is")
    inner.require("id", "say which one")
    return noun(inner.text("type"), inner.text("id"), _mapping(inner, "properties"))


def _session(fields: Fields) -> Session:
    if "session" not in fields:
        return Session()
    members = _mapping(fields, "session")
    inner = fields.inside("session", "a session", tuple(members))
    others = {k: v for k, v in members.items() if k not in Session.__struct_fields__}
    return Session(
        id=inner.text("id"),
        role=inner.text("role"),
        scopes=tuple(scope for scope, _ in inner.texts("scopes", empty=True)),
        user=inner.text("user"),
        tenant=inner.text("tenant"),
        depth=inner.whole("depth", 0),
        facts={**_mapping(inner, "facts"), **others},
    )


def _mapping(fields: Fields, key: str) -> Mapping[str, Any]:
    if key not in fields:
        return {}
    node = fields.members[key]
    if not isinstance(node, Members):
        fields.fail(key, f"{key!r} is a mapping; write it like {key}: {{amount: 5}}")
        return {}
    try:
        frozen: Mapping[str, Any] = freeze(plain(node), path=key)
    except NotData as error:
        fields.fail(key, f"a request cannot hold this: {error}")
        return {}
    return frozen


def _moment(fields: Fields) -> int:
    text = fields.text("at")
    found = moment.parse(text) if text else 0
    if found is None:
        fields.fail("at", f"{text!r} is no moment; {moment.CURE}")
    return found or 0

"""The five suites, each played through Remit: what the record says happened is made to happen."""

from __future__ import annotations

import contextlib
import json
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from evidence_world import AGENT, Refused, World, person, seconds, sha256

import remit
from remit.approvers.signing import Key, signed
from remit.approvers.webhook import WebhookAnswers
from remit.audit.checkpoint import Checkpoint
from remit.audit.note import SigningKey
from remit.audit.record import Kind, Record, encode
from remit.audit.stored import Stored
from remit.audit.tree import leaf_hash, root
from remit.audit.verify import verify
from remit.canonical import canonical, freeze, read

Case = dict[str, Any]
REVIEWER = remit.Subject("user", "reviewer")


def approval_binding(record: Case, folder: Path, contract: str) -> None:
    """Every approval presented is asked for and given, those consumed are used; then the use."""
    approval, use = record["approval"], record["use"]
    asked = ", ".join(str(person(name)) for name in record["trustedKeys"])
    lasting = seconds(approval["issuedAt"], approval["expiresAt"])
    rule = f"{{id: ask, action: '*', effect: ask, approvers: ['{asked}'], expires: {lasting}s}}"
    people = {str(person(name)): person(name) for name in record["trustedKeys"]}
    world = World(f"remit: 1\nrules: [{rule}]", approval["issuedAt"], people)
    keys = {str(person(name)): _key(key) for name, key in record["trustedKeys"].items()}
    answers_of = WebhookAnswers(world.inbox, keys)

    def request(of: Case, payload: bytes) -> remit.Request:
        context = {key: of[key] for key in ("event", "phase", "clientId")}
        action = remit.Action(of["tool"], {"payload": payload.decode()})
        resource = remit.Resource("target", of["target"])
        session = remit.Session("s-1", user=of["principal"])
        return remit.Request(AGENT, action, resource, session, context)

    def give(of: Case) -> remit.Request:
        asks = request(of, _payloads(folder.parent)[of["payloadSha256"]])
        case = world.ask(of["approvalId"], asks)
        if not case.closed:
            answers_of.receive(*_answer(case.question, of, world.now))
        return asks

    approver = next(iter(record["trustedKeys"]))
    for consumed in record["consumedApprovalIds"]:
        key = record["trustedKeys"][approver]
        asks = give({**approval, "approvalId": consumed, "approver": approver, "keyId": key})
        world.use(asks, world.inbox.case(consumed).answers)
    for presented in record["presentedApprovals"]:
        give(presented)
    world.at(use["usedAt"])
    world.reachable = record["policyRelease"]["lookup"] == "ok"
    answers = world.inbox.case(use["approvalId"]).answers
    world.use(request(use, (folder / use["payloadFile"]).read_bytes()), answers)
    world.check_format(record.get("contractId"), contract)


def _answer(question: remit.ApprovalRequest, of: Case, now: int) -> tuple[dict[str, str], bytes]:
    """A signed message that the approver has said yes."""
    data = {"approval": question.id, "digest": question.digest, "approved": True}
    by = str(person(of["approver"]))
    told = {"type": "approval.answered", "timestamp": of["issuedAt"], "data": data | {"by": by}}
    body = json.dumps(told).encode()
    return signed(f"m-{question.id}", now // 10**9, body, Key.parse(_key(of["keyId"]))), body


def _key(name: str) -> str:
    """The corpus names keys and publishes none: one of ours for each."""
    return f"whsec_{b64encode(name.encode().ljust(32)).decode()}"


@cache
def _payloads(cases: Path) -> dict[str, bytes]:
    """The corpus names what was approved by its digest; the bytes are those of some case."""
    return {sha256(data): data for data in (one.read_bytes() for one in cases.glob("*/*.bin"))}


def converted_argument_binding(record: Case, folder: Path, contract: str) -> None:
    """A tool of the declared parameters is called, asked about, approved or edited, and run."""
    rule = "{id: ask, action: tool, effect: ask, approvers: ['user:reviewer']}"
    world = World(f"remit: 1\nrules: [{rule}]", "2026-10-24T12:00:00Z")
    received: list[Case] = []
    toolbox = remit.Toolbox(world.guard)
    toolbox.register(_tool(record["parameters"], received))

    def question(args: Case) -> str:
        try:
            toolbox.call("tool", args)
        except remit.Pending as pending:
            return pending.approval_request.id
        raise AssertionError("every call of the tool is asked about")

    files = {one.stem: one.read_bytes() for one in folder.glob("*.json")}
    bound = record["approval"]["shownSha256"]
    shown, raw = read(files["shown"]), read(files["raw"])
    question(raw)
    case = world.inbox.case(question(shown))
    if record["approval"]["decision"] == "modify":
        world.inbox.edit(case.id, REVIEWER, read(files["modified"]), world)
    else:
        about = case.question.request
        if bound != sha256(files["shown"]):
            about = msgspec.structs.replace(about, action=remit.Action("tool", raw))
        answer = remit.Approval(True, REVIEWER, about.digest, world.now)
        world.inbox.take(case, (answer,)).result()
    executed = read(files["executed"])
    toolbox.call("tool", executed)
    if [canonical(freeze(one)) for one in received] != [canonical(freeze(executed))]:
        raise Refused(f"the tool got {received}")
    world.check_format(record.get("contractId"), contract)


TYPES = {"boolean": bool, "integer": int, "number": float, "string": str, "object": dict}


def _tool(parameters: Case, received: list[Case]) -> Any:
    """A function that takes *parameters*, keyword by keyword."""
    kinds = {
        name: Literal[tuple(one["enum"])] if "enum" in one else TYPES[one["type"]]
        for name, one in parameters.items()
    }
    takes = [f"{name}=DEFAULTS[{name!r}]" if "default" in one else name
             for name, one in parameters.items()]  # fmt: skip
    gives = ", ".join(f"{name}={name}" for name in parameters)
    defaults = {name: one.get("default") for name, one in parameters.items()}
    names: Case = {"DEFAULTS": defaults, "received": received}
    exec(f"def tool(*, {', '.join(takes)}): received.append(dict({gives}))", names)
    names["tool"].__annotations__ = kinds
    return names["tool"]


def dispatch_fence(record: Case, _folder: Path, contract: str) -> None:
    """State is what a reviewer has said: each event answers anew. The check reads it, the fence
    is the start of the call on the strength of what was read."""
    rule = "{id: ask, action: dispatch, effect: ask, approvers: ['user:reviewer']}"
    world = World(f"remit: 1\nrules: [{rule}]", record["stateEvents"][0]["at"])
    action = remit.Action("dispatch", {"context": record["contextId"]})
    request = remit.Request(AGENT, action)
    world.ask("fence", request)
    check, fence = record["check"], record["fence"]

    def happen(after: int, until: float) -> None:
        for event in record["stateEvents"]:
            if after < event["seq"] <= until:
                world.at(event["at"])
                world.inbox.approve("fence", REVIEWER, reason=event["kind"])

    def execute() -> None:
        # Whoever answers what was used is told so, which is not this call's business.
        with contextlib.suppress(remit.Conflict):
            happen(fence["appendSeq"], float("inf"))
        for other in record["otherAttempts"]:
            world.at(other["beganAt"])
            world.use(request, answers)
        world.at(record["effect"]["endedAt"])

    happen(0, check["readSeq"])
    world.at(check["at"])
    answers = world.inbox.case("fence").answers
    happen(check["readSeq"], fence["appendSeq"])
    world.at(fence["acquiredAt"])
    world.use(request, answers, execute)
    world.check_format(record.get("contractId"), contract)


def authority_at_dispatch(record: Case, folder: Path, contract: str) -> None:
    """Authority is a standing approval of the first hop's grantor, for each action in its scope;
    on top of it somebody has approved one action. Both are needed, at the time of the dispatch."""
    hop, approved, dispatch = record["delegation"][0], record["approvedAction"], record["dispatch"]
    grantor, agent = person(hop["grantor"]), remit.Subject.parse(hop["grantee"])
    world = World(
        "remit: 1\nrules:\n"
        f"  - {{id: authority, action: '*', effect: ask, approvers: ['{grantor}'], standing: 1d}}\n"
        "  - {id: this, action: '*', effect: ask, approvers: ['user:reviewer'], expires: 1h}\n",
        hop["notBefore"],
    )

    def request(tool: str, target: str, payload: bytes) -> remit.Request:
        action = remit.Action(tool, {"payload": payload.decode()})
        return remit.Request(agent, action, remit.Resource("target", target))

    def pending(asks: remit.Request) -> str:
        try:
            world.use(asks)
        except remit.Pending as waiting:
            return waiting.approval_request.id
        raise AssertionError("nothing was approved yet")

    grants = {}
    for tool in hop["scope"]:
        asked = pending(request(tool, "any", b""))
        grants[tool] = world.inbox.grant(
            asked, grantor, seconds(hop["notBefore"], hop["expiresAt"]), session=False
        )
    world.at(approved["approvedAt"])
    bytes_of = _payloads(folder.parent)[approved["payloadSha256"]]
    asked = pending(request(approved["tool"], approved["target"], bytes_of))
    world.inbox.approve(asked, REVIEWER)
    revocations = [
        (one["revokedAt"], one)
        for one in record["authorityEvidence"]["revokedGrants"]
        if one["grantId"] == hop["grantId"]
    ]
    for when, _ in (one for one in revocations if one[0] <= record["decisionTime"]):
        world.at(when)
        for grant in grants.values():
            world.inbox.revoke(grant.id, grantor)
    world.at(record["decisionTime"])
    payload = (folder / dispatch["payloadFile"]).read_bytes()
    world.use(request(dispatch["tool"], dispatch["target"], payload))
    world.check_format(record.get("contractId"), contract)


ANCHORS = {
    name: SigningKey.from_seed("anchor", name.encode().ljust(32))
    for name in ("anchor", "adversary")
}


def anchored_chain(case: Case, folder: Path, _contract: str) -> str:
    """What is stored becomes a log of ours; what was anchored, a checkpoint over what was then."""
    honest = (folder.parent / "intact" / "store.jsonl").read_text().splitlines()
    anchor = json.loads((folder / case["anchor"]).read_text())
    anchored = [_row(line) for line in honest[: anchor["anchor"]["index"] + 1]]
    mark = Checkpoint(case["chain"], len(anchored), root(one.hash for one in anchored))
    kept = mark.sign(ANCHORS[anchor["kid"]])
    stored = [_row(line) for line in (folder / case["store"]).read_text().splitlines()]
    rows = [Stored(index, one.leaf, one.payload, one.hash) for index, one in enumerate(stored)]
    try:
        found = verify(rows, (), (ANCHORS["anchor"].verifying,), outside=kept)
    except remit.LogError as error:
        raise Refused(str(error)) from error
    if not found.intact:
        raise Refused(found.findings[0].message)
    return found.findings[0].message if found.findings else "signed to its end"


@cache
def _row(line: str) -> Stored:
    """A stored record as one of ours; the same line is the same record."""
    record = json.loads(line)["record"]
    subject = remit.Subject("agent", record["owner"])
    noted = remit.Request(subject, remit.Action(record["kind"], record))
    entry = encode(
        Record(Kind.NOTED, record["chain"], 0, noted), sha256(line.encode())[:16].encode()
    )
    return Stored(0, entry.leaf, entry.payload, leaf_hash(entry.leaf))

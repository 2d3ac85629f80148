"""The nouns: who asks to do what, to which thing, under which facts, and the answer.

They are frozen all the way down. Whatever mapping is given for properties,
context or facts is copied and frozen when the noun is made (`canonical.freeze`),
so that policy, approver, ledger and tool cannot see different values.

The words are those of OpenID AuthZEN and XACML; times are Unix time in
nanoseconds, durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from remit.amounts import Amounts, spell
from remit.canonical import NOTHING, Frozen, digest, freeze
from remit.errors import NotData

Properties: TypeAlias = Mapping[str, Any]


def _freeze_field(noun: Any, name: str) -> None:
    value = getattr(noun, name)
    frozen = freeze(value, path=name)
    if type(frozen) is not Frozen:
        raise NotData(name, f"is a {type(value).__qualname__}, not a mapping")
    msgspec.structs.force_setattr(noun, name, frozen)


class Subject(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who asks: an agent, a person, or a service."""

    type: str
    id: str
    properties: Properties = NOTHING

    def __post_init__(self) -> None:
        if type(self.properties) is not Frozen:
            _freeze_field(self, "properties")

    @classmethod
    def parse(cls, text: str, **properties: Any) -> Subject:
        """Read `type:id`; a text without a colon names an agent."""
        kind, colon, name = text.partition(":")
        return cls(*(kind, name) if colon else ("agent", text), properties or NOTHING)

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


class Action(msgspec.Struct, frozen=True):
    """What is to be done. The arguments of a tool are its properties: `args` in conditions."""

    name: str
    properties: Properties = NOTHING

    def __post_init__(self) -> None:
        if type(self.properties) is not Frozen:
            _freeze_field(self, "properties")


class Resource(msgspec.Struct, frozen=True, omit_defaults=True):
    """What it is to be done to."""

    type: str
    id: str
    properties: Properties = NOTHING

    def __post_init__(self) -> None:
        if type(self.properties) is not Frozen:
            _freeze_field(self, "properties")

    @classmethod
    def parse(cls, text: str, **properties: Any) -> Resource:
        """Read `type:id`; a text without a colon is a type with an empty id."""
        kind, _, name = text.partition(":")
        return cls(kind, name, properties or NOTHING)

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


class Session(msgspec.Struct, frozen=True, omit_defaults=True):
    """For whom, and with which powers, the subject acts."""

    id: str = ""
    role: str = ""
    scopes: tuple[str, ...] = ()
    user: str = ""
    """The person on whose behalf the subject acts; that person cannot approve its calls."""
    tenant: str = ""
    depth: int = 0
    """How many delegations lie between the person and the subject."""
    facts: Properties = NOTHING
    """Anything else; conditions read `session.region` as `facts["region"]`."""

    def __post_init__(self) -> None:
        if type(self.facts) is not Frozen:
            _freeze_field(self, "facts")
        if type(self.scopes) is not tuple:
            msgspec.structs.force_setattr(self, "scopes", tuple(self.scopes))


REMIT = Subject("service", "remit")
"""Who changes what no person and no agent does."""

NOBODY = Subject("agent", "unnamed")
NO_RESOURCE = Resource("", "")
NO_SESSION = Session()


class Approval(msgspec.Struct, frozen=True):
    """One person's answer, bound by `digest` to exactly what they were shown."""

    approved: bool
    approver: Subject
    digest: str
    at: int
    """When they answered. An answer older than the terms allow lifts nothing."""
    reason: str = ""
    request: str = ""
    """The id of the approval request it answers, where that is kept: one call uses it up."""
    asked: int = 0
    """When that was asked; who else may answer after a while depends on it."""
    behalf: Subject | None = None
    """Who has let them answer in their place."""
    grant: str = ""
    """The id of the standing grant that answers without asking."""
    batch: str = ""
    """Names the questions that were answered with the same decision, if there were several."""
    response: Any = UNSET
    """What the caller is to be given instead of running the action, frozen. Not an approval."""
    instead: Properties | UnsetType = UNSET
    """Arguments with which they would approve it. Not an approval of those it was asked with."""

    def __post_init__(self) -> None:
        if self.instead is not UNSET and type(self.instead) is not Frozen:
            _freeze_field(self, "instead")
        if self.response is not UNSET:
            msgspec.structs.force_setattr(self, "response", freeze(self.response, path="response"))
        if self.approved and (self.response is not UNSET or self.instead is not UNSET):
            raise ValueError("who answers in place of the action, or changes it, does not approve")


class Request(msgspec.Struct, frozen=True, weakref=True):
    """One question for a policy."""

    subject: Subject
    action: Action
    resource: Resource = NO_RESOURCE
    session: Session = NO_SESSION
    context: Properties = NOTHING
    at: int = 0
    """The moment the question is about: `now` in conditions."""
    approvals: tuple[Approval, ...] = ()
    run: Properties = NOTHING
    """Facts about the run it is part of, `id` first; what was counted in it changes as it goes."""
    used: Properties = NOTHING
    """What limits have counted so far, by their labels; a decision says which it `wants`."""

    def __post_init__(self) -> None:
        if type(self.context) is not Frozen:
            _freeze_field(self, "context")
        if type(self.run) is not Frozen:
            _freeze_field(self, "run")
        if type(self.used) is not Frozen:
            _freeze_field(self, "used")

    @property
    def digest(self) -> str:
        """Names what a person is shown: everything but the time, what is counted, the answers."""
        return digest(
            {
                "subject": [self.subject.type, self.subject.id, self.subject.properties],
                "action": [self.action.name, self.action.properties],
                "resource": [self.resource.type, self.resource.id, self.resource.properties],
                "session": [
                    self.session.id,
                    self.session.role,
                    self.session.scopes,
                    self.session.user,
                    self.session.tenant,
                    self.session.depth,
                    self.session.facts,
                ],
                "context": self.context,
            }
        )


class Effect(StrEnum):
    """The answer. There is no third: what a person may lift is a denial until they do."""

    ALLOW = "allow"
    DENY = "deny"


class Risk(StrEnum):
    """How bad it would be if the policy were wrong, in ascending order."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Obligation(msgspec.Struct, frozen=True):
    """What must be carried out for an allow to stand."""

    type: str
    properties: Properties = NOTHING

    def __post_init__(self) -> None:
        if type(self.properties) is not Frozen:
            _freeze_field(self, "properties")


class Escalation(msgspec.Struct, frozen=True):
    """Approvers who are added when a question has waited for a while."""

    after: float
    """Seconds since it was asked."""
    approvers: tuple[str, ...]


class ApprovalTerms(msgspec.Struct, frozen=True):
    """Who may lift a denial, how many of them it takes, and for how long their answer is good."""

    approvers: tuple[str, ...] = ()
    """`user:alice`, `role:manager`, `group:finance`; empty means anyone but the requester."""
    quorum: int = 1
    ttl: float = 900.0
    """Seconds from an answer until it no longer lifts anything."""
    within: float = 86400.0
    """Seconds that an inbox waits for answers; silence after that is a denial."""
    escalations: tuple[Escalation, ...] = ()
    """Who else may answer when nobody has."""
    standing: float = 0.0
    """Seconds for which somebody may approve calls like this before they are made; 0: never."""
    limit: str = ""
    """The limit that a call would go beyond. Who lifts a rule has not been asked about that."""


class Period(msgspec.Struct, frozen=True):
    """For how long what was used counts against a limit."""

    seconds: int = 0
    calendar: str = ""
    """Until the `day`, `week` or `month` is over on the clocks of `zone`, and no seconds."""
    zone: str = "UTC"

    def __str__(self) -> str:
        if self.calendar:
            return f"a {self.calendar}"
        units = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
        size, unit = next(each for each in units if self.seconds % each[0] == 0)
        return f"in {self.seconds // size}{unit}"


class Share(msgspec.Struct, frozen=True):
    """One part of a limit: what is counted apart from the rest."""

    limit: str
    """What decisions call the limit."""
    key: str = ""
    """The values it is counted by, as canonical text; empty if everything counts together."""


class Wanted(msgspec.Struct, frozen=True):
    """What has to be known before a request can be decided: how much of a share is used."""

    share: Share
    units: tuple[str, ...]


class Claim(msgspec.Struct, frozen=True):
    """What a call takes of a limit before it starts. Amounts are in millionths (`amounts`)."""

    share: Share
    most: Amounts
    """How much of each unit may be used."""
    takes: Amounts
    """How much of each unit is set aside until it is known what the call used."""
    period: Period
    terms: ApprovalTerms | None = None
    """Who may let a call begin that goes beyond it; None: nobody."""
    reason: str = ""
    advice: str = ""
    lifted: bool = False
    """Approvers have lifted it for this request: it counts, and does not bind."""
    monitored: bool = False
    """It counts, and only says what it would have done."""

    @property
    def binds(self) -> bool:
        """Whether a call has to stay within it."""
        return not (self.lifted or self.monitored)

    def exceeded(self, used: Amounts) -> Exceeded | None:
        """What stands against the call when so much is used already; None if nothing does.

        Who cannot say what a call will use may begin while anything is left.
        """
        for unit, most in self.most.items():
            counted = used.get(unit, 0)
            if counted >= most or counted + self.takes.get(unit, 0) > most:
                return Exceeded(self, unit, max(counted, 0))
        return None

    def __str__(self) -> str:
        taken = {unit: amount for unit, amount in self.takes.items() if amount}
        most = ", ".join(f"{spell(amount)} {unit}" for unit, amount in self.most.items())
        takes = ", ".join(f"{spell(amount)} {unit}" for unit, amount in taken.items())
        period = f" {self.period}" if self.period != Period() else ""
        whose = f" for {self.share.key}" if self.share.key else ""
        return f"{self.share.limit}  limit  {most}{period}{whose}: takes {takes or 'what it uses'}"


class Exceeded(msgspec.Struct, frozen=True):
    """Not enough of a limit is left for a call, so nothing was set aside."""

    claim: Claim
    unit: str
    used: int
    """How much is used, with what is set aside for calls under way."""

    def __str__(self) -> str:
        limit, most, used = self.claim.share.limit, self.claim.most[self.unit], spell(self.used)
        if self.unit == "concurrent":
            allows, now = f"{spell(most)} calls at once", f"{used} are under way"
        else:
            allows, now = f"{spell(most)} {self.unit} {self.claim.period}", f"{used} are used"
        takes = self.claim.takes.get(self.unit, 0)
        more = f", and this call takes {spell(takes)}" if self.used < most else ""
        return f"the limit {limit!r} allows {allows}: {now}{more}"


class Reservation(msgspec.Struct, frozen=True):
    """What a meter has set aside for a call, to be settled or released."""

    call: str
    claims: tuple[Claim, ...]
    until: tuple[int, ...]
    """When what the call uses stops counting, for each claim."""
    exceeded: tuple[Exceeded, ...] = ()
    """What is exceeded and does not bind."""


class Decision(msgspec.Struct, frozen=True):
    """The answer to a request.

    A denial that somebody may lift says so in `approval`. Until they do, it
    is a denial like any other: code that has never heard of approvals is safe.
    """

    effect: Effect
    reason: str
    rules: tuple[str, ...] = ()
    """The ids of the rules that decided, in the order of the policy."""
    errors: tuple[str, ...] = ()
    """What went wrong in rules that could not be evaluated: `rule: why`."""
    risk: Risk | None = None
    advice: str = ""
    """How the agent may try again. A denial with advice is soft."""
    approval: ApprovalTerms | None = None
    obligations: tuple[Obligation, ...] = ()
    monitored: tuple[str, ...] = ()
    """What rules in `mode: monitor` would have done: `rule: effect`."""
    policy: str = ""
    """The digest of the policy that decided."""
    claims: tuple[Claim, ...] = ()
    """What has to be set aside with a meter for an allow to stand."""
    wants: tuple[Wanted, ...] = ()
    """What a condition asks of limits. It is a denial until `Request.used` says it."""
    paused: bool = False
    """Whether the kill switch has decided, and policy was not asked."""

    def __post_init__(self) -> None:
        if self.approval is not None and self.effect is not Effect.DENY:
            raise ValueError("only a denial can carry approval terms")

    @property
    def allowed(self) -> bool:
        """Whether the action may happen."""
        return self.effect is Effect.ALLOW


class Pause(msgspec.Struct, frozen=True):
    """Somebody's order that a subject does nothing until they or others let it go on."""

    subject: str
    """`type:id`, or `*` for everybody."""
    by: str
    at: int
    reason: str = ""


class ApprovalRequest(msgspec.Struct, frozen=True):
    """What a person is asked, and the digest their answer must repeat."""

    id: str
    request: Request
    decision: Decision
    terms: ApprovalTerms
    digest: str
    at: int = 0
    """When it was asked. Unix time in nanoseconds."""

    @property
    def until(self) -> int:
        """When an inbox stops waiting for answers. Unix time in nanoseconds."""
        return self.at + int(self.terms.within * 1e9)

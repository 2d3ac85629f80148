"""Everything Remit raises.

    RemitError
    ├── Blocked           the action did not run; the one class an adapter catches
    │   ├── Denied        policy says no                        .request .decision
    │   │   ├── Paused    the kill switch is on
    │   │   └── Responded a person has answered in the action's place   .response
    │   ├── Pending       a person has been asked               .approval_request
    │   └── Unavailable   Remit could not decide, ask, meter, oblige or record
    ├── Unrecorded        it ran; how it ended is not on record. Do not run it again
    ├── NotData           a value that cannot be frozen, and so cannot be decided on   .path
    ├── PolicyError       a policy that cannot be used          .file .line .column
    ├── LogError          a log that fails verification         .index
    ├── Conflict          an answer that comes too late, or from nobody who may give it   .case
    │   └── Forged        a message that is not from whom it says
    ├── Incompatible      a package that cannot be instrumented as it is         (remit.instrument)
    ├── ExprError         a condition that cannot be used       .line .column   (remit.expr)
    └── EvalError         a condition that has no value                         (remit.expr)

Refusals carry no `Error` in their names: they are answers. What a governed
function raises itself passes through unchanged and is none of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from remit.audit.case import Case
    from remit.model import ApprovalRequest, Decision, Request


class RemitError(Exception):
    """The base of everything Remit raises."""


class Blocked(RemitError):
    """The action did not run."""


class Denied(Blocked):
    """Policy says no. `decision.advice`, where there is any, says how to try again."""

    def __init__(self, request: Request, decision: Decision) -> None:
        self.request = request
        self.decision = decision
        super().__init__(f"{request.subject.id} may not {request.action.name}: {decision.reason}")


class Paused(Denied):
    """The kill switch is on for this subject, its project, or everything."""


class Responded(Denied):
    """A person has answered in the action's place. A function returns it; a generator cannot."""

    def __init__(self, request: Request, decision: Decision, response: Any) -> None:
        self.response = response
        super().__init__(request, decision)


class Pending(Blocked):
    """A person has been asked and nothing waits here: make the same call again later."""

    def __init__(self, approval_request: ApprovalRequest) -> None:
        self.approval_request = approval_request
        request = approval_request.request
        whose = " or ".join(approval_request.terms.approvers) or "anyone but the requester"
        super().__init__(
            f"{request.subject.id} may not {request.action.name} yet: "
            f"approval {approval_request.id} waits for {whose}"
        )


class Unavailable(Blocked):
    """Remit could not do its part; the reason is this error's cause."""


class Unrecorded(RemitError):
    """The action ran, and its end is missing from the ledger. Do not run it again."""


class NotData(RemitError, ValueError):
    """A value that has no frozen form.

    `path` leads to it from the value given, as a reader would write it:
    `items[3].price`.
    """

    def __init__(self, path: str, why: str) -> None:
        self.path = path
        self.why = why
        super().__init__(f"{path or 'the value'} {why}")


class PolicyError(RemitError):
    """A policy that cannot be used, and the place to mend.

    `line` and `column` count from 1; 0 means the whole file.
    """

    def __init__(self, message: str, *, file: str, line: int = 0, column: int = 0) -> None:
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        place = ":".join(str(part) for part in (file, line, column) if part)
        super().__init__(f"{place}: {message}")


class Incompatible(RemitError):
    """A package is not built as the version that Remit knows: it would go unwatched."""


class Conflict(RemitError):
    """What somebody wants done with a question cannot be done, because of where that stands."""

    def __init__(self, why: str, case: Case | None = None) -> None:
        self.case = case
        super().__init__(why)


class Forged(Conflict):
    """A message whose sender cannot be told, or that somebody may be playing again."""


class LogError(RemitError):
    """A log that fails verification, and the index of the first record that shows it."""

    def __init__(self, message: str, *, index: int | None = None) -> None:
        self.index = index
        super().__init__(message)

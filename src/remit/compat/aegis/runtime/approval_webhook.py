"""Asks a web service, which answers at once: `{"approved": true}`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from remit.approvers.post import checked, post
from remit.canonical import freeze, read
from remit.compat.aegis.core.decision import PolicyDecision
from remit.compat.aegis.core.plan import thawed


class WebhookApprovalHandler:
    """Posts what would happen to *url*, and reads the answer. Only a literal true approves.

    Nothing vouches for the answer but the connection; `remit.approvers.webhook` signs both ways.

    Raises:
        ValueError: plain HTTP to another machine, or another method than POST.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 300,
        method: str = "POST",
    ) -> None:
        checked(url)
        if method.upper() != "POST":
            raise ValueError(f"a question is posted, not sent by {method}")
        self.url = url
        self.headers = {"content-type": "application/json", **(headers or {})}
        self.timeout = timeout

    async def request_approval(self, decision: PolicyDecision, /) -> bool:
        """What the service answers.

        Raises:
            Undelivered: it could not be asked, or answers with an error.
            NotData: its answer is no JSON.
        """
        body = json.dumps(_question(decision)).encode()
        answer = await asyncio.to_thread(post, self.url, self.headers, body, seconds=self.timeout)
        said = read(answer)
        return isinstance(said, dict) and said.get("approved") is True


def _question(decision: PolicyDecision) -> dict[str, Any]:
    action = decision.action
    return {
        "action_type": action.type,
        "action_target": action.target,
        "action_params": thawed(freeze(action.params)),
        "action_description": action.description,
        "risk_level": decision.risk_level.name,
        "approval": decision.approval.value,
        "matched_rule": decision.matched_rule,
    }

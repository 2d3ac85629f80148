"""Pydantic AI: its tool calls become requests, refusals become failed tools.

    agent = Agent(model, tools=[...], capabilities=[Remit(guard)])     all tools of an agent
    agent = Agent(model, toolsets=[GovernedToolset(toolset, guard)])   those of one toolset

The agent that makes the call is the subject, by its name. What `acting_as` binds around
the run says for whom it acts. A call that has to wait for people, in a guard with an
`Inbox`, is deferred: the run ends with `DeferredToolRequests`. When it goes on, the call
is made again, and what the ledger says decides.
"""

from __future__ import annotations

try:
    import pydantic_ai as _sdk  # noqa: F401 - asked for here, so that its absence is explained once
except ImportError as error:
    raise ImportError("Pydantic AI is not installed: pip install 'remit[pydantic-ai]'") from error

from remit.adapters.pydantic_ai.capability import Remit
from remit.adapters.pydantic_ai.toolset import GovernedToolset
from remit.refusals import explain

__all__ = ["GovernedToolset", "Remit", "explain"]

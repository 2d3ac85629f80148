"""The OpenAI Agents SDK: its tool calls become requests, refusals become tool results.

    @tool(guard)                      a Python function, as a tool that is governed
    def refund(order: str, amount: float) -> str: ...

    support = govern(Agent(...), guard)   an agent, its MCP servers, and all it can hand to

The calling agent is the subject. What `acting_as` binds around the run says
for whom it acts: session and context facts are taken from there, and a subject
that is not the calling agent counts as one delegation. A refusal is told to the
model as the result of the tool; what a tool raises itself goes the SDK's way.
With an `Inbox`, a call that waits for people interrupts the run, and `go_on` lets
it go on when they have answered.
"""

from __future__ import annotations

try:
    import agents as _sdk  # noqa: F401 - asked for here, so that its absence is explained once
except ImportError as error:
    raise ImportError(
        "the OpenAI Agents SDK is not installed: pip install 'remit[openai-agents]'"
    ) from error

from remit.adapters.openai_agents.interruption import InterruptionApprover
from remit.adapters.openai_agents.reach import govern
from remit.adapters.openai_agents.tools import GovernedTool, tool
from remit.adapters.openai_agents.waiting import go_on
from remit.refusals import explain

__all__ = ["GovernedTool", "InterruptionApprover", "explain", "go_on", "govern", "tool"]

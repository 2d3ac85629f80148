"""LangChain and LangGraph: their tool calls become requests, refusals become tool messages.

    agent = create_agent(model, tools, middleware=[RemitMiddleware(guard)], checkpointer=...)

    remit = RemitMiddleware(guard)                      the same in a graph of one's own
    node = ToolNode(tools, wrap_tool_call=remit.wrap_tool_call,
                    awrap_tool_call=remit.awrap_tool_call)

The agent that makes the call is the subject, by the name it was created with. What
`acting_as` binds around the run says for whom it acts; without a session, the thread
is one. A call that has to wait for people, in a guard with an `Inbox` and a run with
a checkpointer, interrupts the graph. When it goes on, the call is made again, and what
the ledger says decides.
"""

from __future__ import annotations

try:
    import langchain.agents as _agents  # noqa: F401 - so that its absence is explained once
except ImportError as error:
    raise ImportError("LangChain is not installed: pip install 'remit[langchain]'") from error

from remit.adapters.langchain.middleware import RemitMiddleware
from remit.refusals import explain

__all__ = ["RemitMiddleware", "explain"]

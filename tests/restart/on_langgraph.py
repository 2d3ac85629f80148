"""LangGraph with its SQLite saver, which keeps the threads."""

from __future__ import annotations

import shutil
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command
from story import AMOUNT, Process

from remit.adapters.langchain import RemitMiddleware


class Scripted(GenericFakeChatModel):
    def bind_tools(self, tools: Any, **options: Any) -> Any:
        return self


def agent(process: Process, saver: SqliteSaver, *messages: AIMessage) -> Any:
    return create_agent(
        Scripted(messages=iter([*messages, AIMessage("done")])), [process.refund],
        middleware=[RemitMiddleware(process.guard)], checkpointer=saver, name="support",
    )  # fmt: skip


def ask(process: Process, orders: list[str]) -> None:
    calls = [
        {"name": "refund", "args": {"order": order, "amount": AMOUNT}, "id": f"call-{order}"}
        for order in orders
    ]
    with SqliteSaver.from_conn_string(str(process.kept)) as saver:
        asking = agent(process, saver, AIMessage("", tool_calls=calls))
        result = asking.invoke({"messages": [("user", "go")]}, thread(process))
    assert len(result["__interrupt__"]) == len(orders)


def resume(process: Process, orders: list[str]) -> None:
    # As after a crash between the tool and the checkpoint: what is kept is older than the ledger.
    older = process.kept.with_suffix(".older")
    shutil.copy(process.kept, older)
    for kept in (process.kept, older)[: process.times]:
        with SqliteSaver.from_conn_string(str(kept)) as saver:
            result = agent(process, saver).invoke(None, thread(process))
            forged = {each.id: {"type": "approve"} for each in result.get("__interrupt__", ())}
            if forged:
                agent(process, saver).invoke(Command(resume=forged), thread(process))


def thread(process: Process) -> Any:
    return {"configurable": {"thread_id": process.run}}

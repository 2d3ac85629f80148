"""An MCP server, started over stdio, asked for its tools, and ended."""

from __future__ import annotations

import asyncio
import os
import shlex
import tempfile
from pathlib import Path
from typing import Any

from remit.errors import PolicyError

INSTALL = "pip install 'remit[mcp]'"
MOST_PAGES = 100
"""A server that goes on after so many pages of tools is not listened to any longer."""


def ask(command: str, seconds: float, *, source: str) -> list[dict[str, Any]]:
    """The tools of the server that *command* starts; *source* is what errors call it.

    Raises:
        PolicyError: it cannot be started, or does not answer in time.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise PolicyError(f"the command cannot be read: {error}", file=source) from error
    if not words:
        raise PolicyError("no command is named; write mcp:command args", file=source)
    try:
        import mcp  # noqa: F401 - whether it is there
    except ImportError as error:
        raise PolicyError(
            f"asking an MCP server needs the package 'mcp'; {INSTALL}", file=source
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder, "stderr")
        try:
            return asyncio.run(_ask(words, seconds, said))
        except TimeoutError as error:
            why = f"the server did not answer within {seconds:g} seconds"
            raise PolicyError(why + _last(said), file=source) from error
        except Exception as error:
            why = f"the server did not say what its tools are: {_innermost(error)}"
            raise PolicyError(why + _last(said), file=source) from error


async def _ask(words: list[str], seconds: float, said: Path) -> list[dict[str, Any]]:
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    server = StdioServerParameters(command=words[0], args=words[1:], env=dict(os.environ))
    with said.open("w", encoding="utf-8") as errors:
        async with (
            asyncio.timeout(seconds),
            stdio_client(server, errlog=errors) as (incoming, outgoing),
            ClientSession(incoming, outgoing) as session,
        ):
            await session.initialize()
            return await _list(session)


async def _list(session: Any) -> list[dict[str, Any]]:
    from mcp.types import PaginatedRequestParams

    tools: list[dict[str, Any]] = []
    cursor = None
    for _ in range(MOST_PAGES):
        page = await session.list_tools(params=PaginatedRequestParams(cursor=cursor))
        listed = page.model_dump(by_alias=True)
        tools += listed["tools"]
        cursor = listed.get("nextCursor")
        if not cursor:
            break
    return tools


def _innermost(error: BaseException) -> str:
    """What went wrong first, in one line; tasks wrap it in groups of errors."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return " ".join(f"{type(error).__name__}: {error}".split())


def _last(said: Path) -> str:
    """The last line that the server wrote on standard error."""
    lines = said.read_text("utf-8", "replace").split("\n") if said.exists() else []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"; it wrote: {last}" if last else ""

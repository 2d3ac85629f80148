"""Where declared tools come from: functions, lists of tools, files, MCP servers.

    tools_of(guard, toolbox, functions)     what is at hand in Python
    read_tools("app:guard")                 an object of a module
    read_tools("tools.json")                a file: a list of tools, or schemas by name
    read_tools("mcp:uvx my-server")         an MCP server, started and asked

Policies are checked with them when they are loaded: `remit.load(path, tools=...)`.
"""

from remit.policy.tools import Tools
from remit.tools.objects import tools_of
from remit.tools.spec import read_tools

__all__ = ["Tools", "read_tools", "tools_of"]

"""What `--tools` names: an object of a module, a file, an MCP server."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from remit.errors import PolicyError
from remit.policy.tools import Tools
from remit.tools.mcp import ask
from remit.tools.objects import tools_of

MCP = "mcp:"
SECONDS = 30.0
"""How long an MCP server may take to start and to answer."""


def read_tools(spec: str, *, seconds: float = SECONDS) -> Tools:
    """The tools that *spec* names.

    Args:
        spec: `module:object`, found from the current folder; a `.json` file; or
            `mcp:command args`, which is run and ended.
        seconds: how long an MCP server may take.

    Raises:
        PolicyError: it names nothing, or nothing that has tools.
    """
    if spec.startswith(MCP):
        return Tools.listed(ask(spec.removeprefix(MCP), seconds, source=spec), source=spec)
    if spec.endswith(".json"):
        return _in_file(Path(spec), spec)
    module, _, name = spec.partition(":")
    if not module or not name:
        cure = "write module:object, a file.json, or mcp:command"
        raise PolicyError(f"this names no tools; {cure}", file=spec or "--tools")
    return _in_module(module, name, spec)


def _in_file(path: Path, spec: str) -> Tools:
    try:
        listing = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise PolicyError(
            f"the file cannot be read ({error.strerror}); check the path", file=spec
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PolicyError(f"this is not JSON: {error}", file=spec) from error
    if isinstance(listing, dict) and isinstance(listing.get("properties"), dict):
        # One schema alone is that of the tool its title, or else its file, is named for.
        listing = {str(listing.get("title") or path.name.partition(".")[0]): listing}
    return Tools.listed(listing, source=spec)


def _in_module(module: str, name: str, spec: str) -> Tools:
    with _importing_from_here():
        try:
            found: Any = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except (Exception, SystemExit) as error:  # a module may do anything
            why = f"{type(error).__name__}: {error}"
            raise PolicyError(
                f"it cannot be imported ({why}); check its name", file=spec
            ) from error
    try:
        return tools_of(found)
    except TypeError as error:
        raise PolicyError(str(error), file=spec) from error


@contextmanager
def _importing_from_here() -> Iterator[None]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)

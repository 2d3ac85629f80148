"""`remit demo`."""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from remit.cli import screen
from remit.cli.exits import Exit, Stop
from remit.cli.log.verify import verify

HERE = Path(__file__).parent


def demo(
    *,
    interactive: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
    folder: Annotated[Path | None, Parameter(show_default=False)] = None,
) -> int:
    """Let a support agent work under a policy, and show what it was kept from.

        remit demo
        remit demo --interactive

    It needs no key and no network; with OPENAI_API_KEY a real model acts instead
    of a scripted one.

    Args:
        interactive: ask you for approvals, instead of a manager who always agrees.
        folder: where its shop and its ledger are put; a new temporary folder if not said.
    """
    folder = folder or Path(tempfile.mkdtemp(prefix="remit-demo-"))
    code: int = _demo().main(interactive=interactive, folder=folder)
    ledger = folder / "ledger.db"
    screen.say()
    screen.say(f"$ remit log verify --ledger {ledger}")
    return code or int(verify(ledger=ledger))


def _demo() -> Any:
    """The example, which lies in the wheel beside this file, and in a source tree in `examples`."""
    try:
        if (HERE / "support_desk").is_dir():
            return import_module("remit.cli.support_desk.main")
        sys.path.insert(0, str(HERE.parents[2] / "examples"))
        return import_module("support_desk.main")
    except ModuleNotFoundError as error:
        if error.name != "agents":
            raise
        cure = "pip install 'remit[cli,openai-agents]'"
        raise Stop(Exit.FAILED, f"the demo runs on the OpenAI Agents SDK: {cure}") from error

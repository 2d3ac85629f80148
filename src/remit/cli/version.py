"""`remit version`."""

from __future__ import annotations

import platform

from remit.cli import screen
from remit.cli.given import Json


def version(*, as_json: Json = False) -> None:
    """Say which Remit this is, on which Python and system.

        remit version
        remit version --json

    Args:
        as_json: print a JSON document.
    """
    from importlib import metadata

    facts = {
        "remit": metadata.version("remit"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
    }
    if as_json:
        screen.emit(facts)
        return
    screen.facts(facts, indent=0)

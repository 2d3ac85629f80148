"""`remit import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from remit.cli import given, screen
from remit.cli.given import Force


def import_policy(
    file: Annotated[Path, Parameter(name="file")],
    /,
    *,
    output: Annotated[Path | None, Parameter(metavar="FILE", show_default=False)] = None,
    force: Force = False,
) -> None:
    """Write a policy of Aegis or Kite Logik as one of Remit's, which decides the same.

        remit import policy.yaml
        remit import policy.yaml --output remit.yaml

    The original can be used as it is, too: this is for those who want to go on in Remit's own
    language. What the other system passed over in silence is an error here (exit code 3).

    Args:
        file: the policy to read; - for standard input.
        output: where to; standard output if not said.
        force: overwrite what is there.
    """
    from remit.policy.translate import translate

    written = translate(given.read(file, "the policy"), str(file))
    with given.written_to(output, force=force) as to:
        to.write(written)
    if output is not None:
        screen.say("wrote ", (str(output), "bold"))

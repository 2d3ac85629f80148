"""`remit watch`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from remit.cli import screen
from remit.cli.check import check
from remit.cli.given import POLICY, Environment
from remit.errors import PolicyError


def watch(
    *paths: Annotated[Path, Parameter(name="path", env_var="REMIT_POLICY")],
    environment: Environment = "",
    every: Annotated[float, Parameter(metavar="SECONDS")] = 1.0,
) -> None:
    """Check policies now and whenever they change, until interrupted.

        remit watch
        remit watch policies/

    What is printed is what remit check prints. Where the package watchfiles is
    installed, a change is seen at once.

    Args:
        paths: files, and folders of them; remit.yaml if none is named.
        environment: whose changes hold, of those that a policy lists under environments.
        every: how long between two looks at the files.
    """
    from remit.watching import changes

    named = paths or (POLICY,)
    for number, _ in enumerate(changes(*named, every=every)):
        if number:
            screen.say()
            # What follows may go to standard error, and is to be read after this.
            sys.stdout.flush()
        try:
            check(*named, environment=environment)
        except PolicyError as error:
            # The next change may be the one that mends it.
            screen.warn(str(error))
        sys.stdout.flush()

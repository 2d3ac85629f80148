"""`remit fmt`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from remit.cli import given, screen
from remit.cli.exits import Exit
from remit.cli.given import POLICY


def fmt(
    *paths: Annotated[Path, Parameter(name="path", env_var="REMIT_POLICY")],
    check: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
) -> Exit:
    """Write policies in the one way they are written, as far as no comment is lost.

        remit fmt
        remit fmt policies/ --check

    The keys of a rule come in the order of the documentation; needless quotes,
    spaces at the end of lines and repeated blank lines go. What a policy says is
    never changed; its digest is, for that is one of its bytes.

    Args:
        paths: files, and folders of them; remit.yaml if none is named.
        check: change nothing, and fail (exit code 1) if something would be.
    """
    from remit.policy.format import written
    from remit.sources import files

    others = 0
    named = list(files(*(paths or (POLICY,))))
    for path in named:
        source = given.read(path, "the policy")
        text = written(source, str(path))
        if text.encode() == source:
            continue
        others += 1
        if check:
            screen.say((str(path), "bold"), ": is written otherwise")
            continue
        with given.written_to(path, force=True) as file:
            file.write(text)
        screen.say((str(path), "bold"), ": written anew")
    what = "to be written anew" if check else "written anew"
    screen.say(f"{screen.count(len(named), 'file')}: {others or 'none'} {what}")
    return Exit.FAILED if check and others else Exit.OK

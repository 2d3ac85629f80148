"""`remit completion`."""

from __future__ import annotations

import sys
from typing import Literal


def completion(shell: Literal["bash", "zsh", "fish", "powershell"] = "bash", /) -> None:
    """Print the script that completes commands and options in a shell.

        remit completion bash > ~/.local/share/bash-completion/completions/remit
        remit completion zsh > ~/.zfunc/_remit
        remit completion fish > ~/.config/fish/completions/remit.fish

    Args:
        shell: which shell it is for.
    """
    from remit.cli.app import build

    sys.stdout.write(build().generate_completion(prog_name="remit", shell=shell))

"""What `init` has said, for every run of the program.

Which policy decides and where records go is not said here: that is the guard of the program
(`remit.use`), or `remit.yaml` and `.remit/` in the working directory.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from remit.compat.waxell.approval import Handler
from remit.compat.waxell.errors import ConfigurationError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds where nothing else is said."""

    agent: str = ""
    workflow: str = ""
    capture: bool = False
    """Whether what goes in and comes out is recorded, and not only decided on."""
    handler: Handler | None = None
    mode: str = ""
    api_url: str = ""
    """Kept for those who ask for it. Nothing is sent."""


_lock = threading.Lock()
_settings = Settings()


def settings() -> Settings:
    """What holds now."""
    return _settings


def change(**changes: Any) -> None:
    """Let something else hold from now on."""
    global _settings  # noqa: PLW0603 - a program has one set of them
    with _lock:
        _settings = replace(_settings, **changes)


def init(
    api_key: str = "",
    api_url: str = "",
    agent_name: str = "",
    workflow_name: str = "",
    capture_content: bool | None = None,
    instrument: list[str] | None = None,
    exclude: list[str] | None = None,
    instrument_infra: bool = True,
    infra_libraries: list[str] | None = None,
    infra_exclude: list[str] | None = None,
    resource_attributes: Mapping[str, Any] | None = None,
    debug: bool = False,
    prompt_guard: bool = False,
    prompt_guard_server: bool = False,
    prompt_guard_action: str = "block",
    interaction_mode: str | None = None,
    on_policy_block: Handler | None = None,
) -> None:
    """Say what holds for every run of the program; the last call counts.

    Policy and records are here, in this process: an address and a key are taken and not used.

    Raises:
        ConfigurationError: prompts are to be guarded, and would not be.
    """
    del api_key, exclude, instrument_infra, infra_libraries, infra_exclude
    del resource_attributes, debug, prompt_guard_action
    if prompt_guard or prompt_guard_server:
        raise ConfigurationError(
            "prompts are not guarded here; have policy look at them: a rule about run.step with "
            'args.kind == "llm_call"'
        )
    if api_url or instrument:
        _log.info("policy decides in this process; nothing is sent, and no library is patched")
    change(
        agent=agent_name,
        workflow=workflow_name,
        capture=capture_content is True,
        handler=on_policy_block,
        mode=interaction_mode or "",
        api_url=api_url,
    )


def shutdown() -> None:
    """Forget what `init` has said."""
    global _settings  # noqa: PLW0603
    with _lock:
        _settings = Settings()

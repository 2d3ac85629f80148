"""The public names: `__all__` says what exists, and importing it is cheap and quiet."""

from __future__ import annotations

import json
import subprocess
import sys
import types

import pytest

import remit

# What the core must not pull in: frameworks, servers, telemetry, and what only some calls need.
UNWELCOME = {
    "agents", "anthropic", "asyncio", "confusable_homoglyphs", "crewai", "cryptography",
    "cyclopts", "httpx", "langchain", "langchain_core", "langgraph", "mcp", "openai",
    "opentelemetry", "pydantic", "pydantic_ai", "re2", "rich", "smtplib", "sqlite3",
    "starlette", "textual", "uvicorn", "yaml",
}  # fmt: skip


def test_all_names_what_is_there_and_nothing_else():
    helpers = {"Any", "TYPE_CHECKING", "annotations", "import_module"}
    public = {
        name
        for name in dir(remit)
        if not name.startswith("_")
        and not isinstance(getattr(remit, name), types.ModuleType)
        and name not in helpers
    }
    assert public == set(remit.__all__)
    assert sorted(remit.__all__, key=lambda name: (name[0].islower(), name)) == remit.__all__


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'remit' has no attribute 'Gaurd'"):
        remit.Gaurd  # noqa: B018 - looking is the point


def test_the_docstring_lists_every_public_name():
    assert set(remit.__doc__.split()) >= set(remit.__all__)


def test_every_public_thing_says_something_its_signature_cannot():
    undocumented = [
        name for name in remit.__all__ if not (getattr(remit, name).__doc__ or "").strip()
    ]
    assert undocumented == []


def test_importing_remit_imports_no_framework():
    program = "import json, sys, remit; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert loaded & UNWELCOME == set()

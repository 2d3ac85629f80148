from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

import remit
from remit.models.instrument import SEAMS

openai = pytest.importorskip("openai", reason="the openai package is not installed")


@pytest.fixture(autouse=True)
def put_back():
    yield
    remit.uninstrument()


def request_of_clients():
    from openai._base_client import AsyncAPIClient, SyncAPIClient

    return SyncAPIClient.request, AsyncAPIClient.request


def test_instrumenting_twice_is_instrumenting_once():
    before = request_of_clients()
    remit.instrument("openai")
    once = request_of_clients()
    assert once != before
    remit.instrument("openai", check=True)
    assert request_of_clients() == once
    remit.uninstrument("openai")
    assert request_of_clients() == before


def test_what_is_not_known_is_an_error():
    with pytest.raises(ValueError, match="'opnai' cannot be instrumented; openai, anthropic"):
        remit.instrument("opnai")
    with pytest.raises(ValueError, match="no check 'answer'"):
        remit.instrument("openai", check=["answer"])


def run(program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(program)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_package_that_is_imported_later_is_watched_and_remit_imports_none():
    done = run("""
        import sys
        import remit
        remit.instrument()
        assert not {"openai", "anthropic", "google.genai"} & set(sys.modules)
        import openai, anthropic
        assert hasattr(openai._base_client.SyncAPIClient.request, "__wrapped__")
        assert hasattr(anthropic._base_client.AsyncAPIClient._request, "__wrapped__")
        assert openai._base_client.__spec__.loader.get_source("openai._base_client")
        remit.uninstrument()
        assert not hasattr(openai._base_client.SyncAPIClient.request, "__wrapped__")
    """)
    assert done.stderr == ""


def test_a_package_that_is_not_imported_is_left_alone_once_it_is_put_back():
    done = run("""
        import remit
        remit.instrument("openai")
        remit.uninstrument()
        import openai
        assert not hasattr(openai._base_client.SyncAPIClient.request, "__wrapped__")
    """)
    assert done.stderr == ""


def test_a_package_whose_inside_has_changed_is_an_error_and_not_unwatched(monkeypatch):
    from openai import _base_client as inside

    def request(self, cast_to, options, *, flow=False):
        return self._process(cast_to, options, flow)

    monkeypatch.setattr(inside.SyncAPIClient, "request", request)
    monkeypatch.delattr(inside.AsyncAPIClient, "_process_response")
    with pytest.raises(remit.Incompatible) as failed:
        remit.instrument("openai")
    told = str(failed.value)
    assert told.startswith(f"openai {openai.__version__} cannot be instrumented: ")
    assert "SyncAPIClient.request(stream, stream_cls)" in told
    assert "SyncAPIClient.request that calls _process_response" in told
    assert "AsyncAPIClient._process_response" in told


def test_a_package_that_changed_cannot_be_imported_once_it_is_to_be_watched():
    done = run("""
        import remit
        remit.instrument("anthropic")
        from remit.models.instrument import SEAMS
        SEAMS["anthropic"]._method = "_send"
        import anthropic
    """)
    assert "remit.errors.Incompatible: anthropic" in done.stderr
    assert "SyncAPIClient._send" in done.stderr


def test_every_seam_fits_the_package_that_is_installed():
    import anthropic
    from google import genai

    assert anthropic
    assert genai
    remit.instrument(*SEAMS)

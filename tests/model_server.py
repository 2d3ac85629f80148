"""A model on loopback that speaks the chat completions of the OpenAI client, and remembers."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Model:
    """What it was asked, and what it is to answer."""

    def __init__(self):
        self.asked = []
        self.answer = "Use smaller machines"
        self.url = ""


@contextmanager
def serving():
    """A model, served while the block lasts."""
    model = Model()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            model.asked.append(asked)
            body = json.dumps(
                {
                    "id": f"chat-{len(model.asked)}",
                    "object": "chat.completion",
                    "created": 0,
                    "model": asked["model"],
                    "choices": [
                        {
                            "index": 0,
                            "finish_reason": "stop",
                            "message": {"role": "assistant", "content": model.answer},
                        }
                    ],
                    "usage": {"prompt_tokens": 21, "completion_tokens": 9, "total_tokens": 30},
                }
            ).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    model.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield model
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def model(monkeypatch):
    """The model, where the OpenAI client of this test looks for one."""
    pytest.importorskip("openai")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving() as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        yield model

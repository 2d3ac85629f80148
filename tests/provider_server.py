"""A loopback server that answers as providers of models do: what it is told to, in order."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    body: Any = None
    status: int = 200
    events: list[Any] | None = None
    named: bool = False
    """Whether events have their type for a name."""
    done: bool = False
    """Whether the stream ends with [DONE]."""
    kind: str = ""
    cut: int = 0
    """Bytes in which the stream is sent, whatever events they cut through; 0 is one event each."""


@dataclass
class ModelServer:
    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def answer(self, body: Any = None, **more: Any) -> None:
        self.answers.append(Answer(body, **more))

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, body in self.requests]


def sse(answer: Answer) -> list[bytes]:
    chunks = []
    for event in answer.events or []:
        head = f"event: {event['type']}\n" if answer.named else ""
        data = event if isinstance(event, str) else json.dumps(event)
        chunks.append(f"{head}data: {data}\n\n".encode())
    if answer.done:
        chunks.append(b"data: [DONE]\n\n")
    if answer.cut:
        whole = b"".join(chunks)
        chunks = [whole[at : at + answer.cut] for at in range(0, len(whole), answer.cut)]
    return chunks


@contextmanager
def serving() -> Iterator[ModelServer]:
    state = ModelServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with suppress(ConnectionResetError):  # by a client that has heard enough
                super().handle()

        def do_POST(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            state.requests.append((self.path, json.loads(self.rfile.read(size) or b"{}")))
            answer = state.answers.pop(0) if state.answers else Answer({"error": "none"}, 418)
            if answer.events is None:
                self.whole(answer)
            else:
                self.stream(answer)

        def whole(self, answer: Answer) -> None:
            plain = isinstance(answer.body, bytes)
            content = answer.body if plain else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            self.send_header("content-type", answer.kind or "application/json")
            self.send_header("content-length", str(len(content)))
            self.send_header("retry-after-ms", "1")
            self.end_headers()
            self.wfile.write(content)

        def stream(self, answer: Answer) -> None:
            self.send_response(answer.status)
            self.send_header("content-type", "text/event-stream; charset=utf-8")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            try:
                for chunk in sse(answer):
                    self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

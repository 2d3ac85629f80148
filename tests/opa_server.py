"""A loopback server that speaks OPA's data API, and one that gets it wrong in a chosen way.

Policies are evaluated by the real engine; what is false about the server is only that
it is not written in Go.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from remit.compat.kitelogik import requests
from remit.deciders.answer import UNDEFINED
from remit.deciders.document import PRESENT
from remit.deciders.rego_policy import RegoPolicy

REVISION = "3f2b7c"


class Asked:
    """One request, as it came in."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self.handler = handler
        self.method = handler.command
        self.path, _, self.query = handler.path.partition("?")
        self.headers = handler.headers
        self.input = json.loads(body)["input"] if body else None

    def reply(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.send_header("content-length", str(len(body)))
        self.handler.end_headers()
        self.send(body)

    def send(self, raw: bytes) -> None:
        """Write what is no answer, or only part of one."""
        self.handler.wfile.write(raw)
        self.handler.wfile.flush()

    def hang_up(self) -> None:
        self.handler.close_connection = True
        self.handler.connection.shutdown(socket.SHUT_RDWR)


Respond = Callable[[Asked], None]


class OpaServer:
    def __init__(self, respond: Respond, tls: Any = None, port: int = 0) -> None:
        self.respond = respond
        self.asked: list[Asked] = []
        self.connections = 0
        self._lock = Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536  # an answer in one piece

            def setup(self) -> None:
                super().setup()
                with outer._lock:
                    outer.connections += 1

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                asked = Asked(self, body)
                outer.asked.append(asked)
                outer.respond(asked)

            do_GET = do_POST = answer  # noqa: N815 - the names the standard library looks for

            def finish(self) -> None:
                try:
                    super().finish()
                finally:
                    # What could not be written any more is no reason to keep the socket.
                    self.rfile.close()

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                """A client that has gone away is no news."""

        self.server = Server(("127.0.0.1", port), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        self.thread = Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@contextmanager
def opa(respond: Respond, **kwargs: Any) -> Iterator[OpaServer]:
    server = OpaServer(respond, **kwargs)
    try:
        yield server
    finally:
        server.close()


def saying(body: bytes | str, status: int = 200, **headers: str) -> Respond:
    """Always that answer."""
    data = body.encode() if isinstance(body, str) else body
    return lambda asked: asked.reply(data, status, **headers)


class Evaluating:
    """Answers by a policy, as OPA does; `/health` says that it is well."""

    def __init__(self, modules: dict[str, str]) -> None:
        self.modules = modules
        self.rules: dict[str, RegoPolicy] = {}
        self._lock = Lock()

    def __call__(self, asked: Asked) -> None:
        if asked.path == "/health":
            asked.reply(b"{}")
            return
        rule = asked.path.removeprefix("/v1/").replace("/", ".")
        with self._lock:
            if rule not in self.rules:
                self.rules[rule] = RegoPolicy(
                    self.modules, rule, present=PRESENT | requests.PRESENT
                )
        given = json.dumps(asked.input)
        value = self.rules[rule].evaluate(given, lambda value: value).result(10)
        answer = {} if value is UNDEFINED else {"result": value}
        if "provenance" in asked.query:
            answer["provenance"] = {"version": "1.20.2", "bundles": {"app": {"revision": REVISION}}}
        asked.reply(json.dumps(answer).encode())

    def close(self) -> None:
        for each in self.rules.values():
            each.close()

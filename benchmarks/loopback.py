"""A server on loopback that agrees with everything at once: what vendors' SDKs are pointed at.

python loopback.py          # prints its port, and serves until its input ends
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ANSWER = json.dumps(
    {
        "action": "allow",
        "run_id": "run-1",
        "workflow_id": "workflow-1",
        "run_found": True,
        "data": {"id": "1", "agentId": "bench", "status": "active", "allowed": True},
        "id": "1",
        "agentId": "bench",
        "status": "active",
        "allowed": True,
    }
).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment: two would wait for each other

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815 - names of the base class

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address


@contextmanager
def server() -> Iterator[str]:
    """The address of one in a process of its own, so that it takes no time from who is measured."""
    command = [sys.executable, str(Path(__file__))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def main() -> None:
    made = Server(("127.0.0.1", 0), Handler)
    print(made.server_port, flush=True)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()

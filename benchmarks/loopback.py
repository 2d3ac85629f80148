"""A server on loopback that agrees with everything at once: what vendors' SDKs are pointed at.

python loopback.py          # prints its port, and serves until its input ends
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

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
        "result": {
            "allow": True,
            "deny": False,
            "requires_hitl": False,
            "risk_tier": "OPERATIONAL",
        },
    }
).encode()
WORDS = ("traceId", "step_name")
"""Keys of what is sent in batches, which are counted."""
SEEN = "/seen?"

_seen: Counter[str] = Counter()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment: two would wait for each other

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = ANSWER
        if self.path.startswith(SEEN):
            answer = str(_seen[self.path.removeprefix(SEEN)]).encode()
        else:
            _seen.update([self.path])
            _seen.update({word: body.count(f'"{word}"'.encode()) for word in WORDS})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815 - names of the base class

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address


def seen(address: str, what: str) -> int:
    """How often the server at *address* was asked for the path *what*, or was sent that word."""
    with urlopen(f"{address}{SEEN}{what}") as answer:
        return int(answer.read())


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

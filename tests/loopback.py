"""Servers on this machine that take what channels send: HTTP, and SMTP."""

from __future__ import annotations

import socketserver
import threading
from contextlib import contextmanager
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Web:
    """Remembers what was posted, and answers as it is told."""

    def __init__(self):
        self.posted = []
        self.answers = []
        """A status and a body each; 200 and `{"ok": true}` when there are none left."""
        self.url = ""


@contextmanager
def web():
    told = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            told.posted.append((self.path, dict(self.headers.items()), body))
            status, answer = told.answers.pop(0) if told.answers else (200, b'{"ok": true}')
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("location", f"{told.url}/elsewhere")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    with _served(server):
        yield told


class Mailbox:
    """Remembers the mail it took; refuses that to anybody in `refused`."""

    def __init__(self):
        self.mail = []
        self.refused = set()
        self.port = 0


@contextmanager
def smtp():
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line):
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self):
            self.say("220 here")
            while line := self.rfile.readline().decode().strip():
                verb = line.split(" ", 1)[0].upper()
                if verb == "RCPT" and any(one in line for one in box.refused):
                    self.say("550 nobody")
                elif verb == "DATA":
                    self.say("354 go on")
                    box.mail.append(message_from_bytes(self.data(), policy=policy.default))
                    self.say("250 taken")
                else:
                    self.say("221 bye" if verb == "QUIT" else "250 fine")

        def data(self):
            lines = iter(self.rfile.readline, b".\r\n")
            return b"".join(line.removeprefix(b".") for line in lines)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    box.port = server.server_address[1]
    with _served(server):
        yield box


@contextmanager
def _served(server):
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""A line to a PostgreSQL server that can be cut in the middle of a COMMIT."""

from __future__ import annotations

import select
import socket
import threading

import pytest
from postgres_server import sql


class Line:
    """Stands between a store and its server, and is cut at a COMMIT."""

    def __init__(self, path):
        self._path = path
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.cut = None
        self.closing = self.refusing = self.silent = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self):
        self.closing = True
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join(30)

    def _serve(self):
        carrying = []
        while True:
            client, _ = self._listening.accept()
            if self.closing:
                break
            if self.refusing:
                self.refusing = False
                client.close()
                continue
            carrying.append(threading.Thread(target=self._carry, args=(client,)))
            carrying[-1].start()
        client.close()
        self._listening.close()
        for thread in carrying:
            thread.join(30)

    def _carry(self, client):
        with client, socket.socket(socket.AF_UNIX) as database:
            database.connect(self._path)
            ends = {client: database, database: client}
            while True:
                for end in select.select(list(ends), [], [])[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    if self.silent:
                        continue
                    # With its end: READ COMMITTED is said at the beginning.
                    at, here = self.cut, end is client and b"COMMIT\x00" in data
                    if here and at:
                        self.cut = None
                    if here and at == "before":
                        return
                    ends[end].sendall(data)
                    if here and at == "after":
                        database.recv(65536)
                        return


@pytest.fixture
def line(server):
    made = Line(server.socket)
    yield made
    made.close()


def name_of(url):
    return sql(url, "SELECT current_database()::text")[0][0]

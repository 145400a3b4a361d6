# SPDX-License-Identifier: Apache-2.0
"""The process that serves events, and those who follow it."""

import base64
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

from replica import Replica
from servers import BUILD, DEADLINE_SECONDS, SANITIZER_REPORT, fetch, wait_until
from snapshotd import SNAPSHOTD

STOCK = BUILD / "tests" / "integration" / "stock_subscriber"
API = "/api/v1"


def listen():
    """A socket as systemd keeps it for a service."""
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind(("127.0.0.1", 0))
    door.listen(4096)
    return door


class EventServer:
    """`snapshotd --events`, with a listening socket that outlives it."""

    def __init__(self, confdir, folder):
        self.confdir, self.errors = confdir, folder / "events.log"
        self.door = listen()
        self.port = self.door.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}{API}"
        self.process = None

    def start(self, **options):
        environment = dict(os.environ, LISTEN_FDS="1")
        # The process has to find its own number in its environment.
        script = 'exec 3<&"$0"; LISTEN_PID=$$ exec "$@"'
        with open(self.errors, "ab") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", script, str(self.door.fileno()), SNAPSHOTD, "--config",
                 self.confdir, "--events"], stderr=log, env=environment,
                pass_fds=[self.door.fileno()], **options)
        wait_until(self.is_answering, "it serves")
        return self

    def is_answering(self):
        assert self.process.poll() is None, self.text()
        try:
            return fetch(self.port, f"{API}/").status == 200
        except OSError:
            return False

    def end(self, number=signal.SIGTERM):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(DEADLINE_SECONDS)
        report = SANITIZER_REPORT.search(self.text())
        assert not report, self.text()

    def restart(self, number=signal.SIGTERM):
        self.end(number)
        return self.start()

    def close(self):
        try:
            self.end()
        finally:
            if self.process is not None and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.door.close()

    def sockets(self):
        count = 0
        for path in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                count += os.readlink(path).startswith("socket:")
        return count

    def status(self, key):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(rf"{key}:\s+(\d+)", status.read()).group(1))

    def resident_kib(self):
        return self.status("VmRSS")

    def threads(self):
        return self.status("Threads")

    def text(self):
        return self.errors.read_text() if self.errors.exists() else ""

    def publish(self, message):
        """POST a message; status and JSON of the answer."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        answer = fetch(self.port, f"{API}/notifications/publish", "POST",
                       {"Content-Length": str(len(body))}, body)
        assert "transfer-encoding" not in answer.headers
        assert int(answer.headers["content-length"]) == len(answer.body)
        return answer.status, json.loads(answer.body)


class Stock:
    """COUNT subscribers that behave as the reference's do."""

    def __init__(self, url, name, count=1):
        self.count = count
        self.process = subprocess.Popen([STOCK, url, name, str(count)], text=True,
                                        stdout=subprocess.PIPE)
        self.lines = [[] for _ in range(count)]
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            number, what = line.rstrip("\n").split(" ", 1)
            self.lines[int(number)].append(what)

    def having(self, what, least=1):
        """How many have LEAST lines that begin with WHAT."""
        return sum(sum(line.startswith(what) for line in lines) >= least
                   for lines in list(self.lines))

    def wait_for(self, what, least=1, seconds=DEADLINE_SECONDS):
        wait_until(lambda: self.having(what, least) == self.count,
                   f"all have {least} {what}", seconds)

    def expect_none(self, *bad):
        for word in bad:
            assert self.having(word) == 0, (word, [line for line in self.lines
                                                   if word in " ".join(line)][:3])

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Raw:
    """A connection whose bytes are looked at as they come."""

    def __init__(self, port, head, body=b""):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_SECONDS)
        self.socket.sendall(head.encode() + body)
        self.bytes = b""

    def until(self, end):
        """All bytes so far, once END is among them."""
        while end not in self.bytes:
            more = self.socket.recv(65536)
            assert more, self.bytes
            self.bytes += more
        return self.bytes

    def rest(self):
        """Everything until the other side hangs up."""
        try:
            while more := self.socket.recv(65536):
                self.bytes += more
        except ConnectionResetError:
            pass
        return self.bytes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def stock_request(name):
    body = json.dumps({"version": 1, "repository": name}).encode()
    return (f"GET {API}/notifications/subscribe HTTP/1.1\r\nHost: x\r\nUser-Agent: cvmfs/2.11.2\r\n"
            f"Content-Length: {len(body)}\r\n\r\n", body)


def extended_request(query, headers=""):
    return (f"GET {API}/notifications/subscribe?{query} HTTP/1.1\r\nHost: x\r\n{headers}\r\n", b"")


def chunks(stream):
    """The chunks of an answer's body, as the server cut them."""
    body = stream.split(b"\r\n\r\n", 1)[1]
    found = []
    while b"\r\n" in body:
        size, rest = body.split(b"\r\n", 1)
        length = int(size, 16)
        assert rest[length:length + 2] == b"\r\n"
        found.append(rest[:length])
        body = rest[length + 2:]
    assert body == b""
    return found


def activity(storage, name, **changes):
    """The message that the stock tool sends."""
    manifest = (storage / ".cvmfspublished").read_bytes()
    return {"version": 1, "timestamp": time.strftime("%d %b %Y %H:%M:%S", time.gmtime()),
            "type": "activity", "repository": name,
            "manifest": base64.b64encode(manifest).decode(), **changes}


class EventSite:
    """A repository elsewhere, its replica here, and the process that serves its events."""

    def __init__(self, folder, origin_url, published):
        self.folder = folder
        self.published = published
        self.name = published.fqrn
        self.log = folder / "log" / "events.db"
        self.replica = Replica(folder / "replica", self.name, origin_url, published.key,
                               CVMFS_HTTP_RETRIES=0)
        self.set()
        self.server = EventServer(self.replica.confdir, folder)

    def set(self, **settings):
        settings = {"REPLICA_EVENT_LOG": self.log, **settings}
        (self.replica.confdir / "server.local").write_text(
            "".join(f"{key}={value}\n" for key, value in settings.items()))

    def message(self, **changes):
        return activity(self.published.storage, self.name, **changes)

    def close(self):
        self.server.close()

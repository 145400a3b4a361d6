# SPDX-License-Identifier: Apache-2.0
"""An origin server of the tests' own, which can misbehave in every way that one does."""

import pathlib
import re
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Fault:
    """What happens to requests whose path matches PATTERN, TIMES times (None: always), not to the
    first AFTER of them.

    kinds: "missing" (404), "status" (argument: code), "corrupt" (one byte flipped), "longer"
    (argument: bytes too many), "shorter" (a body that ends early, announced so), "cut" (argument:
    bytes after which the connection breaks), "stall" (argument: bytes after which nothing comes
    until the origin is closed), "hang up" (no answer at all), "replace" (argument: other bytes),
    "redirect" (argument: the server to go to).
    """

    def __init__(self, pattern, kind, argument=None, times=None, chance=None, after=0):
        self.pattern = re.compile(pattern)
        self.kind = kind
        self.argument = argument
        self.times = times
        self.chance = chance
        self.after = after
        self.hits = 0

    def takes(self, path, random):
        if not self.pattern.search(path) or self.times == 0:
            return False
        if self.chance is not None and random.random() >= self.chance:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        self.hits += 1
        return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self.answer(head=True)

    def do_GET(self):
        self.answer(head=False)

    def answer(self, head):
        origin = self.server.origin
        # Asked as a proxy: the whole URL of another server.
        self.path = re.sub(r"^http://[^/]+", "", self.path)
        fault = origin.note(self)
        kind = fault.kind if fault else None
        if kind == "hang up":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = origin.read(self.path)
        if kind == "replace":
            body = fault.argument
        if body is None or kind == "missing":
            self.send_body(404, b"not here\n", head)
        elif kind == "status":
            self.send_body(fault.argument, b"an error page\n", head)
        elif kind == "redirect":
            self.send_response(302)
            self.send_header("Location", fault.argument + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.send_object(body, fault, head)

    def send_body(self, status, body, head):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not head:
            self.wfile.write(body)

    def send_object(self, body, fault, head):
        kind, argument = (fault.kind, fault.argument) if fault else (None, None)
        status, start = 200, 0
        asked = re.match(r"bytes=(\d+)-$", self.headers.get("Range", ""))
        if asked and self.server.origin.allows_ranges:
            start = int(asked.group(1))
            status = 206
        if kind == "corrupt":
            body = body[:len(body) // 2] + bytes([body[len(body) // 2] ^ 1]) + body[
                len(body) // 2 + 1:] if body else b"x"
        elif kind == "longer":
            body = body + b"x" * argument
        elif kind == "shorter":
            body = body[:len(body) // 2]
        if status == 206 and start >= len(body):
            self.send_body(416, b"", head)
            return
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        if head:
            return
        part = body[start:]
        if kind in ("cut", "stall"):
            self.wfile.write(part[:argument])
            self.wfile.flush()
            if kind == "stall":
                self.server.origin.closing.wait()
            if kind == "stall" or len(part) > argument:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(part)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass  # a client that goes away is part of the tests


class Origin:
    """Serves the repositories {name: folder} below /cvmfs/ on a loopback port; over TLS with the
    certificate and key of the file TLS."""

    def __init__(self, repositories, random, tls=None):
        self.repositories = {name: pathlib.Path(path) for name, path in repositories.items()}
        self.random = random
        self.faults = []
        self.requests = []  # (method, path, headers)
        self.allows_ranges = True
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.server = None
        self.tls = tls
        # Bound for as long as there is this origin: nobody else gets the port while it is closed.
        self.keeper = socket.socket()
        self.keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.keeper.bind(("127.0.0.1", 0))
        self.port = self.keeper.getsockname()[1]
        self.open()

    def open(self):
        """Listen; after close() on the same port again."""
        self.closing.clear()
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.origin = self
        if self.tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.tls)
            # The handshake is the handler's, in a thread of its own.
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self):
        """Refuse connections from now on."""
        if self.server is not None:
            self.closing.set()
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()
            self.server = None

    def url(self, name):
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}/cvmfs/{name}"

    def fault(self, *arguments, **options):
        fault = Fault(*arguments, **options)
        with self.lock:
            self.faults.append(fault)
        return fault

    def heal(self):
        with self.lock:
            self.faults.clear()
            self.requests.clear()
        self.allows_ranges = True

    def note(self, handler):
        with self.lock:
            self.requests.append((handler.command, handler.path, dict(handler.headers)))
            return next((f for f in self.faults if f.takes(handler.path, self.random)), None)

    def read(self, path):
        match = re.match(r"/cvmfs/([^/]+)/(.+)$", path)
        if not match or match.group(1) not in self.repositories:
            return None
        file = self.repositories[match.group(1)] / match.group(2)
        return file.read_bytes() if file.is_file() else None

    def paths(self, method="GET"):
        """What was asked for, without the repository's part of the path."""
        with self.lock:
            return [path.split("/", 3)[3] for asked, path, _ in self.requests
                    if asked == method]

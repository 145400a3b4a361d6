# SPDX-License-Identifier: Apache-2.0
"""A notification service of the tests' own, which knows both streams or only the stock one, and
misbehaves as it is told."""

import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


# A follower gives an extended stream up that says nothing for longer.
COMMENT_SECONDS = 10


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        service = self.server.service
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length)
        kind, names = service.read(self.path, body)
        with service.changed:
            service.requests.append((kind, names, dict(self.headers)))
        self.close_connection = True
        if service.behaviour == "hang up":
            return
        if kind is None or (kind == "extended" and service.is_strict):
            self.refuse(service.refusal)
            return
        self.stream(service, kind, names)

    def refuse(self, status):
        """As the gateway does without a body."""
        text = json.dumps({"status": "error", "reason": "invalid request body"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def chunk(self, piece):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def stream(self, service, kind, names):
        """What was said so far, then what comes; the stock service's head goes with the first."""
        at, has_head = 0, False
        with service.changed:
            service.streams += 1
            number = service.generation
        try:
            while True:
                if kind == "extended" and not has_head:
                    self.head()
                    self.chunk(b"retry: 3000\n\n")
                    has_head = True
                with service.changed:
                    service.changed.wait_for(lambda: at < len(service.pieces) or
                                             number != service.generation, COMMENT_SECONDS)
                    if number != service.generation:
                        return
                    piece = service.pieces[at] if at < len(service.pieces) else None
                if piece is None:
                    if kind == "extended":
                        self.chunk(b": \n\n")
                    continue
                at += 1
                if not has_head:
                    self.head()
                    has_head = True
                self.chunk(piece)
        except OSError:
            pass
        finally:
            with service.changed:
                service.streams -= 1

    def head(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        pass


class EventService:
    """Listens on .port; .requests holds (kind of stream, names, headers) of what was asked."""

    def __init__(self, is_strict=False, behaviour=None, refusal=400):
        self.is_strict, self.behaviour, self.refusal = is_strict, behaviour, refusal
        self.requests = []
        self.pieces = []  # that every stream gets, first to last
        self.streams = self.generation = 0
        self.changed = threading.Condition()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.service = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/api/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    @staticmethod
    def read(path, body):
        match = re.fullmatch(r"/api/v1/notifications/subscribe(?:\?repository=([^&]*))?", path)
        if match and match.group(1):
            return "extended", match.group(1).split(",")
        try:
            return "strict", [json.loads(body)["repository"]]
        except (ValueError, KeyError, TypeError):
            return None, []

    def say(self, *messages):
        """Send messages, objects or bytes, to all who listen, and to who comes later."""
        with self.changed:
            for message in messages:
                text = message if isinstance(message, bytes) else json.dumps(message).encode()
                self.pieces.append(b"data: " + text + b"\n\n")
            self.changed.notify_all()

    def end_streams(self):
        with self.changed:
            self.generation += 1
            self.changed.notify_all()

    def names(self, kind):
        """Of each request for that kind of stream."""
        with self.changed:
            return [names for what, names, _ in self.requests if what == kind]

    def close(self):
        self.end_streams()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def silent_socket():
    """A door behind which nobody answers."""
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    door.listen(16)
    return door

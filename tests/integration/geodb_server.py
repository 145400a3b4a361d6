# SPDX-License-Identifier: Apache-2.0
"""A server of geo databases as their vendors have them, and archives for it."""

import base64
import datetime
import gzip
import hashlib
import io
import tarfile
import threading
import zipfile
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from servers import wait_until

ACCOUNT, KEY = "4711", "l1c3nse"
AUTHORIZATION = "Basic " + base64.b64encode(f"{ACCOUNT}:{KEY}".encode()).decode()
DOWNLOAD = "/geoip/databases/GeoLite2-City/download"


def tar_gz(files):
    """An archive of {name: bytes}, the same whenever it is made."""
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", mtime=0) as packed, \
            tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def zipped(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def as_vendor(database, name="GeoLite2-City.mmdb"):
    return tar_gz({"GeoLite2-City_20261120/COPYRIGHT.txt": b"(c)\n",
                   f"GeoLite2-City_20261120/{name}": database,
                   "GeoLite2-City_20261120/LICENSE.txt": b"terms\n"})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        server = self.server.owner
        with server.lock:
            server.requests.append((self.path, dict(self.headers)))
        answer = server.answers.get(self.path)
        if answer is None:
            self.send(404, b"no such file\n")
        elif callable(answer):
            answer(self)
        elif server.is_known(self.headers, answer):
            self.send(304, b"")
        else:
            self.send(200, answer, ETag=server.etag(answer),
                      **{"Last-Modified": formatdate(1760000000, usegmt=True)})

    def send(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass  # the test may end the other side


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that goes away is part of the tests


class GeodbServer:
    """Answers {path with query: bytes, or function of the handler}; what was asked is in
    requests, as (path, headers)."""

    def __init__(self):
        self.answers = {}
        self.requests = []
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.owner = self
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @staticmethod
    def etag(body):
        return f'"{hashlib.md5(body).hexdigest()}"'

    def is_known(self, headers, body):
        return headers.get("If-None-Match") == self.etag(body)

    def paths(self):
        with self.lock:
            return [path for path, _ in self.requests]

    def offer(self, archive, checksum=None):
        """The vendor's download, for those who have an account."""
        def guarded(body):
            def answer(handler):
                if handler.headers.get("Authorization") != AUTHORIZATION:
                    handler.send(401, b"Invalid license key\n")
                elif self.is_known(handler.headers, body):
                    handler.send(304, b"")
                else:
                    handler.send(200, body, ETag=self.etag(body))
            return answer

        checksum = checksum or hashlib.sha256(archive).hexdigest()
        self.answers[DOWNLOAD + "?suffix=tar.gz"] = guarded(archive)
        self.answers[DOWNLOAD + "?suffix=tar.gz.sha256"] = guarded(
            f"{checksum}  GeoLite2-City_20261120.tar.gz\n".encode())


def gzipped(database):
    return gzip.compress(database, mtime=0)


def today_for_a_while(zone=None):
    """It is no other day, here and in ZONE, while a test runs that begins now."""
    def is_about_to_end():
        now = datetime.datetime.now(zone)
        return (now + datetime.timedelta(minutes=1)).date() != now.date()

    wait_until(lambda: not is_about_to_end(), "the day has begun", 120)
    return datetime.datetime.now(zone)

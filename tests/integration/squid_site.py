# SPDX-License-Identifier: Apache-2.0
"""A site of Squid, our helpers and an origin that has everything; clients that keep asking."""

import http.client
import os
import pathlib
import re
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from conftest import make_folder
from servers import BUILD, DEADLINE_SECONDS, SANITIZED, wait_until
from squid import Squid

KINDS = {
    "accelerator": """
http_port 80 accel defaultsite=localhost
http_port 8000 accel defaultsite=localhost
cache_peer 127.0.0.1 parent 8080 0 no-query originserver no-digest no-netdb-exchange
never_direct allow all
""",
    "forward": """
http_port 80
http_port 8000
""",
    # As sites have had it for years, and as it has to go on working.
    "first deployment": """
http_port 80 accel
http_port 8000 accel
http_access allow all
cache_peer localhost parent 8080 0 no-query originserver
acl CVMFSAPI urlpath_regex ^/cvmfs/[^/]*/api/
cache deny !CVMFSAPI
cache_mem 128 MB
""",
}
COMMON = """
cache_mem 16 MB
workers {workers}
pinger_enable off
icp_port 0
visible_hostname replica${{process_number}}
buffered_logs off
strip_query_terms off
client_idle_pconn_timeout 1 hour
"""
# For parametrize: both kinds, with one worker of Squid's and with two. The sanitizers look at the
# helpers, which are the same for all.
ALL_KINDS = [("accelerator", 1), ("forward", 2)] if SANITIZED else [
    (kind, workers) for kind in ("accelerator", "forward") for workers in (1, 2)]
CLIENTS = 6


class Answerer(BaseHTTPRequestHandler):
    """Answers everything, and notes it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self):
        with self.server.lock:
            self.server.requests.append((self.headers.get("Host"), self.path))
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.gate.wait(DEADLINE_SECONDS)
        self.send_response(self.server.statuses.get(self.path, 200))
        self.send_header("Cache-Control", "max-age=300")
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.server.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer

    def log_message(self, *arguments):
        pass


class EasyOrigin(ThreadingHTTPServer):
    """An origin that has everything. .requests: (Host, path) of each; .statuses: {path: status}
    that are not 200; .gate: answers wait while it is cleared."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answerer)
        self.requests, self.lock, self.body = [], threading.Lock(), b"yes"
        self.statuses, self.gate = {}, threading.Event()
        self.gate.set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def count(self, path):
        return sum(path == asked for _, asked in self.requests)

    def close(self):
        self.shutdown()
        self.server_close()


class Site:
    """Squid with PROGRAMS (ours, by name, or files) before an origin. TEXT is added to its
    configuration; {folder} in it is where the programs are, the FILES {name: content}, and
    FOLDERS that helpers may write in."""

    def __init__(self, kind, workers, programs, text, files, folders=()):
        self.folder = make_folder()
        for name in folders:
            (self.folder / name).mkdir()
            (self.folder / name).chmod(0o777)
        self.origin = EasyOrigin()
        # Squid's user has to reach them.
        self.programs = [pathlib.Path(shutil.copy(BUILD / "squid-helpers" / name, self.folder))
                         for name in programs]
        self.is_forward, self.workers = kind == "forward", workers
        for name, content in files.items():
            self.write(name, content)
        text = KINDS[kind] + text.format(folder=self.folder) + COMMON.format(workers=workers)
        self.squid = Squid(self.folder / "squid", None, self.origin.server_port, text)
        self.squid.start()

    def write(self, name, content):
        """Replace a file whole, as an administrator should."""
        new = self.folder / f"{name}.new"
        new.write_text(content)
        new.chmod(0o755)
        new.rename(self.folder / name)

    def url(self, path):
        return f"http://127.0.0.1:{self.origin.server_port}{path}" if self.is_forward else path

    def connect(self, source="127.0.0.1", port=80):
        return http.client.HTTPConnection("127.0.0.1", self.squid.ports[port],
                                          timeout=DEADLINE_SECONDS, source_address=(source, 0))

    def ask(self, path, method="GET", source="127.0.0.1", port=80, headers=None):
        """Status, whether it came from the cache, and the body. PATH may be a whole URL."""
        connection = self.connect(source, port)
        try:
            connection.request(method, self.url(path) if path.startswith("/") else path,
                               headers=headers or {})
            answer = connection.getresponse()
            cache = answer.getheader("X-Cache") or ""
            return answer.status, cache.startswith("HIT"), answer.read()
        finally:
            connection.close()

    def ask_all(self, ask):
        """{number of Squid's worker: outcome}; ask(CONNECTION) gives an answer's X-Cache and an
        outcome. Connections are kept while others are made, so that the kernel gives some to
        each worker."""
        outcomes, connections = {}, []
        while len(outcomes) < self.workers and len(connections) < 64 * self.workers:
            connections.append(self.connect())
            cache, outcome = ask(connections[-1])
            outcomes[cache.rpartition("replica")[2]] = outcome
        for connection in connections:
            connection.close()
        return outcomes

    def statuses(self, path):
        """{number of Squid's worker: the status it answers}"""
        def ask(connection):
            connection.request("GET", self.url(path))
            answer = connection.getresponse()
            answer.read()
            return answer.getheader("X-Cache"), answer.status
        return self.ask_all(ask)

    def helpers(self):
        """{process that watches: its worker} of all helpers."""
        found = {}
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if pathlib.Path(os.readlink(path / "exe")) in self.programs:
                    status = (path / "status").read_text()
                    found[int(path.name)] = int(re.search(r"^PPid:\t(\d+)", status, re.M)[1])
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                pass
        return {parent: pid for pid, parent in found.items() if parent in found}

    def log_lines(self):
        return [line.split() for line in
                (self.squid.folder / "access.log").read_text().splitlines()]

    def close(self):
        self.squid.stop()
        self.origin.close()
        wait_until(lambda: not self.helpers(), "no helper is left")
        shutil.rmtree(self.folder)


def are_replaced(site, before):
    """Whether each helper of BEFORE is there, with another worker."""
    now = site.helpers()
    return set(now) >= set(before) and set(now.values()).isdisjoint(before.values())


class Load:
    """Clients that keep asking for path_of(NUMBER); every answer but 200 is a failure."""

    def __init__(self, site, path_of, clients=CLIENTS):
        self.path_of = path_of
        self.site, self.failures, self.answers, self.ends = site, [], 0, False
        self.threads = [threading.Thread(target=self.run, args=(number,))
                        for number in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.wait(50)
        return self

    def __exit__(self, *arguments):
        self.ends = True
        for thread in self.threads:
            thread.join()

    def run(self, number):
        connection, asked = self.site.connect(), 0
        while not self.ends:
            asked += 1
            try:
                connection.request("GET", self.site.url(self.path_of(1000000 * number + asked)))
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200:
                    self.failures.append((answer.status, body))
                self.answers += 1
            except (ConnectionError, http.client.BadStatusLine):
                # Squid closes its ports and idle connections for a moment when it reconfigures.
                connection.close()
            except OSError as reason:
                self.failures.append(repr(reason))
                connection.close()

    def wait(self, more):
        target = self.answers + more
        wait_until(lambda: self.answers >= target, f"{more} more answers")

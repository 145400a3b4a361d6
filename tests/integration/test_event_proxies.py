# SPDX-License-Identifier: Apache-2.0
"""The extended stream through nginx and Squid, and in a browser."""

import contextlib
import http.server
import json
import os
import random
import subprocess
import threading
from urllib.parse import parse_qs, urlparse

import pytest

from event_site import API, EventSite, Raw, extended_request
from origin import Origin
from replica import Published
from servers import DEADLINE_SECONDS, first_program, free_port, is_listening, wait_until
from snapshotd import NEVER
from sources import fill
from squid import Squid
from test_event_log import rows
from test_event_sources import (NAME, folder_upstream, is_current, message, more,  # noqa: F401
                                service, upstream_first, wait_for_current, wait_for_source)

NGINX = """daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://127.0.0.1:{to}; }}
    }}
}}
"""
SQUID = "http_port 3128 \nhttp_access allow all\ncache_mem 8 MB\n"

PAGE = b"""<!DOCTYPE html><title>events</title><script>
const stream = new EventSource(new URLSearchParams(location.search).get("stream"));
const tell = (what, id) => fetch("/told?what=" + what + "&id=" + id);
stream.addEventListener("activity", event =>
    tell(JSON.parse(event.data).repository, event.lastEventId));
stream.onerror = () => tell("error", stream.readyState);
</script>"""


class Nginx:
    """With everything as it is by default, in front of the server on port TO."""

    def __init__(self, folder, to):
        folder.mkdir()
        self.port = free_port()
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            NGINX.format(folder=folder, port=self.port, to=to, user=user))
        self.process = subprocess.Popen(
            [first_program("nginx"), "-p", folder, "-c", folder / "nginx.conf",
             "-e", folder / "error.log"], stderr=subprocess.DEVNULL)
        wait_until(lambda: is_listening(self.port), "nginx listens")

    def close(self):
        self.process.terminate()
        self.process.wait(DEADLINE_SECONDS)


class Page:
    """Serves a page whose script follows a stream, and hears what that says."""

    def __init__(self):
        told = self.told = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def do_GET(self):
                asked = urlparse(self.path)
                if asked.path == "/told":
                    told.append(tuple(parse_qs(asked.query)[key][0] for key in ("what", "id")))
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(PAGE if asked.path == "/" else b"")

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@contextlib.contextmanager
def browser(url, folder):
    program = first_program("chromium", "chromium-browser")
    process = subprocess.Popen(
        [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={folder}/profile", "--remote-debugging-port=0", url],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)


def test_nginx_holds_nothing_back(fleet, service, folder):  # noqa: F811
    assert service.publish(message(fleet))[0] == 200
    with contextlib.closing(Nginx(folder / "nginx", service.port)) as nginx, \
            Raw(nginx.port, *extended_request(f"repository={NAME}")) as raw:
        head = raw.until(b"}\n\n").split(b"\r\n\r\n")[0].lower()
        assert b"content-type: text/event-stream" in head
        more(fleet, 1)
        assert service.publish(message(fleet))[0] == 200
        manifest = message(fleet)["manifest"].encode()
        raw.until(manifest)


def follow_through(fleet, daemon, url, **settings):
    fleet.add("a", REPLICA_SNAPSHOT_INTERVAL=NEVER, REPLICA_EVENT_SOURCES=url, **settings)
    daemon.start()
    daemon.wait_for_runs("a")
    for number in range(2):
        more(fleet, number)
        yield
        wait_for_current(fleet)


def test_the_daemon_follows_through_nginx(fleet, daemon, service, folder):  # noqa: F811
    with contextlib.closing(Nginx(folder / "nginx", service.port)) as nginx:
        for _ in follow_through(fleet, daemon, f"http://127.0.0.1:{nginx.port}{API}"):
            assert service.publish(message(fleet))[0] == 200
        wait_for_source(daemon, lambda it: it.get("stream") == "extended", "the status shows it")
        assert daemon.stop() == 0


def test_the_daemon_follows_through_squid(fleet, daemon, service, folder):  # noqa: F811
    squid = Squid(folder / "squid", "plain", 0, text=SQUID)
    squid.start()
    try:
        proxy = f"http://127.0.0.1:{squid.ports[3128]}"
        for _ in follow_through(fleet, daemon, service.url, CVMFS_SERVER_PROXY=proxy):
            assert service.publish(message(fleet))[0] == 200
        wait_for_source(daemon, lambda it: it.get("stream") == "extended", "the status shows it")
        assert daemon.stop() == 0
    finally:
        squid.stop()


@pytest.fixture
def own(folder):
    """A repository of the test's own, and the site that serves its events to browsers."""
    published = Published(folder / "published", "sw.example.net")
    published.key.chmod(0o644)
    origin = Origin({published.fqrn: published.storage}, random.Random(1))
    site = EventSite(folder, origin.url(published.fqrn), published)
    site.replica.snapshot().assert_ok()
    yield site
    site.close()
    origin.close()


def test_a_browser_follows_the_stream_and_comes_back(own, folder):
    own.set(REPLICA_CORS="on")
    server = own.server.start()
    with contextlib.closing(Page()) as page, \
            browser(f"{page.url}?stream={server.url}/notifications/subscribe%3Frepository=" +
                    own.name, folder):
        first = str(rows(own.log)[-1][0])
        wait_until(lambda: (own.name, first) in page.told, "it has the retained event")
        server.restart()
        own.published.publish(fill(folder / "more", random.Random(1), packages=1, files=2,
                                   large=1000))
        assert server.publish(own.message())[0] == 200
        second = str(rows(own.log)[-1][0])
        wait_until(lambda: (own.name, second) in page.told, "it has the next one")
        # It says where it stopped, so nothing is told twice.
        assert page.told.count((own.name, first)) == 1


def test_a_browser_is_refused_unless_that_is_wished(own, folder):
    server = own.server.start()
    with contextlib.closing(Page()) as page, \
            browser(f"{page.url}?stream={server.url}/notifications/subscribe%3Frepository=" +
                    own.name, folder):
        wait_until(lambda: ("error", "2") in page.told, "the stream is closed to it")
        assert [what for what, _ in page.told] == ["error"]
    assert json.loads(rows(own.log)[-1][5])["repository"] == own.name

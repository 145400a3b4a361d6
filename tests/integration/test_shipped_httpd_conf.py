# SPDX-License-Identifier: Apache-2.0
"""The configuration that is installed as an example works as it stands, but for its paths."""

import re

import pytest

from checks import assert_served
from servers import BUILD, Httpd, free_port, wait_until


@pytest.fixture
def httpd(tree, folder):
    port = free_port()
    text = (BUILD / "conf/httpd/replica.conf").read_text()
    text, count = re.subn(r"127\.0\.0\.1:8080", f"127.0.0.1:{port}", text)
    assert count == 3  # a comment, Listen and the virtual host
    status_port = free_port()
    text, count = re.subn(r"127\.0\.0\.1:8008", f"127.0.0.1:{status_port}", text)
    assert count == 3
    text = text.replace("Replica /etc/cvmfs", f"Replica {tree.confdir}")
    server = Httpd(folder / "httpd", text)
    server.start()
    server.status_port = status_port
    # Ours is beside the server's first port, as it would be on a web server.
    server.port, server.first_port = port, server.port
    yield server
    server.stop()


def test_serves_our_urls_and_no_others(repository, httpd):
    path = repository.write(".cvmfspublished", b"manifest")
    assert_served(httpd.fetch(path), b"manifest", "application/x-cvmfs", 61)
    assert httpd.fetch("/robots.txt").status == 200
    for other in ("/", "/index.html", "/server-status", "/cvmfsx", "/etc/passwd"):
        assert httpd.fetch(other).status == 403
    httpd.port = httpd.first_port
    assert httpd.fetch(path).status in (403, 404)


def test_its_log_names_kind_and_repository(repository, httpd, folder):
    httpd.fetch(repository.write(".cvmfspublished", b"manifest"))
    log = folder / "httpd/access.log"
    wait_until(lambda: "manifest sw.example.net" in log.read_text(), "the request is logged")


def test_the_status_door_is_inside_and_only_there(repository, httpd):
    path = "/replica-status/"
    assert httpd.fetch(path).status == 403
    httpd.port = httpd.status_port
    assert httpd.fetch(path).status == 200
    assert httpd.fetch("/replica-status/metrics").status == 200
    for header in ("Via", "X-Forwarded-For"):
        assert httpd.fetch(path, headers={header: "127.0.0.1"}).status == 403
    assert httpd.fetch(f"{repository.url}/.cvmfspublished").status == 403

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
    text = text.replace("Replica /etc/cvmfs", f"Replica {tree.confdir}")
    server = Httpd(folder / "httpd", text)
    server.start()
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

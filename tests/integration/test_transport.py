# SPDX-License-Identifier: Apache-2.0
"""How origins are reached: TLS, proxies, redirects, and what we say we are."""

import random
import shutil

import pytest

from closure import Closure
from origin import Origin
from replica import Published, Replica
from servers import Httpd, module_folder, wait_until
from sources import fill

FQRN = "sw.example.net"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    repository = Published(folder / "origin", FQRN)
    repository.publish(fill(folder / "source", random.Random(7), packages=2, files=4))
    return repository


@pytest.fixture
def tls_origin(published, certificate):
    server = Origin({FQRN: published.storage}, random.Random(1), tls=certificate)
    yield server
    server.close()


def assert_complete(replica, published):
    assert replica.objects() == Closure(published.storage).objects


def test_an_https_origin(folder, published, tls_origin, certificate):
    replica = Replica(folder / "replica", FQRN, tls_origin.url(FQRN), published.key,
                      X509_CERT_BUNDLE=f"{certificate}.crt")
    replica.snapshot().assert_ok()
    assert_complete(replica, published)


@pytest.mark.skipif(not (module_folder() / "mod_http2.so").exists(),
                    reason="httpd has no HTTP/2 here")
def test_one_connection_carries_everything_where_the_origin_offers_http_2(folder, published,
                                                                          certificate):
    storage = shutil.copytree(published.storage, folder / "storage")
    log = folder / "connections.log"
    server = Httpd(folder / "httpd", f"""
SSLEngine on
SSLCertificateFile {certificate}
SSLSessionCache none
Protocols h2 http/1.1
Alias /cvmfs/{FQRN} {storage}
<Directory {storage}>
Require all granted
</Directory>
LogFormat "%H %{{remote}}p %U" connections
CustomLog {log} connections
""", modules=("alias", "ssl", "http2")).start()
    try:
        replica = Replica(folder / "replica", FQRN,
                          f"https://127.0.0.1:{server.port}/cvmfs/{FQRN}", published.key,
                          X509_CERT_BUNDLE=f"{certificate}.crt")
        replica.snapshot().assert_ok()
        assert_complete(replica, published)
        # The last line is written after its answer.
        wait_until(lambda: log.read_text().count("\n") > len(replica.objects()), "it is logged")
    finally:
        server.stop()
    lines = [line.split() for line in log.read_text().splitlines()]
    assert len(lines) > len(replica.objects())
    assert {(protocol, port) for protocol, port, _ in lines} == {("HTTP/2.0", lines[0][1])}


def test_an_https_origin_that_nobody_vouches_for_is_refused_at_once(folder, published,
                                                                    tls_origin):
    replica = Replica(folder / "replica", FQRN, tls_origin.url(FQRN), published.key)
    replica.snapshot().assert_failed("certificate", str(tls_origin.port))
    assert replica.manifest() is None
    assert tls_origin.requests == []


def test_a_proxy_is_used_and_the_environment_is_not(folder, published, origin):
    """The proxy knows the origin's name; this machine does not."""
    url = f"http://origin.invalid/cvmfs/{FQRN}"
    replica = Replica(folder / "replica", FQRN, url, published.key,
                      CVMFS_SERVER_PROXY=f"http://127.0.0.1:{origin.port}")
    replica.snapshot(http_proxy="http://127.0.0.1:1").assert_ok()
    assert_complete(replica, published)
    direct = Replica(folder / "direct", FQRN, url, published.key, CVMFS_HTTP_RETRIES=0)
    direct.snapshot(http_proxy=f"http://127.0.0.1:{origin.port}").assert_failed(
        "origin.invalid")


def test_redirects_are_followed_only_where_that_is_configured(folder, published, origin):
    other = Origin({FQRN: published.storage}, random.Random(1))
    try:
        origin.fault(r"/data/", "redirect", f"http://127.0.0.1:{other.port}")
        replica = Replica(folder / "replica", FQRN, origin.url(FQRN), published.key)
        replica.snapshot().assert_failed("302")
        replica.configure(CVMFS_FOLLOW_REDIRECTS="yes")
        replica.snapshot().assert_ok()
        assert_complete(replica, published)
        # One that leads round in a circle ends.
        origin.fault(r"\.cvmfspublished", "redirect", f"http://127.0.0.1:{origin.port}")
        replica.snapshot().assert_failed("redirects")
    finally:
        other.close()


def test_requests_say_what_they_come_from(folder, published, origin):
    replica = Replica(folder / "replica", FQRN, origin.url(FQRN) + "/", published.key)
    replica.snapshot().assert_ok()
    agents = {headers.get("User-Agent") for _, _, headers in origin.requests}
    assert len(agents) == 1 and agents.pop().startswith("replica/")
    assert not [path for _, path, _ in origin.requests if "//" in path]
    assert not [headers for _, _, headers in origin.requests if "Accept-Encoding" in headers]

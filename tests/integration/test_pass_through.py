# SPDX-License-Identifier: Apache-2.0
"""Pass-through replicas: add-replica -P, and real httpd with mod_proxy before an origin."""

import json
import random

import pytest

from checks import assert_served
from cli import OWNER
from closure import manifest_fields, object_path
from origin import Origin
from servers import Httpd, free_port, wait_until

NAME = "sw.example.net"
ALIAS = "mirror.example.net"
PROXY = ("proxy", "proxy_http")


class Front:
    """The site's httpd as it is shipped: a virtual host with our directive, and what
    add-replica wrote outside of it."""

    def __init__(self, site, modules=PROXY):
        port = free_port()
        self.server = Httpd(
            site.folder / "httpd",
            f"IncludeOptional {site.folder}/httpd-conf/*.conf\nListen 127.0.0.1:{port}\n"
            f"<VirtualHost 127.0.0.1:{port}>\nReplica {site.confdir}\nTraceEnable Off\n"
            "<Location />\nRequire all denied\n</Location>\n"
            "<Location /cvmfs>\nRequire all granted\n</Location>\n</VirtualHost>",
            modules=modules)
        assert self.server.check() is None
        self.server.start()
        self.server.port = port
        self.fetch = self.server.fetch


@pytest.fixture
def front(site, origin, published):
    site.run("add-replica", "-P", "-o", OWNER, "-n", ALIAS, origin.url(NAME))
    front = Front(site)
    yield front
    front.server.stop()


def test_the_origin_answers_through_us(front, origin, published):
    for path in (".cvmfspublished", ".cvmfswhitelist",
                 object_path(manifest_fields(published.storage)["C"], "C")):
        answer = front.fetch(f"/cvmfs/{ALIAS}/{path}")
        assert (answer.status, answer.body) == (200, (published.storage / path).read_bytes())
        head = front.fetch(f"/cvmfs/{ALIAS}/{path}", method="HEAD")
        assert (head.status, head.body) == (200, b"")
    assert front.fetch(f"/cvmfs/{ALIAS}/data/00/{38 * '0'}").status == 404
    wait_until(lambda: any(" manifest mirror.example.net " in line
                           for line in front.server.access_lines()), "it is logged")


def test_cache_headers_are_the_origins(site, tree, repository, start_httpd):
    """The origin is a Stratum 1 of ours."""
    origin = start_httpd()
    path = repository.write(".cvmfspublished", b"manifest")
    (site.confdir / "repositories.d" / NAME).mkdir(parents=True)
    (site.folder / "httpd-conf" / "x.conf").write_text(
        f'ProxyPass "/cvmfs/{NAME}/" "http://127.0.0.1:{origin.port}/cvmfs/{NAME}/"\n')
    front = Front(site)
    try:
        assert_served(front.fetch(path), b"manifest", "application/x-cvmfs", 61)
    finally:
        front.server.stop()


def test_the_api_is_answered_here(front, origin):
    answer = front.fetch(f"/cvmfs/{ALIAS}/api/v1.0/geo/x/a,b")
    assert answer.status == 503 and b"no geo database" in answer.body
    assert front.fetch(f"/cvmfs/{ALIAS}/api/v1.0/geo/_namelookups_/").body == b"0\n"
    assert not any("api" in path for path in origin.paths())


@pytest.mark.parametrize("path", [
    "", "../x", "data/../../x", ".cvmfspublished/../../../etc/passwd", "..%2fx", "%2e%2e/x",
    "data/%2e%2e/%2e%2e/x", "data/txn/x", "data%2f00/x", "//etc/passwd", "stats/", "x?y",
    "http://127.0.0.1:1/"])
def test_nothing_else_reaches_the_origin(front, origin, path):
    before = len(origin.requests)
    assert front.fetch(f"/cvmfs/{ALIAS}/{path}").status in (400, 403, 404)
    assert len(origin.requests) == before


def test_only_reading_and_no_open_proxy(front, origin):
    before = len(origin.requests)
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "TRACE"):
        assert front.fetch(f"/cvmfs/{ALIAS}/.cvmfspublished", method=method).status == 405
    assert front.fetch(f"http://127.0.0.1:{origin.port}/cvmfs/{NAME}/.cvmfspublished").status != 200
    assert front.fetch("127.0.0.1:80", method="CONNECT").status in (400, 403, 405)
    assert len(origin.requests) == before
    assert front.fetch(f"/cvmfs/{ALIAS}/.cvmfspublished?again=1").status == 200
    assert origin.requests[-1][1] == f"/cvmfs/{NAME}/.cvmfspublished"


def test_an_origin_that_is_down_and_back(front, origin):
    origin.close()
    answer = front.fetch(f"/cvmfs/{ALIAS}/.cvmfspublished")
    assert answer.status in (502, 503)
    assert "cache-control" not in answer.headers and "expires" not in answer.headers
    assert front.fetch(f"/cvmfs/{ALIAS}/api/v1.0/geo/_namelookups_/").status == 200
    origin.open()
    wait_until(lambda: front.fetch(f"/cvmfs/{ALIAS}/.cvmfspublished").status == 200,
               "the origin is asked again")


def test_without_mod_proxy_httpd_starts_and_answers_404(site, origin, published):
    site.run("add-replica", "-P", "-o", OWNER, origin.url(NAME))
    front = Front(site, modules=())
    try:
        assert front.fetch(f"/cvmfs/{NAME}/.cvmfspublished").status == 404
    finally:
        front.server.stop()


def test_everybody_leaves_it_alone(site, origin, published):
    output = site.run("add-replica", "-P", "-o", OWNER, origin.url(NAME))
    assert "Creating Web Server Configuration... done" in output
    assert f"{site.folder}/httpd-conf/cvmfs.{NAME}.conf" in output and "reload" in output
    assert "skipping" in site.run("snapshot", NAME)
    assert "nothing to do" in site.run("gc", "-f", NAME)
    assert "nothing to check" in site.run("check", NAME)
    assert site.run("list") == f"{NAME} (stratum1 / pass-through)\n"
    report = json.loads(site.run("status", "--json"))["repositories"]
    assert [(one["kind"], one["state"]) for one in report] == [("pass-through", "passed through")]
    info = json.loads((site.storage / "info/v1/repositories.json").read_text())
    assert info["replicas"][0]["pass-through"] is True
    site.folder.joinpath("logrotate").touch()
    site.run("snapshot", "-a")
    assert "no active garbage-collectable" in site.run("gc", "-a", "-f", code=1)
    site.run("check", "-a")


def test_the_file_goes_with_the_replica(site, origin, published):
    file = site.folder / "httpd-conf" / f"cvmfs.{NAME}.conf"
    site.run("add-replica", "-P", "-o", OWNER, origin.url(NAME))
    first = file.read_text()
    assert f'ProxyPass "/cvmfs/{NAME}/" "{origin.url(NAME)}/"' in first
    assert "reload httpd" in site.run("rmfs", "-f", NAME)
    assert not file.exists()
    file.write_text("# Created by replicactl.\nsomething old\n")
    site.run("add-replica", "-P", "-o", OWNER, origin.url(NAME))
    assert file.read_text() == first


def test_debians_link_is_made_and_removed(site, origin, published):
    for folder in ("conf-available", "conf-enabled"):
        (site.folder / "apache2" / folder).mkdir(parents=True)
    site.set(REPLICA_HTTPD_CONF_DIR=site.folder / "apache2" / "conf-available")
    link = site.folder / "apache2" / "conf-enabled" / f"cvmfs.{NAME}.conf"
    assert "a2enmod" in site.run("add-replica", "-P", "-o", OWNER, origin.url(NAME))
    assert link.is_symlink() and "ProxyPass" in link.read_text()
    site.run("rmfs", "-f", NAME)
    assert not link.is_symlink()


def test_p_writes_nothing_for_httpd(site, origin, published):
    assert "have to be passed on" in site.run("add-replica", "-P", "-p", "-o", OWNER,
                                              origin.url(NAME))
    assert list((site.folder / "httpd-conf").iterdir()) == []


def test_a_file_of_somebody_else_is_left(site, origin, published):
    file = site.folder / "httpd-conf" / f"cvmfs.{NAME}.conf"
    file.write_text("# mine\n")
    before = site.tree()
    assert "not made by replicactl" in site.run("add-replica", "-P", "-o", OWNER,
                                                origin.url(NAME), code=1)
    assert file.read_text() == "# mine\n"
    assert not site.configuration(NAME).exists()
    assert set(site.tree()) - set(before) <= {str(site.spool), f"{site.confdir}/repositories.d"}
    site.run("add-replica", "-P", "-p", "-o", OWNER, origin.url(NAME))
    site.run("rmfs", "-f", NAME)
    assert file.read_text() == "# mine\n"


def test_a_folder_that_is_not_there(site, origin, published):
    site.set(REPLICA_HTTPD_CONF_DIR=site.folder / "elsewhere")
    assert "REPLICA_HTTPD_CONF_DIR" in site.run("add-replica", "-P", "-o", OWNER,
                                                origin.url(NAME), code=1)
    assert not site.configuration(NAME).exists()


def test_an_https_origin_is_refused(site, published, certificate):
    secure = Origin({NAME: published.storage}, random.Random(1), tls=certificate)
    site.set(X509_CERT_BUNDLE=f"{certificate}.crt")
    try:
        assert "only an origin with a http:// URL" in site.run(
            "add-replica", "-P", "-o", OWNER, secure.url(NAME), code=1)
        assert not site.configuration(NAME).exists()
        site.run("add-replica", "-P", "-p", "-o", OWNER, secure.url(NAME))
    finally:
        secure.close()

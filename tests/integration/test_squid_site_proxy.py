# SPDX-License-Identifier: Apache-2.0
"""The shipped forward proxy of a site: who may use it, for what, and what it keeps."""

import shutil
import socket

import pytest

from conftest import make_folder
from servers import DEADLINE_SECONDS, free_port, wait_until
from squid import SHIPPED, Squid
from squid_site import EasyOrigin

# A client of the site, and one who is not; both are not the proxy's own machine.
CLIENT, STRANGER = "127.0.1.1", "127.0.2.1"
OBJECT = f"/cvmfs/sw.example.net/data/ab/{38 * 'c'}"


@pytest.fixture(scope="module")
def site():
    class Site:
        pass

    site = Site()
    site.folder = make_folder()
    site.origin = EasyOrigin()
    text = (SHIPPED / "squid-site-proxy.conf").read_text()
    for line, ours in {
            # The network of the site, and servers, are on loopback here.
            "acl localnet src 10.0.0.0/8": "acl localnet src 127.0.1.0/24",
            "acl replica_ports port 80 8000": f"acl replica_ports port {site.origin.server_port}",
            "http_access deny to_localhost": ""}.items():
        assert text.count(f"\n{line}\n") == 1
        text = text.replace(f"\n{line}\n", f"\n{ours}\n")
    site.squid = Squid(site.folder / "squid", "squid-site-proxy.conf", 0, text).start()
    site.port = site.squid.ports[3128]
    yield site
    site.squid.stop()
    site.origin.close()
    shutil.rmtree(site.folder)


def ask(site, path, method="GET", source=CLIENT, port=None, headers=()):
    """Status, whether it came from the cache, and the body. PATH may be a whole URL."""
    if path.startswith("/"):
        path = f"http://127.0.0.1:{port or site.origin.server_port}{path}"
    with socket.socket() as connection:
        connection.settimeout(DEADLINE_SECONDS)
        connection.bind((source, 0))
        connection.connect(("127.0.0.1", site.port))
        host = path.split("/")[2] if "//" in path else path
        connection.sendall("\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}",
                                        "Connection: close", *headers, "", ""]).encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), b"X-Cache: HIT" in head, body


def test_clients_of_the_site_get_replicas_and_objects_are_kept(site):
    assert ask(site, OBJECT) == (200, False, b"yes")
    for _ in range(3):
        assert ask(site, OBJECT) == (200, True, b"yes")
    assert site.origin.count(OBJECT) == 1
    assert ask(site, OBJECT, source="127.0.0.1")[0] == 200, "the machine itself is one"
    assert ask(site, OBJECT, method="HEAD")[0] == 200


def test_no_cache_gets_past_what_is_kept(site):
    """A client that finds its manifest old, or an object damaged, asks so."""
    path = "/cvmfs/sw.example.net/.cvmfspublished"
    assert [ask(site, path)[1] for _ in range(2)] == [False, True]
    assert ask(site, path, headers=["Cache-Control: no-cache"])[:2] == (200, False)
    assert site.origin.count(path) == 2


def test_what_the_policy_does_not_keep(site):
    path = "/cvmfs/info/v1/repositories.json"
    for _ in range(3):
        assert ask(site, path)[:2] == (200, False)
    assert site.origin.count(path) == 3


def test_others_get_nothing(site):
    assert ask(site, OBJECT, source=STRANGER)[0] == 403


@pytest.mark.parametrize("path", [
    "/", "/index.html", "/cvmfs", "/repos/x/y", "/gc", "/replica-status/", "/other/cvmfs/x/.cvmfspublished", "/cvmfs/x/",
    "/cvmfs/../etc/passwd", "/cvmfs/x/data/ab/../../../../etc/passwd",
    "/cvmfs/%2e%2e/etc/passwd", "/cvmfs/x%2fdata/ab/c", "/cvmfs//x/../y",
    "/cvmfs/x/.cvmfspublished%3f/../../../latest/meta-data",
    "/cvmfs/x/.cvmfspublished%3f/%2E%2e/y", "/cvmfs/x/api/..;/..;/y", "/cvmfs/x/api/..\\..\\y"])
def test_it_is_no_proxy_for_anything_else(site, path):
    before = len(site.origin.requests)
    assert ask(site, path)[0] == 403
    assert len(site.origin.requests) == before


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE", "OPTIONS", "PURGE"])
def test_it_only_reads(site, method):
    before = len(site.origin.requests)
    assert ask(site, OBJECT, method=method, headers=["Content-Length: 0"])[0] in (403, 405)
    assert len(site.origin.requests) == before


@pytest.mark.parametrize("scheme", ["ftp", "https", "whois", "wais"])
def test_it_speaks_nothing_but_http(site, scheme):
    before = len(site.origin.requests)
    assert ask(site, f"{scheme}://127.0.0.1:{site.origin.server_port}{OBJECT}")[0] == 403
    assert len(site.origin.requests) == before


def test_there_are_no_tunnels_and_no_other_ports(site):
    assert ask(site, f"127.0.0.1:{site.origin.server_port}", method="CONNECT")[0] == 403
    assert ask(site, OBJECT, port=free_port())[0] == 403


def test_the_manager_is_for_this_machine_only(site):
    for path in ("/squid-internal-mgr/info", "/squid-internal-mgr/menu"):
        assert ask(site, path, port=site.port)[0] == 403
        assert ask(site, path, port=site.port, source=STRANGER)[0] == 403


def test_the_log_says_what_it_was_and_which_line_decided(site):
    path = f"/cvmfs/log.example.net/data/ab/{38 * 'd'}C"
    assert ask(site, path)[0] == 200

    def line():
        lines = (site.squid.folder / "access.log").read_text().splitlines()
        return next((line for line in lines if path in line), None)

    wait_until(line, "it is logged")
    words = line().split()
    assert words[-5:-3] == ["catalog", "log.example.net"]
    rules = (SHIPPED / "policy-site-proxy.conf").read_text().splitlines()
    number = next(number for number, rule in enumerate(rules, 1) if "kind catalog,data" in rule)
    assert words[-3:] == [f"policy-site-proxy.conf:{number}", "-", "-"]



# SPDX-License-Identifier: Apache-2.0
"""The shipped Squid in front of the shipped doors: what a stranger can reach, what is cached."""

import shutil
import socket
import subprocess

import pytest

import mmdb
from conftest import make_folder
from geo import DATABASE, add_geo, question
from mmdb import A, B, L, PLACES
from replica import REPLICACTL
from servers import DEADLINE_SECONDS, Httpd, fetch, wait_until
from squid import SHIPPED, Squid
from tree import Tree

# Squid knows 127.0.0.1 as localhost; this loopback address it does not.
STRANGER = "127.0.0.2"

# Things that httpd here would show to local clients, and odd ways to name them.
FORBIDDEN = [
    "/", "/server-status", "/server-status?auto", "/cvmfs", "/index.html", "/replica-status",
    "/squid-internal-mgr/menu", "/squid-internal-mgr/info", "/squid-internal-static/icons/",
    "/cvmfs/../server-status", "/cvmfs/%2e%2e/server-status", "/cvmfs/..%2fserver-status",
    "/cvmfs/x/../../server-status", "/cvmfs//../server-status", "/cvmfs/./../server-status",
    "//server-status", "/CVMFS/sw.example.net/.cvmfspublished", "/robots.txt/../server-status",
    "/robots.txtx", "/cvmfs-meta", "/cvmfs-meta/", "/cvmfs-meta/../server-status",
    "/cvmfs-meta/x.key", "/repos/x/y", "/gc", "/cvmfs/..", "/cvmfs/..;/server-status", "/cvmfs/%2e%2e%2fserver-status",
    "/cvmfs/\\..\\server-status", "http://127.0.0.1/server-status",
    "http://other.example.net/server-status", "/.well-known/x",
]


@pytest.fixture(scope="module")
def site():
    """Squid before an httpd that also has what strangers must not see."""
    class Site:
        pass

    folder = make_folder()
    site = Site()
    tree = Tree(folder / "tree")
    # The stranger's address is a loopback address too: not a trusted one here.
    add_geo(tree, REPLICA_GEO_TRUSTED_PROXIES="127.0.0.1")
    mmdb.write_standard(tree.folder / DATABASE, extra={f"{STRANGER}/32": PLACES[B]})
    site.repository = tree.add_repository()
    site.httpd = Httpd(folder / "httpd", f"Replica {tree.confdir}\nExtendedStatus On\n"
                       "<Location /server-status>\nSetHandler server-status\nRequire local\n"
                       "</Location>", modules=("status",)).start()
    site.squid = Squid(folder / "squid", "squid-accelerator.conf", site.httpd.port).start()
    yield site
    site.squid.stop()
    site.httpd.stop()
    shutil.rmtree(folder)


def clients_of(httpd, path):
    """Who asked for PATH, as httpd sees it."""
    return [line.split()[0] for line in httpd.access_lines() if path in line]


@pytest.fixture
def squid(site):
    return site.squid


@pytest.fixture
def status_httpd(site):
    return site.httpd


@pytest.fixture
def repository(site):
    return site.repository


def ask(port, path, source=STRANGER, method="GET", headers=()):
    """Status and body of a request that leaves from SOURCE, sent byte for byte."""
    with socket.socket() as connection:
        connection.settimeout(DEADLINE_SECONDS)
        connection.bind((source, 0))
        connection.connect(("127.0.0.1", port))
        lines = [f"{method} {path} HTTP/1.1", "Host: replica.example.net",
                 "Connection: close", *headers]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        answer = b""
        while part := connection.recv(65536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_the_shipped_file_parses_without_a_word(folder):
    squid = Squid(folder / "squid", "squid-accelerator.conf", 8080)
    assert squid.parse() == []
    assert sorted(squid.ports) == [80, 8000]
    text = (SHIPPED / "squid-accelerator.conf").read_text()
    for line in ("cache deny !CVMFSAPI", "cache_mem 256 MB", "http_port 80 accel",
                 "http_port 8000 accel"):
        assert line in text


def test_a_stranger_gets_replicas_on_both_ports(squid, status_httpd, repository):
    path = repository.add_object(b"content")
    for port in squid.ports.values():
        assert ask(port, f"{repository.url}/{path}") == (200, b"content")
        assert ask(port, "/robots.txt")[0] == 200
        assert ask(port, f"{repository.url}/data/aa/{38 * 'a'}")[0] == 404
        # Words of the configuration are none of the words that are refused.
        assert ask(port, "/cvmfs/manager.deny.example.net/.cvmfspublished")[0] == 404
        assert ask(port, f"{repository.url}/data/aa/none")[0] == 403, "no URL of a replica"


@pytest.mark.parametrize("path", FORBIDDEN)
def test_a_stranger_gets_nothing_else(squid, status_httpd, path):
    assert status_httpd.fetch("/server-status").status == 200, "it is there for local clients"
    for port in squid.ports.values():
        status, body = ask(port, path)
        assert status in (400, 403, 404), body
        assert b"Apache Server Status" not in body
        assert b"Cache Manager" not in body


def test_only_reading_methods_pass(squid, repository):
    path = repository.add_object(b"content")
    port = squid.ports[80]
    for method in ("POST", "PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PURGE"):
        assert ask(port, f"{repository.url}/{path}", method=method,
                   headers=["Content-Length: 0"])[0] in (400, 403, 405, 501)
    assert ask(port, f"{repository.url}/{path}", method="HEAD") == (200, b"")


def test_data_are_not_cached_and_the_api_may_be(squid, status_httpd, repository):
    path = f"{repository.url}/{repository.add_object(b'asked for three times')}"
    for _ in range(3):
        assert ask(squid.ports[80], path) == (200, b"asked for three times")
    # A line is written after its answer is sent.
    wait_until(lambda: len(clients_of(status_httpd, path)) == 3, "each request reached httpd")


def test_geo_answers_are_for_the_client_and_cached(squid, status_httpd):
    url = question(f"{A},{B},{L}")
    assert ask(squid.ports[80], url) == (200, b"2,3,1\n")
    assert status_httpd.fetch(url).body == b"3,1,2\n"
    for _ in range(3):
        assert ask(squid.ports[80], url) == (200, b"2,3,1\n")
    assert ask(squid.ports[80], f"{url}?ip=")[1] == b"2,3,1\n", "explained to nobody"
    wait_until(lambda: len(clients_of(status_httpd, url)) >= 3, "each is logged")
    clients = clients_of(status_httpd, url)
    assert clients.count("127.0.0.1") == 1
    # With a query it is another one for Squid.
    assert len(clients) == 3


@pytest.mark.parametrize("headers", [[f"X-A: {9000 * 'a'}"], [f"X-{i}: a" for i in range(150)],
                                     ["X-A: a\1b"]], ids=["long", "many", "control"])
def test_what_httpd_refuses_one_it_does_not_refuse_others(squid, status_httpd, headers):
    url = question(f"{A},{B},{L},{len(headers[0])}.{len(headers)}.example.net")
    assert ask(squid.ports[80], url, headers=headers)[0] == 400
    assert ask(squid.ports[80], url) == (200, b"2,3,1,4\n")


@pytest.mark.parametrize("name", ["CF-Connecting-IP", "cf-connecting-ip"])
def test_a_stranger_cannot_say_where_he_is(squid, status_httpd, name):
    assert status_httpd.fetch(question(f"{A},{B}"), headers={name: B}).body == b"2,1\n"
    assert status_httpd.fetch(question(f"{A},{B}"), headers={name: A}).body == b"1,2\n"
    assert ask(squid.ports[80], question(f"{A},{B}"), headers=[f"{name}: {A}"]) == (200, b"2,1\n")


def test_a_request_without_a_host_is_answered(squid, repository):
    path = f"{repository.url}/{repository.add_object(b'content')}"
    with socket.create_connection(("127.0.0.1", squid.ports[8000])) as connection:
        connection.settimeout(DEADLINE_SECONDS)
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert b" 200 " in answer.split(b"\r\n")[0] and answer.endswith(b"content")


@pytest.fixture(scope="module")
def moved(site):
    """Squid with what is printed for lines of replica-rewrite."""
    folder = make_folder()
    rules = {"policy": (SHIPPED / "policy-accelerator.conf").read_text(),
             "rewrite": "rewrite path /opt/software /cvmfs\n"
                        f"redirect 301 path /secret {site.repository.url}\n"
                        f"rewrite repository old.example.net {site.repository.name}\n"}
    (folder / "root/etc/squid").mkdir(parents=True)
    for helper, text in rules.items():
        (folder / f"root/etc/squid/replica-{helper}.conf").write_text(text)
    text = subprocess.run([REPLICACTL, "proxy-config", "accelerator", "--root", folder / "root",
                           "--helpers", "/usr/libexec/replica"], capture_output=True, text=True,
                          check=True).stdout
    squid = Squid(folder / "squid", "squid-accelerator.conf", site.httpd.port, text, rules).start()
    yield squid
    squid.stop()
    shutil.rmtree(folder)


def test_old_paths_pass_and_nothing_else_does(moved, repository):
    port = moved.ports[80]
    path = repository.add_object(b"content")
    name = repository.name
    for old in (f"/opt/software/{name}", "/opt/software/old.example.net", "/cvmfs/old.example.net"):
        assert ask(port, f"{old}/{path}") == (200, b"content"), old
        assert ask(port, f"{old}/{path}", method="PUT")[0] == 403
    assert ask(port, f"/secret/{path}")[0] == 301
    for odd in ("/opt", "/opt/softwarex/x", f"/opt/software/../{name}/{path}", "/opt/other/x",
                f"/opt/software//{name}/{path}", "/opt/software/..%2f..%2fserver-status"):
        assert ask(port, odd)[0] == 403, odd


def test_nobody_behind_squid_counts_as_local(squid, status_httpd, repository):
    """Loopback clients too: what Squid passes on for them is not theirs to see."""
    path = f"{repository.url}/{repository.add_object(b'asked for by two')}"
    ask(squid.ports[80], path)
    fetch(squid.ports[80], path)
    wait_until(lambda: len(clients_of(status_httpd, path)) == 2, "both requests are logged")
    assert clients_of(status_httpd, path) == ["0.0.0.0", "0.0.0.0"]

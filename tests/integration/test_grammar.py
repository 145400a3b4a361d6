# SPDX-License-Identifier: Apache-2.0
"""What is not in the grammar of URLs is 404, in few bytes, however it is written."""

import socket

import pytest

from checks import assert_missing
from servers import DEADLINE_SECONDS

OBJECT = "d3d49a5c64f21f36936ab350d49aaf57585b9a"
BAD = [
    "/cvmfs", "/cvmfs/", "/cvmfs/sw.example.net", "/cvmfs/sw.example.net/",
    "/cvmfs/sw.example.net/data", "/cvmfs/sw.example.net/data/",
    "/cvmfs/sw.example.net/data/6e", "/cvmfs/sw.example.net/data/6e/",
    "/cvmfs/sw.example.net/data/txn", "/cvmfs/sw.example.net/data/txn/",
    "/cvmfs/sw.example.net/data/txn/secret", "/cvmfs/sw.example.net/secret",
    "/cvmfs/sw.example.net/stats/stats.db", "/cvmfs/sw.example.net/.htaccess",
    f"/cvmfs/sw.example.net/data/6e/{OBJECT}T", f"/cvmfs/sw.example.net/data/6E/{OBJECT}",
    f"/cvmfs/sw.example.net/data/6e/{OBJECT.upper()}",
    f"/cvmfs/sw.example.net/data/6e/{OBJECT}0", f"/cvmfs/sw.example.net/data/6e/{OBJECT[1:]}",
    f"/cvmfs/sw.example.net/data/6e/{OBJECT}/", f"/cvmfs/sw.example.net/data/6e/{OBJECT}-md5",
    "/cvmfs/sw.example.net/../sw.example.net/.cvmfspublished",
    "/cvmfs/sw.example.net/./.cvmfspublished",
    "/cvmfs/./sw.example.net/.cvmfspublished",
    "/cvmfs/sw.example.net/data/../.cvmfspublished",
    "/cvmfs/sw.example.net/data/%2e%2e/.cvmfspublished",
    "/cvmfs/sw.example.net/%2E/.cvmfspublished",
    "/cvmfs/unknown.example.net/.cvmfspublished",
    "/cvmfs/unknown.example.net/data/6e/" + OBJECT,
    "/cvmfs/sw.example.net/.cvmfspublished/", "/cvmfs/sw.example.net/.cvmfspublished/x",
    "/cvmfs/sw.example.net/.cvmfspublished%20", "/CVMFS/sw.example.net/.cvmfspublished",
    "/cvmfs/" + "a" * 61 + "/.cvmfspublished",
]


@pytest.fixture(scope="module", autouse=True)
def files(shared):
    root = shared.repository.root
    shared.repository.write(".cvmfspublished", b"manifest")
    for name in ("secret", ".htaccess", "data/txn/secret"):
        (root / name).write_bytes(b"secret")


@pytest.mark.parametrize("path", BAD)
def test_is_not_found(shared, path):
    response = shared.httpd.fetch(path)
    assert response.status == 404
    assert len(response.body) < 400
    assert b"secret" not in response.body and b"manifest" not in response.body


@pytest.mark.parametrize("path", [
    "/cvmfs/../../../../etc/passwd", "/cvmfs/%2e%2e/%2e%2e/etc/passwd",
    "/cvmfs/sw.example.net/%2e%2e%2f.cvmfspublished", "/cvmfs/sw.example.net%2f.cvmfspublished",
    "/cvmfs/sw.example.net/data%2Ftxn%2Fsecret", "/cvmfs/sw.example.net/.cvmfspublished%00",
    "/cvmfs/sw.example.net%00/.cvmfspublished"])
def test_is_refused_by_httpd_or_by_us(shared, path):
    assert shared.httpd.fetch(path).status in (400, 404)


def test_encoded_slashes_stay_out_where_httpd_lets_them_in(repository, start_httpd):
    repository.write(".cvmfspublished", b"manifest")
    for allow in ("On", "NoDecode"):
        httpd = start_httpd(f"AllowEncodedSlashes {allow}\nMergeSlashes Off")
        assert_missing(httpd.fetch("/cvmfs/sw.example.net%2f.cvmfspublished"))
        assert_missing(httpd.fetch("/cvmfs/sw.example.net%2F.cvmfspublished"))
        assert_missing(httpd.fetch("/cvmfs//sw.example.net/.cvmfspublished"))
        assert httpd.fetch("/cvmfs/sw.example.net/.cvmfspublished").status == 200


def test_harmless_encodings_are_understood(shared):
    assert shared.httpd.fetch("/cvmfs/sw%2eexample.net/%2Ecvmfspublished").body == b"manifest"


def test_a_request_line_of_any_form(shared):
    def first_line(request):
        with socket.create_connection(("127.0.0.1", shared.httpd.port),
                                      DEADLINE_SECONDS) as connection:
            connection.sendall(request)
            return connection.makefile("rb").readline()

    path = b"/cvmfs/sw.example.net/.cvmfspublished"
    assert b" 200 " in first_line(b"GET " + path + b" HTTP/1.0\r\n\r\n")
    assert b" 200 " in first_line(
        b"GET http://other.example.net" + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 200 " not in first_line(b"GET cvmfs HTTP/1.1\r\nHost: x\r\n\r\n")


def test_what_is_outside_is_left_to_httpd(shared):
    response = shared.httpd.fetch("/cvmfsx/sw.example.net/.cvmfspublished")
    assert response.status in (403, 404)
    assert response.headers["content-type"].startswith("text/html")

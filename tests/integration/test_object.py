# SPDX-License-Identifier: Apache-2.0
"""Objects: data/<xx>/<rest>."""

import hashlib
import zlib

import pytest

from checks import (assert_head_equals_get, assert_missing, assert_read_only, assert_served,
                    assert_unconditional, lifetime)

THREE_DAYS = 259200
KINDS = [(letter, algorithm) for letter in ("", "C", "H", "X", "M", "P", "L")
         for algorithm in ("sha1", "shake128")]


def url_of(repository, path):
    return f"{repository.url}/{path}"


@pytest.mark.parametrize("letter,algorithm", KINDS)
def test_each_type_and_algorithm(shared, letter, algorithm):
    content = f"object {letter} {algorithm}".encode()
    url = url_of(shared.repository, shared.repository.add_object(content, letter, algorithm))
    assert_served(shared.httpd.fetch(url), content, "application/octet-stream", THREE_DAYS)
    assert_head_equals_get(shared.httpd, url)


@pytest.mark.parametrize("size", [1, 4096, 65535, 65536, 65537, 1 << 20, (4 << 20) + 1,
                                  9 << 20])
def test_each_size_arrives_whole(shared, size):
    content = (hashlib.sha256(str(size).encode()).digest() * (size // 32 + 1))[:size]
    url = url_of(shared.repository, shared.repository.add_object(content))
    response = shared.httpd.fetch(url)
    assert hashlib.sha1(response.body).digest() == hashlib.sha1(content).digest()
    assert response.headers["content-length"] == str(size)
    assert_head_equals_get(shared.httpd, url)
    first = shared.httpd.fetch(url, headers={"Range": f"bytes={size - 1}-"})
    assert (first.status, first.body) == (206, content[-1:])


def test_only_get_and_head_and_no_conditions(shared):
    url = url_of(shared.repository, shared.repository.add_object(b"conditions"))
    assert_read_only(shared.httpd, url)
    assert_unconditional(shared.httpd, url, b"conditions")


@pytest.mark.parametrize("size", [1000, 200000])
def test_ranges(shared, size):
    content = (bytes(range(250)) * (size // 250 + 1))[:size]
    url = url_of(shared.repository, shared.repository.add_object(content))
    response = shared.httpd.fetch(url, headers={"Range": "bytes=0-99"})
    assert (response.status, response.body) == (206, content[:100])
    assert response.headers["content-range"] == f"bytes 0-99/{size}"
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["cache-control"] == f"max-age={THREE_DAYS}"
    assert lifetime(response) == THREE_DAYS
    last = shared.httpd.fetch(url, headers={"Range": "bytes=-10"})
    assert (last.status, last.body) == (206, content[-10:])
    beyond = shared.httpd.fetch(url, headers={"Range": f"bytes={size}-"})
    assert beyond.status == 416
    several = shared.httpd.fetch(url, headers={"Range": "bytes=0-1,5-6"})
    assert several.status in (200, 206)
    # Without a validator nobody can know that his part is of this object.
    assert shared.httpd.fetch(url, headers={"Range": "bytes=0-99",
                                            "If-Range": '"x"'}).status == 200
    assert_head = shared.httpd.fetch(url, "HEAD", {"Range": "bytes=0-99"})
    assert (assert_head.status, assert_head.headers["content-length"]) == (200, str(size))


def test_what_is_missing_is_not_kept_by_caches(shared):
    url = url_of(shared.repository, "data/00/" + "1" * 38)
    assert_missing(shared.httpd.fetch(url), "no-store")
    assert_head_equals_get(shared.httpd, url)
    assert_missing(shared.httpd.fetch("/cvmfs/unknown.example.net/data/00/" + "1" * 38),
                   "no-store")


def test_temporary_objects_are_never_served(shared):
    path = shared.repository.add_object(b"temporary", "T")
    assert_missing(shared.httpd.fetch(url_of(shared.repository, path)))
    (shared.repository.root / "data" / "txn" / "partial").write_bytes(b"x")
    assert_missing(shared.httpd.fetch(shared.repository.url + "/data/txn/partial"))


def test_an_object_without_its_bytes_is_missing(httpd, repository):
    path = repository.add_object(b"lost in a crash")
    (repository.root / path).write_bytes(b"")
    assert_missing(httpd.fetch(url_of(repository, path)), "no-store")
    empty = repository.add_object(b"")
    assert_served(httpd.fetch(url_of(repository, empty)), b"", "application/octet-stream",
                  THREE_DAYS)


def test_links_are_not_followed_but_roots_and_data_may_be_links(tree, repository, httpd, folder):
    path = repository.add_object(b"real")
    target = repository.root / repository.add_object(b"target")
    (repository.root / path).unlink()
    (repository.root / path).symlink_to(target)
    assert_missing(httpd.fetch(url_of(repository, path)), "no-store")
    (repository.root / "data").rename(folder / "elsewhere")
    (repository.root / "data").symlink_to(folder / "elsewhere")
    repository.root.rename(folder / "moved")
    repository.root.symlink_to(folder / "moved")
    url = url_of(repository, repository.add_object(b"target"))
    assert httpd.fetch(url).body == b"target"


def test_a_tag_only_if_configured(tree, repository, start_httpd):
    path = repository.add_object(b"tagged" * 50, "C", "shake128")
    url, name = url_of(repository, path), path[5:7] + path[8:]
    tree.configure_server(REPLICA_OBJECT_ETAG="on")
    httpd = start_httpd()
    response = httpd.fetch(url)
    assert response.headers["etag"] == f'"{name}"'
    assert "last-modified" not in response.headers
    for tag in (f'"{name}"', f'W/"{name}"', "*", f'"other", "{name}"'):
        known = httpd.fetch(url, headers={"If-None-Match": tag})
        assert (known.status, known.body) == (304, b"")
        assert known.headers["etag"] == f'"{name}"'
        assert known.headers["cache-control"] == f"max-age={THREE_DAYS}"
        assert lifetime(known) == THREE_DAYS
    assert httpd.fetch(url, headers={"If-None-Match": '"other"'}).status == 200
    assert httpd.fetch(
        url, headers={"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}).status == 200
    part = httpd.fetch(url, headers={"Range": "bytes=0-1", "If-Range": f'"{name}"'})
    assert (part.status, part.body) == (206, b"ta")


def test_compressed_objects_pass_untouched(shared):
    stored = zlib.compress(b"text " * 1000)
    url = url_of(shared.repository, shared.repository.add_object(stored))
    response = shared.httpd.fetch(url, headers={"Accept-Encoding": "gzip, deflate, br"})
    assert_served(response, stored, "application/octet-stream", THREE_DAYS)

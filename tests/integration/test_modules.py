# SPDX-License-Identifier: Apache-2.0
"""Beside other modules, under each MPM, and through restarts."""

import concurrent.futures
import threading
import zlib

import pytest

from checks import assert_served
from servers import fetch, wait_until

THREE_DAYS = 259200


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_each_mpm(repository, start_httpd, mpm):
    httpd = start_httpd(mpm=mpm)
    small, large = (repository.add_object(content) for content in (b"x" * 4096, b"y" * 300000))
    urls = [f"{repository.url}/{path}" for path in (small, large)] * 50
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        sizes = [len(response.body) for response in pool.map(httpd.fetch, urls)]
    assert sizes == [4096, 300000] * 50


@pytest.mark.parametrize("size", [1000, 200000])
def test_nothing_is_compressed(tree, repository, start_httpd, size):
    httpd = start_httpd("SetOutputFilter DEFLATE;BROTLI_COMPRESS\n"
                        "AddOutputFilterByType DEFLATE application/json",
                        modules=["filter", "deflate", "brotli"])
    paths = [(f"{repository.url}/{repository.add_object(b'a' * size)}", b"a" * size,
              "application/octet-stream", THREE_DAYS),
             (repository.write(".cvmfspublished", b"m" * size), b"m" * size,
              "application/x-cvmfs", 61),
             (tree.write_info("meta.json", b" " * size), b" " * size, "application/json", 61)]
    for path, body, content_type, seconds in paths:
        for coding in ("gzip", "deflate, gzip;q=1.0, *;q=0.5", "br"):
            assert_served(httpd.fetch(path, headers={"Accept-Encoding": coding}), body,
                          content_type, seconds)


def test_status_server_and_ours_side_by_side(repository, start_httpd):
    httpd = start_httpd("<Location /server-status>\nSetHandler server-status\n</Location>\n"
                        "ExtendedStatus On", modules=["status"])
    path = repository.write(".cvmfspublished", b"manifest")
    assert httpd.fetch(path).body == b"manifest"
    assert b"Total Accesses" in httpd.fetch("/server-status?auto").body


def test_modules_that_look_at_files_do_not_disturb(repository, start_httpd, folder):
    (folder / "docs").mkdir()
    httpd = start_httpd(
        f"DocumentRoot {folder}/docs\nDirectoryIndex index.html\nCheckSpelling On\n"
        f"Alias /cvmfs /etc\nAddType text/x .cvmfspublished .net\nAddEncoding x-gzip .pkcs7\n"
        "ExpiresActive On\nExpiresDefault \"access plus 1 year\"\nRewriteEngine On\n"
        "AddHandler nonsense .json\nAddDefaultCharset utf-8\nFileETag All",
        modules=["dir", "alias", "autoindex", "negotiation", "speling", "expires", "rewrite",
                 "headers", "mime_magic"])
    for name in (".cvmfspublished", ".cvmfswhitelist.pkcs7", ".cvmfs_status.json"):
        path = repository.write(name, b"text")
        assert_served(httpd.fetch(path), b"text", "application/x-cvmfs", 61)
    assert httpd.fetch("/cvmfs/passwd").status == 404
    assert httpd.fetch("/cvmfs/sw.example.net").status == 404


def test_headers_of_the_administrator_are_added(repository, start_httpd):
    httpd = start_httpd("Header set X-Server one", modules=["headers"])
    path = repository.write(".cvmfspublished", b"text")
    assert httpd.fetch(path).headers["x-server"] == "one"


def test_rewriting_and_proxying_come_first(tree, repository, start_httpd):
    origin = start_httpd()
    path = repository.write(".cvmfspublished", b"origin")
    httpd = start_httpd(
        "RewriteEngine On\nRewriteRule ^/mirror/(.*) /cvmfs/$1 [PT]\n"
        f"ProxyPass /cvmfs/pass.example.net http://127.0.0.1:{origin.port}{repository.url}",
        modules=["rewrite", "proxy", "proxy_http"])
    assert httpd.fetch("/mirror/sw.example.net/.cvmfspublished").body == b"origin"
    assert httpd.fetch("/cvmfs/pass.example.net/.cvmfspublished").body == b"origin"
    assert httpd.fetch(path).body == b"origin"


def test_http2_is_not_spoken_unless_configured(repository, start_httpd):
    path = repository.write(".cvmfspublished", b"manifest")
    upgrade = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c",
               "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA"}
    response = start_httpd(modules=["http2"]).fetch(path, headers=upgrade)
    assert (response.status, response.body) == (200, b"manifest")


@pytest.mark.parametrize("mpm", ["event", "worker"])
def test_restarts_lose_no_request(repository, start_httpd, mpm):
    httpd = start_httpd(mpm=mpm)
    content = zlib.compress(b"content " * 1000, 0)
    url = f"{repository.url}/{repository.add_object(content)}"
    stop, wrong, count = threading.Event(), [], [0]

    def read():
        while not stop.is_set():
            try:
                response = fetch(httpd.port, url)
                count[0] += 1
                if (response.status, response.body) != (200, content):
                    wrong.append(response.status)
            except OSError as error:
                wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for _ in range(3):
        before = count[0]
        httpd.graceful()
        wait_until(lambda: count[0] > before + 50, "the new generation answers")
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_readers_never_see_part_of_a_file(repository, start_httpd):
    """Files are replaced by rename while they are read."""
    httpd = start_httpd()
    versions = [bytes([65 + number]) * size
                for number, size in enumerate((10, 5000, 70000, 200000))]
    path = repository.write(".cvmfs_status.json", versions[0])
    stop, wrong, count = threading.Event(), [], [0]

    def read():
        while not stop.is_set():
            response = fetch(httpd.port, path)
            count[0] += 1
            if response.status != 200 or response.body not in versions:
                wrong.append((response.status, len(response.body)))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    number = 0
    while count[0] < 2000:
        number += 1
        repository.write(".cvmfs_status.json", versions[number % len(versions)])
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_the_configuration_is_read_again_by_graceful(tree, repository, httpd):
    path = repository.write(".cvmfspublished", b"manifest")
    assert "access-control-allow-origin" not in httpd.fetch(path).headers
    tree.configure_server(REPLICA_CORS="yes")
    httpd.graceful()
    wait_until(lambda: "access-control-allow-origin" in httpd.fetch(path).headers,
               "the new setting is in force")


def test_the_tree_needs_no_permission_to_write(repository, httpd):
    path = repository.add_object(b"read only")
    for folder in (repository.root, repository.root / "data", repository.root / path[:7]):
        folder.chmod(0o555)
    assert httpd.fetch(f"{repository.url}/{path}").body == b"read only"

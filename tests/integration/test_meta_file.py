# SPDX-License-Identifier: Apache-2.0
"""The files with fixed names in a repository's root."""

import pytest

from checks import (assert_head_equals_get, assert_missing, assert_read_only, assert_served,
                    assert_unconditional)
from servers import wait_until

NAMES = [".cvmfspublished", ".cvmfswhitelist", ".cvmfswhitelist.pkcs7", ".cvmfsreflog",
         ".cvmfs_status.json", ".cvmfs_last_snapshot", ".cvmfs_is_snapshotting",
         ".cvmfsempty", ".cvmfs_partial_replica", ".cvmfs_partial_replication"]
KINDS = ["manifest", "whitelist", "whitelist-pkcs7", "reflog", "status-file", "last-snapshot",
         "is-snapshotting", "empty-probe", "partial-replica", "partial-replica"]


@pytest.mark.parametrize("name", NAMES)
def test_each_has_the_headers_of_a_meta_file(shared, name):
    path = shared.repository.write(name, b"content of " + name.encode())
    response = shared.httpd.fetch(path)
    assert_served(response, b"content of " + name.encode(), "application/x-cvmfs", 61)
    assert_head_equals_get(shared.httpd, path)
    assert_read_only(shared.httpd, path)
    assert_unconditional(shared.httpd, path, response.body)


def test_a_large_file_is_served_whole(shared):
    content = bytes(range(256)) * 4096
    path = shared.repository.write(".cvmfsreflog", content)
    assert_served(shared.httpd.fetch(path), content, "application/x-cvmfs", 61)
    assert_head_equals_get(shared.httpd, path)


def test_a_query_is_ignored(shared):
    path = shared.repository.write(".cvmfspublished", b"manifest")
    assert shared.httpd.fetch(path + "?../x=%2f").body == b"manifest"


def test_a_range_of_a_meta_file(shared):
    path = shared.repository.write(".cvmfspublished", b"0123456789")
    response = shared.httpd.fetch(path, headers={"Range": "bytes=2-4"})
    assert (response.status, response.body) == (206, b"234")


def test_links_and_folders_are_not_files(httpd, repository):
    (repository.root / ".cvmfspublished").symlink_to("/etc/passwd")
    assert_missing(httpd.fetch(repository.url + "/.cvmfspublished"))
    (repository.root / ".cvmfsreflog").mkdir()
    assert_missing(httpd.fetch(repository.url + "/.cvmfsreflog"))


def test_a_file_that_may_not_be_read_is_an_error_of_the_server(httpd, repository):
    path = repository.write(".cvmfspublished", b"manifest")
    (repository.root / ".cvmfspublished").chmod(0)
    response = httpd.fetch(path)
    if response.status == 200:
        pytest.fail("httpd's user may read everything")
    assert response.status == 500
    assert response.headers["cache-control"] == "no-store"
    assert "Permission denied" in httpd.log_text()


def test_scripts_of_other_sites_only_if_allowed(tree, repository, start_httpd):
    path = repository.write(".cvmfspublished", b"manifest")
    other = repository.write(".cvmfswhitelist", b"whitelist")
    name = "access-control-allow-origin"
    assert name not in start_httpd().fetch(path).headers
    tree.configure_server(REPLICA_CORS="yes")
    httpd = start_httpd()
    assert httpd.fetch(path).headers[name] == "*"
    assert httpd.fetch(repository.url + "/.cvmfs_status.json").headers[name] == "*"
    assert name not in httpd.fetch(other).headers


def test_the_access_log_names_the_kind(httpd, repository):
    for name in NAMES:
        httpd.fetch(repository.write(name, b"x"))
    wait_until(lambda: len(httpd.access_lines()) == len(NAMES), "all requests are logged")
    logged = sorted(line.split()[2:4] for line in httpd.access_lines())
    assert logged == sorted([kind, "sw.example.net"] for kind in KINDS)

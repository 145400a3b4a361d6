# SPDX-License-Identifier: Apache-2.0
"""/cvmfs/info/v1/*.json."""

import pytest

from checks import (assert_head_equals_get, assert_missing, assert_read_only, assert_served,
                    assert_unconditional)


@pytest.mark.parametrize("name", ["repositories.json", "meta.json"])
def test_has_the_headers_of_json(shared, name):
    path = shared.tree.write_info(name, b'{"schema": 1}\n')
    assert_served(shared.httpd.fetch(path), b'{"schema": 1}\n', "application/json", 61)
    assert_head_equals_get(shared.httpd, path)
    assert_read_only(shared.httpd, path)
    assert_unconditional(shared.httpd, path, b'{"schema": 1}\n')


def test_serves_no_other_file(shared):
    for name in ("other.json", "repositories.json.txn.1", "index.html"):
        path = shared.tree.write_info(name, b"{}")
        assert_missing(shared.httpd.fetch(path))
    assert_missing(shared.httpd.fetch("/cvmfs/info/v1/"))
    assert_missing(shared.httpd.fetch("/cvmfs/info/v1"))


def test_absent_until_written(httpd):
    assert_missing(httpd.fetch("/cvmfs/info/v1/repositories.json"))
    assert_missing(httpd.fetch("/cvmfs/info/v1/meta.json"))


def test_the_administrator_may_link_his_file(tree, httpd, folder):
    (folder / "contact.json").write_text("{}")
    (tree.storage / "info/v1/meta.json").symlink_to(folder / "contact.json")
    assert httpd.fetch("/cvmfs/info/v1/meta.json").body == b"{}"


def test_scripts_of_other_sites_only_if_allowed(tree, start_httpd):
    path = tree.write_info("meta.json", b"{}")
    assert "access-control-allow-origin" not in start_httpd().fetch(path).headers
    tree.configure_server(REPLICA_CORS="yes")
    assert start_httpd().fetch(path).headers["access-control-allow-origin"] == "*"

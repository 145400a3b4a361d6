# SPDX-License-Identifier: Apache-2.0
"""The links .cvmfsalt-<object> of repositories whose data folder is protected."""

from checks import assert_head_equals_get, assert_missing, assert_read_only, assert_served


def link_for(repository, content, target=None):
    path = repository.add_object(content, "C")
    name = ".cvmfsalt-" + path[5:7] + path[8:]
    (repository.root / name).symlink_to(target or path)
    return f"{repository.url}/{name}"


def test_leads_to_its_object(shared):
    url = link_for(shared.repository, b"catalog")
    assert_served(shared.httpd.fetch(url), b"catalog", "application/x-cvmfs", 61)
    assert_head_equals_get(shared.httpd, url)
    assert_read_only(shared.httpd, url)


def test_leads_nowhere_else(shared):
    other = shared.repository.add_object(b"other", "C")
    for number, target in enumerate(("/etc/passwd", ".cvmfspublished", "data/txn/x", other,
                                     "../sw.example.net/" + other, "data/../" + other)):
        url = link_for(shared.repository, f"catalog {number}".encode(), target)
        assert_missing(shared.httpd.fetch(url))


def test_a_copy_in_place_of_the_link(shared):
    path = shared.repository.add_object(b"copied", "X")
    url = shared.repository.write(".cvmfsalt-" + path[5:7] + path[8:], b"copied")
    assert shared.httpd.fetch(url).body == b"copied"


def test_works_while_data_is_protected(repository, start_httpd):
    httpd = start_httpd(f"<Location {repository.url}/data>\nRequire all denied\n</Location>")
    url = link_for(repository, b"bootstrap")
    assert httpd.fetch(url).body == b"bootstrap"
    path = repository.add_object(b"bootstrap", "C")
    assert httpd.fetch(f"{repository.url}/{path}").status == 403

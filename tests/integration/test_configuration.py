# SPDX-License-Identifier: Apache-2.0
"""The directive, and repositories that come, change and go while httpd runs."""

import errno
import os

import pytest

from checks import assert_missing
from servers import SANITIZED, Httpd, wait_until
from tree import Repository, Tree, replace_file


@pytest.mark.parametrize("line,reason", [
    ("Replica", "needs the configuration directory"),
    ("Replica etc", "absolute"),
    ("Replica /nonexistent/etc", "not a directory"),
    ("Replica {confdir} cellar", "no door 'cellar'"),
    ("Replica {confdir}\nReplica {confdir}", "only once")])
def test_a_bad_directive_is_explained(tree, folder, line, reason):
    httpd = Httpd(folder / "httpd", line.format(confdir=tree.confdir))
    assert reason in httpd.check()


@pytest.mark.parametrize("setting,reason", [
    ("REPLICA_CORS=perhaps", "server.local:1"),
    ("REPLICA_NONSENSE=1", "there is no setting"),
    ("REPLICA_TRUSTED_PROXIES=10.0.0.0/99", "is not a network"),
    ("REPLICA_TRUSTED_PROXIES=squid", "is not a network")])
def test_a_bad_setting_of_the_server_is_explained(tree, folder, setting, reason):
    (tree.confdir / "server.local").write_text(setting + "\n")
    assert reason in Httpd(folder / "httpd", f"Replica {tree.confdir} serve").check()


def test_settings_may_be_secret(tree, repository, start_httpd):
    path = repository.write(".cvmfspublished", b"manifest")
    os.chmod(tree.confdir / "server.local", 0o600)
    assert start_httpd().fetch(path).body == b"manifest"


def test_replica_local_comes_after_server_local(tree, repository, start_httpd):
    path = repository.write(".cvmfspublished", b"manifest")
    (tree.confdir / "replica.local").write_text("REPLICA_CORS=yes\n")
    assert "access-control-allow-origin" in start_httpd().fetch(path).headers


def test_a_repository_is_served_as_soon_as_it_is_added(tree, httpd):
    assert_missing(httpd.fetch("/cvmfs/new.example.net/.cvmfspublished"))
    repository = tree.add_repository("new.example.net")
    path = repository.write(".cvmfspublished", b"manifest")
    assert httpd.fetch(path).body == b"manifest"


def test_a_repository_is_gone_soon_after_it_is_removed(tree, repository, httpd):
    path = repository.write(".cvmfspublished", b"manifest")
    assert httpd.fetch(path).status == 200
    tree.forget(repository.name)
    # Every child process has to find out.
    wait_until(lambda: all(httpd.fetch(path).status == 404 for _ in range(50)),
               "the repository is gone")


def test_a_repository_may_move(tree, repository, httpd, folder):
    path = repository.write(".cvmfspublished", b"old place")
    assert httpd.fetch(path).body == b"old place"
    moved = Repository(folder / "moved", repository.name)
    moved.write(".cvmfspublished", b"new place")
    tree.configure(repository.name, moved.root)
    wait_until(lambda: httpd.fetch(path).body == b"new place", "the new place is known")


def test_a_repository_with_a_bad_value_stays_served(tree, httpd, folder):
    elsewhere = Repository(folder / "elsewhere", "sw.example.net")
    tree.configure("sw.example.net", elsewhere.root)
    path = elsewhere.write(".cvmfspublished", b"manifest")
    assert httpd.fetch(path).status == 200
    tree.configure("sw.example.net", elsewhere.root, "CVMFS_HTTP_TIMEOUT=soon\n")

    def is_noticed():
        assert httpd.fetch(path).body == b"manifest"
        return "server.conf:3" in httpd.log_text()

    wait_until(is_noticed, "the bad file is noticed")


def test_a_repository_without_sense_stays_where_it_was(tree, start_httpd, folder):
    httpd = start_httpd("StartServers 1\nServerLimit 1\nMinSpareThreads 1")
    elsewhere = Repository(folder / "elsewhere", "sw.example.net")
    tree.configure("sw.example.net", elsewhere.root)
    path = elsewhere.write(".cvmfspublished", b"manifest")
    assert httpd.fetch(path).status == 200
    replace_file(tree.confdir / "repositories.d/sw.example.net/server.conf",
                 b"CVMFS_UPSTREAM_STORAGE=local\n")

    def is_noticed():
        assert httpd.fetch(path).body == b"manifest"
        return "CVMFS_UPSTREAM_STORAGE" in httpd.log_text()

    wait_until(is_noticed, "the bad file is noticed")
    tree.forget("sw.example.net")
    wait_until(lambda: httpd.fetch(path).status == 404, "the repository is gone")


def test_a_repository_that_is_bad_from_the_start_is_served_from_its_usual_place(
        tree, repository, httpd):
    path = repository.write(".cvmfspublished", b"manifest")
    tree.configure(repository.name, extra="CVMFS_HTTP_TIMEOUT=soon\n")
    assert httpd.fetch(path).body == b"manifest"
    assert "server.conf:3" in httpd.log_text()


def test_storage_elsewhere_is_not_served(tree, httpd):
    tree.configure("s3.example.net",
                   extra="CVMFS_UPSTREAM_STORAGE=S3,/tmp,/etc/s3.conf\n")
    assert_missing(httpd.fetch("/cvmfs/s3.example.net/.cvmfspublished"))
    assert "not supported" in httpd.log_text()
    tree.configure("pass.example.net", extra="CVMFS_PASSTHROUGH=true\n")
    assert_missing(httpd.fetch("/cvmfs/pass.example.net/.cvmfspublished"))


def test_an_inactive_or_unfinished_replica_is_served(tree, httpd):
    repository = tree.add_repository("half.example.net")
    tree.configure(repository.name, extra="CVMFS_REPLICA_ACTIVE=no\n")
    path = repository.add_object(b"already here")
    assert httpd.fetch(f"{repository.url}/{path}").body == b"already here"
    assert_missing(httpd.fetch(repository.url + "/.cvmfspublished"))


def test_each_virtual_host_has_its_own_tree(tree, repository, folder, start_httpd):
    other = Tree(folder / "other")
    other_repository = other.add_repository(repository.name)
    path = repository.write(".cvmfspublished", b"one")
    other_repository.write(".cvmfspublished", b"two")
    httpd = start_httpd(
        f"<VirtualHost *>\nServerName one\n</VirtualHost>\n"
        f"<VirtualHost *>\nServerName two\nReplica {other.confdir}\n</VirtualHost>")
    assert httpd.fetch(path, headers={"Host": "one"}).body == b"one"
    assert httpd.fetch(path, headers={"Host": "two"}).body == b"two"


def memory_of(pid):
    """What a process can read and write; once more if something went while it was read."""
    while True:
        try:
            return read_memory_of(pid)
        except OSError as error:
            if error.errno != errno.EIO:
                raise


def read_memory_of(pid):
    found = []
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, \
            open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            place, mode = line.split()[:2]
            begin, end = (int(number, 16) for number in place.split("-"))
            if mode.startswith("rw") and end - begin < 256 << 20:
                memory.seek(begin)
                found.append(memory.read(end - begin))
    return b"".join(found)


@pytest.mark.skipif(os.geteuid() != 0, reason="looking into other processes needs root")
@pytest.mark.skipif(SANITIZED, reason="freed memory is kept aside")
def test_secrets_stay_in_no_process_of_httpd(tree, repository, start_httpd):
    tree.configure_server(CVMFS_GEO_LICENSE_KEY="l1c3nse-of-mine",
                          REPLICA_GEO_CDN_HEADERS="X-Marked-Header")
    httpd = start_httpd()
    httpd.fetch(f"/cvmfs/{repository.name}/.cvmfspublished")
    for pid in (httpd.process.pid, *httpd.child_pids()):
        memory = memory_of(pid)
        assert b"X-Marked-Header" in memory
        assert b"l1c3nse-of-mine" not in memory

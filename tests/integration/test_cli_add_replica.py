# SPDX-License-Identifier: Apache-2.0
"""replicactl add-replica: the reference's checks, messages and files."""

import json
import os
import stat

import pytest

from cli import IS_ROOT, ME, OWNER, owner_of

NAME = "sw.example.net"


def add(site, origin, published, *options, **more):
    return site.run("add-replica", *options, origin.url(NAME), published.key, **more)


def info(site):
    return json.loads((site.storage / "info/v1/repositories.json").read_text())


def test_writes_what_the_reference_writes(site, origin, published):
    output = add(site, origin, published, "-o", OWNER)
    assert "Creating Configuration Files... done" in output
    assert f"snapshot {NAME}" in output
    storage, spool = site.storage / NAME, site.spool / NAME
    assert site.configuration(NAME).read_text().splitlines()[1:] == [
        "CVMFS_CREATOR_VERSION=143", f"CVMFS_REPOSITORY_NAME={NAME}",
        "CVMFS_REPOSITORY_TYPE=stratum1", f"CVMFS_USER={OWNER}", f"CVMFS_SPOOL_DIR={spool}",
        f"CVMFS_STRATUM0={origin.url(NAME)}", f"CVMFS_STRATUM1=http://localhost/cvmfs/{NAME}",
        f"CVMFS_UPSTREAM_STORAGE=local,{storage}/data/txn,{storage}", "CVMFS_SNAPSHOT_GROUP="]
    assert site.configuration(NAME, "replica.conf").read_text().splitlines()[1:] == [
        "CVMFS_NUM_WORKERS=16", f"CVMFS_PUBLIC_KEY={published.key}", "CVMFS_HTTP_TIMEOUT=10",
        "CVMFS_HTTP_RETRIES=3"]
    assert len(list((storage / "data").iterdir())) == 257
    assert os.readlink(spool / "tmp") == f"{storage}/data/txn"
    for path in (storage, storage / "data", storage / "data/00", storage / "data/txn", spool,
                 spool / "tmp"):
        assert owner_of(path) == OWNER, path
    assert owner_of(site.configuration(NAME)) == ME
    assert info(site)["replicas"] == [{"name": NAME, "url": f"/cvmfs/{NAME}"}]


def test_snapshot_works_right_after_it(site, origin, published):
    add(site, origin, published, "-o", OWNER)
    assert "Initial snapshot" in site.run("snapshot")
    assert (site.storage / NAME / ".cvmfspublished").read_bytes() == (
        published.storage / ".cvmfspublished").read_bytes()
    assert owner_of(site.storage / NAME / ".cvmfspublished") == OWNER


def test_all_of_it_works_for_an_ordinary_user(own_site, origin, published):
    output = add(own_site, origin, published)
    assert "NOTE: no owner was given" in output
    assert owner_of(own_site.storage / NAME / "data") == (own_site.user or ME)
    own_site.run("snapshot", NAME)
    own_site.run("update-info", "-e")
    assert NAME in own_site.run("rmfs", "-f", NAME)
    assert not (own_site.storage / NAME).exists()


def test_options_end_in_the_files(site, origin, published):
    site.set(CVMFS_DEFAULT_DOMAIN="example.net")
    add(site, origin, published, "-o", OWNER, "-n", "mirror", "-w", "http://s1.example.net/m",
        "-g", "night", "-z", "-a", "-p", "-u",
        f"local,{site.folder}/disk/data/txn,{site.folder}/disk")
    lines = site.configuration("mirror.example.net").read_text().splitlines()
    assert f"CVMFS_REPOSITORY_NAME={NAME}" in lines
    assert "CVMFS_STRATUM1=http://s1.example.net/m" in lines
    assert "CVMFS_SNAPSHOT_GROUP=night" in lines
    assert lines[-1] == "CVMFS_AUTO_GC=true"
    assert (site.folder / "disk/data/ff").is_dir()
    assert info(site)["replicas"] == [
        {"name": NAME, "alias": "mirror.example.net", "url": "/cvmfs/mirror.example.net"}]


def test_a_relative_key_becomes_absolute(site, origin, published):
    key = os.path.relpath(published.key)
    site.run("add-replica", "-o", OWNER, origin.url(NAME) + "/", f"{key}:{published.key.parent}")
    text = site.configuration(NAME, "replica.conf").read_text()
    assert f"CVMFS_PUBLIC_KEY={os.getcwd()}/{key}:{published.key.parent}\n" in text
    assert f"CVMFS_STRATUM0={origin.url(NAME)}\n" in site.configuration(NAME).read_text()


def test_a_pass_through_replica_has_no_storage(site, origin, published):
    site.run("add-replica", "-P", "-o", OWNER, origin.url(NAME))
    assert site.configuration(NAME, "replica.conf").read_text().splitlines()[1:] == [
        "CVMFS_PASSTHROUGH=true"]
    assert not (site.storage / NAME).exists()
    assert info(site)["replicas"][0]["pass-through"] is True
    assert "skipping" in site.run("snapshot", NAME)


def test_the_owner_is_asked_for_on_a_terminal(site, origin, published):
    output = site.run_on_terminal("add-replica", origin.url(NAME), published.key,
                                  typed=OWNER + "\n")
    assert f"Owner of {NAME} [{ME}]: " in output
    assert f"CVMFS_USER={OWNER}\n" in site.configuration(NAME).read_text()


@pytest.mark.parametrize("arguments, code, words", [
    (("-X", "http://a/b", "k"), 3, "Unrecognized option: -X"),
    (("-o",), 3, "Unrecognized option: -o"),
    (("http://a/b",), 3, "Too few arguments"),
    (("http://a/b", "k", "l"), 3, "Too many arguments"),
    (("-P", "http://a/b", "k"), 3, "Too many arguments"),
    (("ftp://a/b", "k"), 1, "is not a http:// or https:// URL"),
])
def test_bad_lines_are_refused(site, arguments, code, words):
    before = site.tree()
    assert words in site.run("add-replica", *arguments, code=code)
    assert site.tree() == before


@pytest.mark.parametrize("options, code, words", [
    (("-n", "../x"), 1, "invalid repository name: ../x"),
    (("-o", "nobody-of-that-name"), 1, "No user nobody-of-that-name"),
    (("-u", "local,/a"), 3, "<type>,<temporary directory>,<storage directory>"),
    (("-u", "S3,/tmp,x@y"), 1, "storage of type 'S3' is not supported"),
    (("-s", "s3.conf"), 1, "S3 is not in this version"),
    (("-w", "http://it's"), 1, "CVMFS_STRATUM1"),
])
def test_bad_values_leave_nothing_behind(site, origin, published, options, code, words):
    before = site.tree()
    assert words in add(site, origin, published, *options, code=code)
    assert site.tree() == before


@pytest.mark.parametrize("options, words", [
    (("-u", "local,/a/b,/a"), "non-default upstream storage are mutually exclusive"),
    (("-z",), "garbage collection are mutually exclusive"),
])
def test_pass_through_excludes_storage(site, origin, published, options, words):
    assert words in site.run("add-replica", "-P", *options, origin.url(NAME), code=1)


def test_an_origin_that_is_not_there(site, origin, published):
    url = origin.url(NAME)
    origin.close()
    output = site.run("add-replica", url, published.key, code=1)
    assert f"Failed to access Stratum0 repository at {url}" in output


def test_an_origin_that_may_not_be_replicated(site, origin, published):
    origin.fault(r"\.cvmfs_master_replica", "missing")
    before = site.tree()
    output = add(site, origin, published, "-o", OWNER, code=1)
    assert f"does not point to a replicable master copy of {NAME}" in output
    assert site.tree() == before


def test_a_key_that_does_not_fit(site, origin, published):
    site.run("mkfs", "-o", OWNER, "other.example.net")
    output = site.run("add-replica", "-o", OWNER, origin.url(NAME),
                      site.confdir / "keys/other.example.net.pub", code=1)
    assert "is not signed by any of the 1 configured public keys" in output
    assert not site.configuration(NAME).exists()


def test_what_is_configured_already(site, origin, published):
    add(site, origin, published, "-o", OWNER)
    before = site.configuration(NAME).read_text()
    assert f"There is already a Stratum1 repository {NAME}" in add(
        site, origin, published, "-o", OWNER, code=1)
    site.configuration(NAME, "replica.conf").unlink()
    output = add(site, origin, published, "-o", OWNER, code=1)
    assert "already exists as a Stratum0 repository" in output
    assert "Use -n" in output
    assert site.configuration(NAME).read_text() == before


def test_a_kept_tree_is_taken_up_again(site, origin, published):
    add(site, origin, published, "-o", OWNER)
    site.run("snapshot", NAME)
    site.run("rmfs", "-f", "-p", NAME)
    add(site, origin, published, "-o", OWNER)
    assert (site.storage / NAME / ".cvmfspublished").exists()
    site.run("snapshot", NAME)


def test_a_failure_half_way_removes_what_was_made(site, origin, published):
    (site.storage / "info").mkdir(parents=True)
    (site.storage / "info/v1").write_text("in the way")
    before = site.tree()
    output = add(site, origin, published, "-o", OWNER, code=1)
    assert "updating the global JSON information" in output
    assert [path for path in site.tree() if NAME in path] == []
    assert set(before) <= set(site.tree())


def test_a_tree_of_somebody_else_is_left_alone(site, origin, published):
    (site.storage / NAME / "data").mkdir(parents=True)
    output = add(site, origin, published, "-o", OWNER, code=1 if IS_ROOT else 0)
    assert (f"does not belong to {OWNER}" in output) == IS_ROOT
    assert owner_of(site.storage / NAME) == ME


def test_without_rights_the_message_says_what_to_do(own_site, origin, published):
    own_site.set(REPLICA_STORAGE_DIR="/proc/replica")
    output = add(own_site, origin, published, code=1)
    if own_site.user:
        assert "Only root can create a new repository" in output
        assert "REPLICA_STORAGE_DIR" in output
    assert not own_site.configuration(NAME).exists()


def test_files_are_readable_whatever_the_umask(site, origin, published):
    old = os.umask(0o077)
    try:
        add(site, origin, published, "-o", OWNER)
    finally:
        os.umask(old)
    for path in (site.configuration(NAME), site.storage / "info/v1/repositories.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o644

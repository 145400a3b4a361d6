# SPDX-License-Identifier: Apache-2.0
"""Snapshots of a healthy origin: what is fetched, what is stored, what changes."""

import os
import random

import pytest

from closure import Closure, manifest_fields
from replica import Published, Replica
from sources import change, fill

FQRN = "sw.example.net"
# Where each run goes: nothing else may be asked for when nothing has changed.
ENSEMBLE = [".cvmfspublished", ".cvmfswhitelist"]


@pytest.fixture
def source(folder):
    return fill(folder / "source", random.Random(7))


@pytest.fixture
def published(folder, source):
    repository = Published(folder / "origin", FQRN, "minimum=32768", "average=65536",
                           "maximum=131072")
    repository.publish(source)
    return repository


@pytest.fixture
def replica(folder, origin, published):
    return Replica(folder / "replica", FQRN, origin.url(FQRN), published.key)


def test_the_replica_holds_exactly_what_the_manifest_reaches(origin, published, replica):
    run = replica.snapshot().assert_ok()
    for line in ("Initial snapshot", "CernVM-FS: replicating from", "Starting 64 workers",
                 "Found ", "Uploading manifest ensemble", "Serving revision 2",
                 " new chunks out of "):
        assert line in run.output
    expected = Closure(published.storage).objects
    assert replica.objects() == expected
    for path in [*expected, ".cvmfspublished", ".cvmfswhitelist"]:
        assert (replica.storage / path).read_bytes() == (published.storage / path).read_bytes()
    fetched = [path for path in origin.paths() if path.startswith("data/")]
    assert sorted(fetched) == sorted(expected), "each object is fetched once"
    assert replica.leftovers() == []


def test_a_second_snapshot_fetches_manifest_and_whitelist_only(origin, replica):
    replica.snapshot().assert_ok()
    before = {path: path.stat().st_mtime_ns for path in replica.storage.rglob("*")
              if path.is_file()}
    origin.heal()
    replica.snapshot().assert_ok()
    assert origin.paths() == ENSEMBLE
    assert origin.paths("HEAD") == [".cvmfs_master_replica"]
    changed = {path.name for path, mtime in before.items()
               if path.exists() and path.stat().st_mtime_ns != mtime}
    assert changed == {".cvmfs_status.json", ".cvmfs_last_snapshot"}
    assert set(before) == {path for path in replica.storage.rglob("*") if path.is_file()}


def test_a_new_revision_fetches_the_difference(origin, published, replica, source):
    replica.snapshot().assert_ok()
    old = replica.objects()
    change(source, random.Random(8))
    published.publish(source)
    origin.heal()
    replica.snapshot().assert_ok()
    assert manifest_fields(replica.storage)["S"] == "3"
    expected = Closure(published.storage).objects
    assert replica.closure().objects == expected
    fetched = {path for path in origin.paths() if path.startswith("data/")}
    assert fetched == expected - old
    assert replica.objects() == old | expected


def test_a_new_whitelist_is_taken_although_the_revision_is_the_same(origin, published, replica):
    replica.snapshot().assert_ok()
    old = (published.storage / ".cvmfswhitelist").read_bytes()
    published.resign()
    new = (published.storage / ".cvmfswhitelist").read_bytes()
    assert new != old
    origin.heal()
    replica.snapshot().assert_ok()
    assert (replica.storage / ".cvmfswhitelist").read_bytes() == new
    assert origin.paths() == ENSEMBLE


def test_a_newer_revision_that_fails_still_brings_the_whitelist(origin, published, replica,
                                                              source):
    replica.snapshot().assert_ok()
    change(source, random.Random(8))
    published.publish(source)
    published.resign()
    manifest = replica.manifest()
    origin.fault(r"/data/../.*C$", "missing")
    replica.snapshot().assert_failed("404")
    assert replica.manifest() == manifest
    assert ((replica.storage / ".cvmfswhitelist").read_bytes()
            == (published.storage / ".cvmfswhitelist").read_bytes())


def test_one_proxy_or_many_connections_make_no_difference(folder, origin, published):
    for connections in (1, 64):
        replica = Replica(folder / f"replica{connections}", FQRN, origin.url(FQRN),
                          published.key, CVMFS_NUM_WORKERS=connections)
        replica.snapshot().assert_ok()
        assert replica.objects() == Closure(published.storage).objects


def test_a_bandwidth_cap_lets_everything_through(folder, origin, published):
    replica = Replica(folder / "replica", FQRN, origin.url(FQRN), published.key,
                      REPLICA_ORIGIN_BANDWIDTH="1M")
    replica.snapshot().assert_ok()
    assert replica.objects() == Closure(published.storage).objects


def test_alternative_paths_and_markers_are_not_invented(replica):
    replica.snapshot().assert_ok()
    names = {path.name for path in replica.storage.iterdir()}
    assert names == {"data", ".cvmfspublished", ".cvmfswhitelist", ".cvmfsreflog",
                     ".cvmfs_status.json", ".cvmfs_last_snapshot"}


def test_the_reflog_lists_what_is_served_and_its_checksum_fits(published, replica, source):
    import sqlite3
    from tree import digest

    replica.snapshot().assert_ok()
    change(source, random.Random(8))
    published.publish(source)
    replica.snapshot().assert_ok()
    reflog = replica.storage / ".cvmfsreflog"
    assert (replica.spool / "reflog.chksum").read_text() == digest(reflog.read_bytes())
    with sqlite3.connect(reflog) as database:
        entries = {(name, kind) for name, kind in
                   database.execute("SELECT hash, type FROM refs")}
    fields = manifest_fields(replica.storage)
    for letter, kind in zip("CXHM", range(4)):
        assert (fields[letter], kind) in entries
    assert len([1 for _, kind in entries if kind == 0]) >= 2, "the old root stays listed"


@pytest.mark.parametrize("damage", ["remove", "truncate", "foreign"])
def test_a_lost_or_damaged_reflog_is_written_anew(published, replica, source, damage):
    replica.snapshot().assert_ok()
    reflog = replica.storage / ".cvmfsreflog"
    if damage == "remove":
        reflog.unlink()
    elif damage == "truncate":
        reflog.write_bytes(reflog.read_bytes()[:700])
    else:
        reflog.write_bytes(b"something else")
    change(source, random.Random(8))
    published.publish(source)
    replica.snapshot().assert_ok()
    assert reflog.read_bytes().startswith(b"SQLite format 3")


def test_what_is_stored_can_be_read_by_httpd_whatever_the_umask(replica):
    old = os.umask(0o077)
    try:
        replica.snapshot().assert_ok()
    finally:
        os.umask(old)
    for path in replica.storage.rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o444 == 0o444, path

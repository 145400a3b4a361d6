# SPDX-License-Identifier: Apache-2.0
"""Everything that goes wrong with an origin or a disk: a clear error, nothing published, and
success once the fault is gone."""

import os
import random
import shutil
import subprocess

import pytest

import closure
from closure import Closure, manifest_fields
from origin import Origin
from replica import Published, Replica
from servers import DEADLINE_SECONDS, wait_until
from sources import change, fill
from tree import digest

FQRN = "sw.example.net"
DATA = r"/data/../[0-9a-f]+P?$"


@pytest.fixture(scope="module")
def published_twice(tmp_path_factory):
    """Two revisions of one repository: (first, second, key), folders that only tests copy."""
    folder = tmp_path_factory.mktemp("published")
    source = fill(folder / "source", random.Random(7))
    repository = Published(folder / "origin", FQRN, "minimum=32768", "average=65536",
                           "maximum=131072")
    repository.publish(source)
    shutil.copytree(repository.storage, folder / "first")
    change(source, random.Random(8))
    repository.publish(source)
    return folder / "first", repository.storage, repository.key


class Site:
    """An origin that offers one of two revisions, and a replica of it."""

    def __init__(self, folder, first, second, key):
        self.first, self.second = first, second
        self.origin = Origin({FQRN: first}, random.Random(1))
        self.replica = Replica(folder / "replica", FQRN, self.origin.url(FQRN), key)

    def offer(self, storage):
        self.origin.repositories[FQRN] = storage

    def fields(self):
        return manifest_fields(self.origin.repositories[FQRN])

    def assert_nothing_published(self, before):
        assert self.replica.manifest() == before
        self.replica.closure()
        assert self.replica.leftovers() == []

    def assert_recovers(self):
        self.origin.heal()
        self.replica.snapshot().assert_ok()
        offered = self.origin.repositories[FQRN]
        assert self.replica.manifest() == (offered / ".cvmfspublished").read_bytes()
        assert self.replica.closure().objects == Closure(offered).objects
        assert self.replica.leftovers() == []


@pytest.fixture(params=["initial", "incremental"])
def site(request, folder, published_twice):
    """A replica that never had a snapshot, or one with the first revision, before the second."""
    site = Site(folder, *published_twice)
    if request.param == "incremental":
        site.replica.snapshot().assert_ok()
    site.offer(site.second)
    yield site
    site.origin.close()


def head_path(site, letter):
    text = site.fields()[letter]
    return f"/data/{text[:2]}/{text[2:]}{letter}$"


def nested_pattern(site):
    """Some catalog that is not the root's."""
    tags = closure.tag_roots(site.origin.repositories[FQRN])
    return rf"^(?!.*({'|'.join(text[2:] for text in tags)})).*/data/../[0-9a-f]+C$"


# What the origin does (pattern, kind, argument), and a word of the error.
FAULTS = {
    "no manifest": (r"\.cvmfspublished$", "missing", None, "404"),
    "no whitelist": (r"\.cvmfswhitelist$", "missing", None, "404"),
    "no replication": (r"\.cvmfs_master_replica$", "missing", None, "not a server for replic"),
    "wrong bytes in data": (DATA, "corrupt", None, "corrupt data"),
    "wrong bytes in a catalog": (r"C$", "corrupt", None, "corrupt data"),
    "wrong bytes in the certificate": (r"X$", "corrupt", None, "corrupt data"),
    "wrong bytes in the tags": (r"H$", "corrupt", None, "corrupt data"),
    "wrong bytes in the metainfo": (r"M$", "corrupt", None, "corrupt data"),
    "longer than announced by hash": (DATA, "longer", 10, "corrupt data"),
    "shorter": (DATA, "shorter", None, "corrupt data"),
    "objects missing": (DATA, "missing", None, "404"),
    "forbidden": (DATA, "status", 403, "403"),
    "always 500": (DATA, "status", 500, "500"),
    "redirected": (DATA, "status", 302, "302"),
    "cut after 10 bytes": (r"/data/", "cut", 10, "Site"),
    "no answers": (DATA, "hang up", None, "Site"),
    "an error page as manifest": (r"\.cvmfspublished$", "replace", b"<html>hello</html>\n",
                                  "cvmfspublished"),
    "an empty manifest": (r"\.cvmfspublished$", "replace", b"", "cvmfspublished"),
    "an empty whitelist": (r"\.cvmfswhitelist$", "replace", b"", "cvmfswhitelist"),
    "a huge manifest": (r"\.cvmfspublished$", "replace", b"C" * 100_000, "allowed"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_publishes_nothing_and_passes(site, name):
    pattern, kind, argument, word = FAULTS[name]
    if name.endswith("certificate") and site.replica.manifest() is not None:
        pattern = r"\.cvmfspublished$"  # the certificate is here already
        word = "cvmfspublished"
    if name.endswith("metainfo") and site.replica.manifest() is not None:
        pattern = r"\.cvmfspublished$"  # both revisions have the same metainfo
        word = "cvmfspublished"
    before = site.replica.manifest()
    fault = site.origin.fault(pattern, kind, argument)
    run = site.replica.snapshot().assert_failed("" if word == "Site" else word)
    assert fault.hits > 0
    assert f"{site.origin.port}" in run.output, "the message names the origin"
    site.assert_nothing_published(before)
    site.assert_recovers()


def test_an_empty_answer_and_then_the_object(site):
    fault = site.origin.fault(DATA, "replace", b"", times=1)
    site.replica.snapshot().assert_ok()
    assert fault.hits == 1
    site.assert_recovers()


def test_a_url_that_is_too_long(folder, published_twice):
    site = Site(folder, *published_twice)
    try:
        site.replica.url += "/" + 2000 * "x"
        site.replica.configure()
        site.replica.snapshot().assert_failed("too long", "2047")
    finally:
        site.origin.close()


def test_a_failed_run_after_a_crash_clears_nobody(folder, published_twice):
    """Catalogs that a crash put in doubt stay there until a run has walked them."""
    site = Site(folder, *published_twice)
    try:
        site.replica.snapshot().assert_ok()
        marker = site.replica.storage / ".replica_dirty"
        marker.write_text("a crash\n")
        lost = [path for path in site.replica.objects() if path[-1] not in "CHXM"]
        for path in lost:
            (site.replica.storage / path).write_bytes(b"")
        fault = site.origin.fault(r"\.cvmfspublished$", "missing")
        site.replica.snapshot().assert_failed("404")
        assert fault.hits > 0 and marker.exists()
        site.assert_recovers()
    finally:
        site.origin.close()


def test_a_catalog_that_a_crash_left_alone_vouches_for_nothing(folder, published_twice):
    """It is of no revision that the next run walks, but of one that comes back later."""
    site = Site(folder, *published_twice)
    try:
        site.replica.snapshot().assert_ok()
        present = site.replica.objects()
        kept = closure.object_path(site.fields()["C"], "C")
        left = [path for path in Closure(site.second).objects - present if path[-1] == "C"]
        assert len(left) > 1
        for path in left:
            (site.replica.storage / path).parent.mkdir(exist_ok=True)
            shutil.copy(site.second / path, site.replica.storage / path)
        (site.replica.storage / ".replica_dirty").write_text("a crash\n")
        site.replica.snapshot().assert_ok()
        assert site.replica.objects() == present and kept in present
        site.offer(site.second)
        site.assert_recovers()
    finally:
        site.origin.close()


def test_the_head_catalog_is_never_optional(site):
    before = site.replica.manifest()
    site.origin.fault(head_path(site, "C"), "missing")
    site.replica.snapshot().assert_failed("404", "catalog")
    site.assert_nothing_published(before)
    site.assert_recovers()


def test_a_nested_catalog_is_never_optional(site):
    before = site.replica.manifest()
    site.origin.fault(nested_pattern(site), "missing")
    site.replica.snapshot().assert_failed("404", "/sw/")
    site.assert_nothing_published(before)
    site.assert_recovers()


def test_an_origin_that_refuses_connections(site):
    before = site.replica.manifest()
    site.origin.close()
    site.replica.snapshot().assert_failed("connect")
    site.assert_nothing_published(before)
    site.origin.open()
    site.assert_recovers()


def test_an_origin_that_stalls(site):
    before = site.replica.manifest()
    site.replica.configure(CVMFS_HTTP_TIMEOUT=3, CVMFS_HTTP_RETRIES=1)
    site.origin.fault(r"C$", "stall", 5)
    site.replica.snapshot().assert_failed("catalog")
    site.assert_nothing_published(before)
    site.replica.configure()
    site.assert_recovers()


def test_errors_now_and_then_are_survived(site):
    faults = [site.origin.fault(r"/data/", kind, argument, chance=0.05)
              for kind, argument in (("status", 500), ("status", 503), ("cut", 7),
                                     ("hang up", None))]
    site.replica.configure(CVMFS_HTTP_RETRIES=8)
    site.replica.snapshot().assert_ok()
    assert sum(fault.hits for fault in faults) > 0
    assert site.replica.closure().objects == Closure(site.second).objects


def test_one_corrupt_answer_is_fetched_again_past_caches(site):
    fault = site.origin.fault(DATA, "corrupt", times=1)
    site.replica.snapshot().assert_ok()
    assert fault.hits == 1
    again = [headers for _, path, headers in site.origin.requests
             if headers.get("Cache-Control") == "no-cache"]
    assert len(again) == 1
    site.replica.closure()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_large_object_that_is_cut_goes_on_where_it_stopped(folder, ranges):
    source = folder / "source"
    source.mkdir()
    content = random.Random(3).randbytes(1_000_000)
    (source / "large").write_bytes(content)
    published = Published(folder / "origin", FQRN, "compression=none")
    published.publish(source)
    origin = Origin({FQRN: published.storage}, random.Random(1))
    try:
        origin.allows_ranges = ranges
        replica = Replica(folder / "replica", FQRN, origin.url(FQRN), published.key)
        origin.fault(digest(content)[2:], "cut", 700_000, times=1)
        replica.snapshot().assert_ok()
        asked = [headers["Range"] for _, _, headers in origin.requests if "Range" in headers]
        assert len(asked) == 1
        assert 64 * 1024 <= int(asked[0][6:-1]) <= 700_000
        assert replica.objects() == Closure(published.storage).objects
    finally:
        origin.close()


def test_a_revision_does_not_go_back(site):
    site.replica.snapshot().assert_ok()
    newer = site.replica.manifest()
    site.offer(site.first)
    run = site.replica.snapshot().assert_failed("older than revision 3", "--accept-older 2")
    assert site.replica.manifest() == newer
    site.replica.snapshot("--accept-older", "1").assert_failed("older")
    run = site.replica.snapshot("--accept-older", "2").assert_ok()
    assert "Accepting older revision 2 instead of 3" in run.output
    assert manifest_fields(site.replica.storage)["S"] == "2"
    site.replica.closure()


def test_the_wrong_key_is_refused(site, folder, published_twice):
    other = Published(folder / "other", "other.example.net")
    before = site.replica.manifest()
    site.replica.configure(CVMFS_PUBLIC_KEY=other.key)
    site.replica.snapshot().assert_failed("not signed by any", "CVMFS_PUBLIC_KEY")
    site.assert_nothing_published(before)
    site.replica.configure(CVMFS_PUBLIC_KEY=f"{other.key}:{published_twice[2]}")
    site.assert_recovers()


def test_another_repositorys_manifest_is_refused(site, folder):
    other = Published(folder / "other", "other.example.net")
    before = site.replica.manifest()
    site.offer(other.storage)
    site.replica.snapshot().assert_failed("signed for 'other.example.net'")
    site.assert_nothing_published(before)
    site.offer(site.second)
    site.assert_recovers()


def test_an_expired_whitelist_is_refused(folder):
    source = fill(folder / "source", random.Random(7))
    published = Published(folder / "origin", FQRN)
    published.publish(source)
    origin = Origin({FQRN: published.storage}, random.Random(1))
    try:
        replica = Replica(folder / "replica", FQRN, origin.url(FQRN), published.key)
        published.resign(now=1600000000)
        replica.snapshot().assert_failed("expired")
        assert replica.manifest() is None
        published.resign()
        replica.snapshot().assert_ok()
    finally:
        origin.close()


def test_two_snapshots_at_once_take_turns_or_refuse(site):
    site.origin.fault(r"C$", "stall", 5)
    first = site.replica.begin()
    marker = site.replica.storage / ".cvmfs_is_snapshotting"
    try:
        wait_until(lambda: marker.exists() or first.poll() is not None, "the first has begun")
        run = site.replica.snapshot("-t")
        run.assert_failed("another update is in progress... aborting", f"{first.pid} ")
    finally:
        first.terminate()
        first.communicate()
    assert not marker.exists()
    site.assert_recovers()


def begin_and_stall(site):
    """A running snapshot that waits for an object that only the second revision has."""
    fresh = Closure(site.second).objects - Closure(site.first).objects
    path = min(path for path in fresh if path[-1] not in "CXHM")
    site.origin.fault(path, "stall", 5)
    process = site.replica.begin()
    wait_until(lambda: path in site.origin.paths() or process.poll() is not None, "it stalls")
    assert process.poll() is None
    return process


def test_term_stops_a_snapshot_and_keeps_what_is_whole(site):
    before = site.replica.manifest()
    site.origin.heal()
    process = begin_and_stall(site)
    process.terminate()
    output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 1 and "stopped" in output
    site.assert_nothing_published(before)
    whole = site.replica.objects()
    site.origin.heal()
    site.replica.snapshot().assert_ok()
    assert not set(site.origin.paths()) & whole, "what is whole is not fetched again"


def test_objects_truncated_after_a_crash_are_repaired(site):
    site.origin.heal()
    process = begin_and_stall(site)
    process.kill()
    process.communicate()
    damaged = sorted(site.replica.objects())[::3]
    for number, path in enumerate(damaged):
        size = (site.replica.storage / path).stat().st_size
        os.truncate(site.replica.storage / path, 0 if number % 2 else size // 2)
    site.assert_recovers()


def test_head_objects_truncated_behind_our_back_are_repaired(site):
    site.replica.snapshot().assert_ok()
    for letter in "CXHM":
        text = site.fields()[letter]
        os.truncate(site.replica.storage / "data" / text[:2] / (text[2:] + letter), 5)
        site.replica.snapshot().assert_ok()
        site.replica.closure()


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system of one's own needs root")
def test_cvmfs_3268_a_full_disk(site, folder):
    small = folder / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(small)],
                             capture_output=True)
    assert mounted.returncode == 0, mounted.stderr
    try:
        replica = Replica(small / "replica", FQRN, site.origin.url(FQRN),
                          site.replica.key)
        replica.snapshot().assert_failed("No space left on device")
        assert replica.manifest() is None
        assert replica.leftovers() == []
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        replica.snapshot().assert_ok()
        assert replica.closure().objects == Closure(site.second).objects
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_the_reserve_of_free_space(site):
    before = site.replica.manifest()
    site.replica.configure(REPLICA_MIN_FREE_BYTES="1000T")
    site.replica.snapshot().assert_failed("REPLICA_MIN_FREE_BYTES", str(site.replica.storage))
    site.assert_nothing_published(before)
    site.replica.configure(REPLICA_MIN_FREE_INODES=10 ** 15)
    site.replica.snapshot().assert_failed("REPLICA_MIN_FREE_INODES")
    site.assert_nothing_published(before)
    site.replica.configure()
    site.assert_recovers()

# SPDX-License-Identifier: Apache-2.0
"""replicactl gc: what is kept, what goes, and what is refused."""

import fcntl
import json
import os
import pathlib
import random
import re
import shutil
import sqlite3
import subprocess
import tempfile
import time

import pytest

from closure import manifest_fields, object_path, tag_roots
from collect import Expected, Store, names, set_ages, write_checksum
from origin import Fault, Origin
from replica import Published, Replica
from servers import BUILD, DEADLINE_SECONDS, wait_until
from sources import fill, write

FQRN = "sw.example.net"
DAY = 86400
REVISIONS = 6


def revise(source, number, chance):
    """A revision: one package of its own, one file changed, one package gone."""
    write(source / "sw" / f"fresh{number}" / ".cvmfscatalog", b"")
    write(source / "sw" / f"fresh{number}" / "deep" / ".cvmfscatalog", b"")
    for file in range(3):
        write(source / "sw" / f"fresh{number}" / "deep" / f"file{file}", chance.randbytes(500))
    write(source / "sw" / "package1" / "v0" / "file0", chance.randbytes(700))
    write(source / "large", chance.randbytes(60_000))
    shutil.rmtree(source / "sw" / f"fresh{number - 2}", ignore_errors=True)


class Site:
    """A repository of several revisions, each of them snapshotted by a replica."""

    def __init__(self, folder, tags="no", revisions=REVISIONS, **settings):
        chance = random.Random(3)
        self.folder = folder
        source = fill(folder / "source", chance, packages=3, files=4, large=60_000)
        self.published = Published(folder / "published", FQRN, "collectable=yes",
                                   f"tags={tags}", "minimum=16384", "average=32768",
                                   "maximum=65536")
        self.origin = Origin({FQRN: self.published.storage}, random.Random(1))
        self.replica = Replica(folder / "replica", FQRN, self.origin.url(FQRN),
                               self.published.key, **settings)
        self.heads = []
        for number in range(revisions):
            revise(source, number, chance)
            # Automatic tags are called by the second.
            self.published.tool("ingest", source, f"now={1_700_000_000 + number * 1000}")
            self.replica.snapshot().assert_ok()
            self.heads.append(manifest_fields(self.replica.storage)["C"])

    def status(self):
        path = self.replica.storage / ".cvmfs_status.json"
        return json.loads(path.read_text())



@pytest.fixture(scope="module")
def made():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="replica-"))
    site = Site(folder)
    yield site
    site.origin.close()
    shutil.rmtree(folder)


@pytest.fixture
def site(made):
    """The site as it was made, whatever a test did to it."""
    keep = made.folder / "keep"
    if not keep.exists():
        shutil.copytree(made.replica.folder, keep, symlinks=True)
    shutil.rmtree(made.replica.folder)
    shutil.copytree(keep, made.replica.folder, symlinks=True)
    made.origin.faults = []
    return made


def days_old(site, ages):
    """Let the revisions be so many days old, the first one first; what else came with them,
    too."""
    now = int(time.time())
    when = dict(zip(site.heads, ages))
    set_ages(site.replica, lambda text, kind, _: now - DAY * when.get(text, max(ages)))


def check_collected(site, run, expected, before):
    run.assert_ok()
    replica = site.replica
    assert expected.removed & before, "the test removes nothing"
    assert replica.objects() == before - expected.removed
    assert set(Store(replica.storage).reflog()) == expected.reflog
    assert replica.leftovers() == []
    replica.closure()
    write_checksum_is_right(replica)
    replica.snapshot().assert_ok()


def write_checksum_is_right(replica):
    old = (replica.spool / "reflog.chksum").read_text()
    write_checksum(replica)
    assert (replica.spool / "reflog.chksum").read_text() == old


@pytest.mark.parametrize("revisions", [0, 1, 3])
def test_so_many_revisions_are_kept(site, revisions):
    before = site.replica.objects()
    expected = Expected(site.replica.storage, revisions=revisions)
    run = site.replica.gc("-r", revisions)
    check_collected(site, run, expected, before)
    left = Store(site.replica.storage)
    # The publisher always has a tag for the one before the last.
    assert [left.catalog(head) is not None for head in site.heads] == \
        [number >= REVISIONS - 1 - max(1, revisions) for number in range(REVISIONS)]
    assert re.search(r" UTC \d{4}$", site.status()["last_gc"])


@pytest.mark.parametrize("arguments, days, kept", [((), 3, 4), (("-t", "8 days ago"), 8, 5),
                                                   (("-t", "1 hour ago"), 1 / 24, 2)])
def test_revisions_are_kept_by_their_age_here_and_the_first_older_one(site, arguments, days, kept):
    """It was current at that time."""
    days_old(site, [20, 9, 5, 2, 1, 0.5])
    before = site.replica.objects()
    expected = Expected(site.replica.storage, since=time.time() - days * DAY)
    check_collected(site, site.replica.gc(*arguments), expected, before)
    left = Store(site.replica.storage)
    assert sum(left.catalog(head) is not None for head in site.heads) == kept


def test_without_a_time_in_the_reflog_the_catalogs_own_counts(site):
    days_old(site, [20, 20, 20, 20, 20, 0])
    with sqlite3.connect(site.replica.storage / ".cvmfsreflog") as file:
        file.execute("DELETE FROM refs WHERE hash = ?", (site.heads[-2],))
    write_checksum(site.replica)
    before = site.replica.objects()
    expected = Expected(site.replica.storage, since=time.time() - 3 * DAY)
    check_collected(site, site.replica.gc(), expected, before)
    left = Store(site.replica.storage)
    assert [left.catalog(head) is not None for head in site.heads] == [False] * 3 + [True] * 3


def test_a_dry_run_deletes_nothing_and_says_what_it_would(site):
    before = {path: path.read_bytes() for path in site.replica.storage.rglob("*")
              if path.is_file()}
    expected = Expected(site.replica.storage, revisions=1)
    log = site.folder / "dry.log"
    log.unlink(missing_ok=True)
    run = site.replica.gc("-d", "-l", "-r", 1, "-L", log).assert_ok()
    after = {path: path.read_bytes() for path in site.replica.storage.rglob("*")
             if path.is_file()}
    assert after == before
    assert set(re.findall(r"^Sweep: (\w+(?:-\w+)?)$", run.output, re.M)) == \
        names(expected.removed)
    assert set(log.read_text().split("\n")[1:-3]) == names(expected.removed)
    assert "last_gc" not in site.status()


@pytest.mark.parametrize("configured", [False, True])
def test_the_deletion_log_has_every_name_once(site, configured):
    log = site.folder / "deletion.log"
    log.write_text("before\n")
    if configured:
        site.replica.configure(CVMFS_GC_DELETION_LOG=log)
    expected = Expected(site.replica.storage, revisions=0)
    site.replica.gc("-r", 0, *([] if configured else ["-L", log])).assert_ok()
    lines = log.read_text().split("\n")
    assert lines[0] == "before"
    assert re.fullmatch(r"# Garbage Collection started at \d+ \w+ \d{4} \d\d:\d\d:\d\d", lines[1])
    assert sorted(lines[2:-3]) == sorted(names(expected.removed))
    assert lines[-3].startswith("# Garbage Collection finished at ") and lines[-2:] == ["", ""]


def test_a_deletion_log_that_cannot_be_written_is_refused(site):
    before = site.replica.objects()
    site.replica.gc("-r", 0, "-L", "/nonexistent/log").assert_failed("deletion log")
    assert site.replica.objects() == before


def test_named_snapshots_are_kept(folder):
    site = Site(folder, tags="yes", revisions=3)
    try:
        before = site.replica.objects()
        expected = Expected(site.replica.storage, revisions=0)
        site.replica.gc("-r", 0).assert_ok()
        assert tag_roots(site.replica.storage) >= set(site.heads)
        assert before - site.replica.objects() == expected.removed & before
        for head in site.heads:
            assert Store(site.replica.storage).tree(head) <= site.replica.objects()
        site.replica.closure()
    finally:
        site.origin.close()


def test_what_a_snapshot_was_cut_off_with_is_not_trusted_afterwards(site):
    """A catalog that nothing refers to vouches for objects that may go: it goes first."""
    replica, store = site.replica, Store(site.replica.storage)
    before = replica.objects()
    # As if the first revision were the origin's next one, and its root had not come yet.
    removed = Expected(replica.storage, revisions=0).removed
    gone = site.heads[0]
    nested = store.catalog(gone)[1]
    with sqlite3.connect(replica.storage / ".cvmfsreflog") as file:
        file.execute("DELETE FROM refs WHERE hash = ?", (gone,))
    write_checksum(replica)
    (replica.storage / object_path(gone, "C")).unlink()
    left = {object_path(text, "C") for text in nested} & before
    run = replica.gc("-r", 0).assert_ok()
    assert not left & removed & replica.objects(), run.output
    # Catalogs that are there are complete.
    catalogs = [path for path in replica.objects() if path.endswith("C")]
    again = Store(replica.storage)
    for path in catalogs:
        assert again.tree(path[5:7] + path[8:-1]) <= replica.objects()


def lacks_a_head_catalog(site):
    nested = Store(site.replica.storage).catalog(site.heads[-1])[1]
    (site.replica.storage / object_path(nested[0], "C")).unlink()
    return "is missing"


def lacks_the_head(site):
    (site.replica.storage / object_path(site.heads[-1], "C")).unlink()
    return "is missing"


def has_a_damaged_head_catalog(site):
    nested = Store(site.replica.storage).catalog(site.heads[-1])[1]
    path = site.replica.storage / object_path(nested[-1], "C")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return "repaired"


def has_a_damaged_older_catalog(site):
    path = site.replica.storage / object_path(site.heads[-2], "C")
    path.write_bytes(path.read_bytes()[:100])
    return "repaired"


def has_another_reflog(site):
    with open(site.replica.storage / ".cvmfsreflog", "ab") as file:
        file.write(b"x")
    return "does not match its checksum"


def has_no_checksum(site):
    (site.replica.spool / "reflog.chksum").unlink()
    return "does not match its checksum"


def has_no_upstream(site):
    site.origin.faults.append(Fault(r"cvmfspublished", "status", 503))
    return "Repository unavailable under"


REFUSED = (lacks_a_head_catalog, lacks_the_head, has_a_damaged_head_catalog,
           has_a_damaged_older_catalog, has_another_reflog, has_no_checksum, has_no_upstream)


@pytest.mark.parametrize("damage", REFUSED, ids=lambda damage: damage.__name__)
def test_nothing_goes_from_a_replica_that(site, damage):
    word = damage(site)
    before = site.replica.objects()
    site.replica.gc("-r", 1).assert_failed(word)
    assert site.replica.objects() == before
    assert site.replica.leftovers() == []


def test_a_repository_that_its_publisher_does_not_allow_it_for(folder, published, origin):
    replica = Replica(folder / "replica", FQRN, origin.url(FQRN), published.key)
    assert "empty, nothing to do" in replica.gc().assert_ok().output
    replica.snapshot().assert_ok()
    replica.gc().assert_failed("Garbage Collection is not enabled for " + FQRN)


def test_a_lost_reflog_is_rebuilt_first(site):
    (site.replica.storage / ".cvmfsreflog").unlink()
    before = site.replica.objects()
    site.replica.gc("-d").assert_failed("Reflog reconstruction needed. Cannot do a dry-run.")
    site.replica.gc().assert_ok()
    assert site.replica.objects() == before
    assert set(site.heads) <= set(Store(site.replica.storage).reflog())
    expected = Expected(site.replica.storage, revisions=1)
    check_collected(site, site.replica.gc("-r", 1), expected, before)


def test_it_is_refused_while_a_check_is_at_work_and_waits_for_a_snapshot(site):
    spool = site.replica.spool
    with open(spool / "is_collecting.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        site.replica.gc("-r", 0).assert_failed("Failed to acquire gc lock for " + FQRN)
    with open(spool / "is_updating.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = site.replica.begin_gc("-f", "-r", "0")
        line = ""
        while "waiting for another update" not in line:
            line = process.stdout.readline()
            assert line
        # The reference unlinks the file when it releases.
        os.unlink(spool / "is_updating.lock")
    assert process.wait(DEADLINE_SECONDS) == 0, process.stdout.read()
    process.stdout.close()


def test_a_snapshot_collects_when_it_is_due(site):
    days_old(site, [20, 9, 5, 2, 1, 0.5])
    before = site.replica.objects()
    site.replica.configure(CVMFS_AUTO_GC="true")
    expected = Expected(site.replica.storage, since=time.time() - 3 * DAY)
    run = site.replica.snapshot()
    assert "Running automatic garbage collection" in run.output
    check_collected(site, run, expected, before)
    assert "last_gc" in site.status()
    assert "automatic" not in site.replica.snapshot().assert_ok().output
    site.replica.configure(CVMFS_AUTO_GC="true", CVMFS_AUTO_GC_LAPSE="'0 days ago'")
    time.sleep(1.1)
    assert "automatic" in site.replica.snapshot().assert_ok().output


def test_a_snapshot_whose_collection_fails_has_brought_the_revision(site):
    site.replica.configure(CVMFS_AUTO_GC="true")
    has_another_reflog(site)
    site.replica.snapshot().assert_failed("Garbage collection failed", "checksum")
    status = site.status()
    assert "checksum" in status["last_gc_error"] and "last_error" not in status
    site.replica.configure(CVMFS_AUTO_GC="true", CVMFS_AUTO_GC_TIMESPAN="'3 moons ago'")
    site.replica.snapshot().assert_failed("CVMFS_AUTO_GC_TIMESPAN", "3 moons ago")


def test_a_snapshot_does_not_collect_while_a_check_is_at_work(site):
    site.replica.configure(CVMFS_AUTO_GC="true")
    with open(site.replica.spool / "is_collecting.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        run = site.replica.snapshot().assert_ok()
    assert "Failed to acquire gc lock" in run.output
    assert "last_gc" not in site.status()


def test_the_daemon_collects_after_its_snapshots(site):
    days_old(site, [20, 9, 5, 2, 1, 0.5])
    before = site.replica.objects()
    expected = Expected(site.replica.storage, since=time.time() - 3 * DAY)
    site.replica.configure(CVMFS_AUTO_GC="true", REPLICA_SNAPSHOT_INTERVAL=1)
    log = site.folder / "snapshotd.log"
    with open(log, "w", encoding="utf-8") as errors:
        daemon = subprocess.Popen([BUILD / "snapshotd" / "snapshotd"], stderr=errors,
                                  env=site.replica.environment())
    try:
        wait_until(lambda: "last_gc" in site.status(), "a collection")
    finally:
        daemon.terminate()
        assert daemon.wait(DEADLINE_SECONDS) == 0, log.read_text()
    assert site.replica.objects() == before - expected.removed
    text = (site.replica.log / "snapshots.log").read_text()
    assert text.count("Running automatic garbage collection") == 1

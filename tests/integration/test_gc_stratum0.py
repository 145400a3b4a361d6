# SPDX-License-Identifier: Apache-2.0
"""replicactl gc of a Stratum 0: readers of what was current a moment ago lose nothing, and then
it goes."""

import fcntl
import json
import os
import random
import shutil
import subprocess
import time

import pytest

from closure import Closure, manifest_fields, object_path
from collect import Expected, Store, write_checksum
from power_cut import STYLES
from loops import count
from servers import DEADLINE_SECONDS
from sources import fill, write
from stratum0 import publish
from test_gc import revise
from test_gc_power_cut import World as ReplicaWorld

FQRN = "sw.example.net"
HOUR = 3600
# When the revisions became current, in seconds before now; the first is the publisher's own.
AGES = (5 * HOUR, 4 * HOUR, 2 * HOUR, 550, 200)


class Site:
    """A repository of several revisions; .heads are their roots, the last one is current."""

    def __init__(self, folder, ages=AGES, options=(), **settings):
        self.folder = folder
        self.chance = random.Random(3)
        self.source = fill(folder / "source", self.chance, packages=3, files=4, large=60_000)
        now = int(time.time())
        options += ("minimum=16384", "average=32768", "maximum=65536")
        self.stratum0 = publish(folder, FQRN, f"now={now - 9 * HOUR}", *options, **settings)
        self.published = self.stratum0.published
        self.published.options = ("collectable=yes", "tags=no", *options)
        self.storage = self.stratum0.storage
        self.heads = [manifest_fields(self.storage)["C"]]
        for number, age in enumerate(ages):
            self.revise(number, now - age)

    def revise(self, number, when=None):
        revise(self.source, number, self.chance)
        self.published.tool("ingest", self.source, *([f"now={when}"] if when else []))
        self.heads.append(manifest_fields(self.storage)["C"])

    def has(self, head):
        """Whether a reader of that revision would find everything."""
        return Store(self.storage).catalog(head) is not None and \
            Store(self.storage).tree(head) <= self.stratum0.objects()

    def left(self):
        return [number for number, head in enumerate(self.heads) if self.has(head)]


@pytest.fixture
def make(folder):
    return lambda **options: Site(folder, **options)


def check_collected(site, expected, before):
    stratum0 = site.stratum0
    assert expected.removed & before, "the test removes nothing"
    assert stratum0.objects() == before - expected.removed
    assert set(Store(site.storage).reflog()) == expected.reflog
    assert stratum0.leftovers() == []
    stratum0.closure()
    old = (stratum0.spool / "reflog.chksum").read_text()
    write_checksum(stratum0)
    assert (stratum0.spool / "reflog.chksum").read_text() == old


@pytest.mark.parametrize("grace, arguments, left", [
    # What was current 720 seconds ago was so since two hours ago.
    (None, ("-r", 0), [3, 4, 5]), (400, ("-r", 0), [4, 5]), (100, ("-r", 0), [4, 5]),
    (0, ("-r", 0), [4, 5]), (3 * HOUR, ("-r", 0), [2, 3, 4, 5]), (100, ("-r", 2), [3, 4, 5]),
    (100, ("-t", "1 hour ago"), [3, 4, 5])])
def test_what_was_current_within_the_grace_stays(make, grace, arguments, left):
    """The publisher's tags keep the one before the last besides."""
    site = make(**({} if grace is None else {"REPLICA_GC_GRACE": grace}))
    before = site.stratum0.objects()
    since = dict(revisions=arguments[1]) if arguments[0] == "-r" else \
        dict(since=time.time() - HOUR)
    seconds = 720 if grace is None else grace
    expected = Expected(site.storage, in_use=time.time() - seconds if seconds else None, **since)
    site.stratum0.gc(*arguments).assert_ok()
    check_collected(site, expected, before)
    assert site.left() == left


def test_a_reader_is_undisturbed_until_the_grace_is_over(make):
    site = make(ages=(100, 90), REPLICA_GC_GRACE=4)
    began = time.time()
    for number in (5, 6, 7):
        site.revise(number)
    ended = time.time()
    for head in site.heads[-4:]:
        assert site.has(head)
    run = site.stratum0.gc("-r", 0).assert_ok()
    if time.time() < began + 3:
        assert site.left() == [2, 3, 4, 5], run.output
    time.sleep(max(0, ended + 6 - time.time()))
    site.stratum0.gc("-r", 0).assert_ok()
    assert site.left() == [4, 5]
    site.stratum0.closure()
    # And it can be published on top of what is left, the first contents again, too.
    site.stratum0.ingest(site.source).assert_ok()
    site.stratum0.closure()


def test_what_a_long_publication_replaced_was_in_use_to_its_end(make):
    """The time that counts is when the manifest was replaced."""
    site = make(ages=(1000, 900), REPLICA_GC_GRACE=2)
    large = os.urandom(1 << 20)
    write(site.source / "large", large)
    began = int(time.time())
    fifo = site.folder / "fifo"
    os.mkfifo(fifo)
    archive = site.folder / "archive.tar"
    subprocess.run(["tar", "-cf", archive, "-C", site.source, "large"], check=True)
    process = subprocess.Popen(["sh", "-c", f"sleep 4; cat {archive} > {fifo}"])
    site.stratum0.run("ingest", "-t", fifo, "-b", "/").assert_ok()
    assert process.wait() == 0
    reflog = Store(site.storage).reflog()
    assert reflog[manifest_fields(site.storage)["C"]][1] >= began + 3


def test_certificates_and_tag_databases_stay_as_long(make):
    site = make(ages=(1000,), REPLICA_GC_GRACE=600)
    first = manifest_fields(site.storage)
    key = site.published.folder / "keys" / FQRN
    os.unlink(f"{key}.crt")
    subprocess.run(["openssl", "req", "-x509", "-new", "-key", f"{key}.key", "-subj", "/CN=other",
                    "-out", f"{key}.crt"], check=True)
    site.stratum0.run("tag", "-a", "one").assert_ok()
    now = manifest_fields(site.storage)
    assert now["H"] != first["H"] and now["C"] == first["C"]
    site.stratum0.gc("-r", 0).assert_ok()
    for letter in "HX":
        assert (site.storage / object_path(first[letter], letter)).exists(), letter
    site.stratum0.configure(REPLICA_GC_GRACE=0)
    site.revise(9)
    time.sleep(1.1)
    site.stratum0.gc("-r", 0).assert_ok()
    for letter in "HX":
        assert not (site.storage / object_path(first[letter], letter)).exists(), letter
    site.stratum0.closure()


def test_a_tag_does_not_make_the_revision_younger(make):
    site = make(ages=(2000, 1000), REPLICA_GC_GRACE=500)
    before = Store(site.storage).reflog()[site.heads[-1]]
    site.stratum0.run("tag", "-a", "one").assert_ok()
    assert Store(site.storage).reflog()[site.heads[-1]] == before


def test_named_snapshots_are_kept_and_a_rollback_is_a_publication(make):
    site = make(ages=(5000, 4000, 3000), REPLICA_GC_GRACE=600)
    site.stratum0.run("tag", "-a", "kept", "-h", site.heads[1]).assert_ok()
    site.stratum0.run("tag", "-a", "back", "-h", site.heads[2]).assert_ok()
    site.stratum0.run("rollback", "-f", "-t", "back").assert_ok()
    site.stratum0.gc("-r", 0).assert_ok()
    # 3 was current a moment ago.
    assert set(site.left()) >= {1, 3} and 0 not in site.left()
    site.stratum0.closure()


def test_a_dry_run_and_the_deletion_log(make):
    site = make(REPLICA_GC_GRACE=400)
    before = site.stratum0.objects()
    expected = Expected(site.storage, revisions=0, in_use=time.time() - 400)
    log = site.folder / "log"
    run = site.stratum0.gc("-d", "-r", 0).assert_ok()
    assert "Would remove" in run.output and site.stratum0.objects() == before
    site.stratum0.gc("-r", 0, "-L", log).assert_ok()
    assert len(log.read_text().split("\n")) == len(expected.removed & before) + 4
    check_collected(site, expected, before)
    status = json.loads((site.storage / ".cvmfs_status.json").read_text())
    assert "last_gc" in status


def test_gc_of_all_includes_it(make):
    site = make(REPLICA_GC_GRACE=400)
    before = site.stratum0.objects()
    expected = Expected(site.storage, revisions=0, in_use=time.time() - 400)
    site.stratum0.gc("-a", "-r", 0).assert_ok()
    check_collected(site, expected, before)
    assert "ERROR" not in (site.stratum0.log / "gc.log").read_text()


def lacks_a_head_catalog(site):
    nested = Store(site.storage).catalog(site.heads[-1])[1]
    (site.storage / object_path(nested[0], "C")).unlink()
    return "nothing is deleted"


def has_a_damaged_head(site):
    path = site.storage / object_path(site.heads[-1], "C")
    path.write_bytes(path.read_bytes()[:-9])
    return "nothing is deleted"


def has_a_damaged_catalog_in_use(site):
    path = site.storage / object_path(site.heads[-2], "C")
    path.write_bytes(path.read_bytes()[:-9])
    return "nothing is deleted"


def lacks_its_tags(site):
    (site.storage / object_path(manifest_fields(site.storage)["H"], "H")).unlink()
    return "nothing is deleted"


def has_another_reflog(site):
    with open(site.storage / ".cvmfsreflog", "ab") as file:
        file.write(b"x")
    return "does not match its checksum"


def is_being_checked(site):
    site.held = open(site.stratum0.spool / "is_collecting.lock", "w")
    fcntl.flock(site.held, fcntl.LOCK_EX)
    return "Failed to acquire gc lock"


@pytest.mark.parametrize("damage", [lacks_a_head_catalog, has_a_damaged_head, lacks_its_tags,
                                    has_a_damaged_catalog_in_use, has_another_reflog,
                                    is_being_checked], ids=lambda damage: damage.__name__)
def test_nothing_goes_from_a_repository_that(make, damage):
    site = make()
    word = damage(site)
    before = site.stratum0.objects()
    site.stratum0.gc("-r", 0).assert_failed(word)
    assert site.stratum0.objects() == before
    if damage is is_being_checked:
        site.held.close()


def test_one_that_is_not_collectable_is_refused(folder):
    site = publish(folder, FQRN)
    (folder / "source").mkdir()
    site.published.options = ()
    site.published.publish(folder / "source")
    site.gc().assert_failed("Garbage Collection is not enabled for " + FQRN)


def test_a_publication_collects_when_it_is_due(make):
    site = make(REPLICA_GC_GRACE=400, CVMFS_AUTO_GC="true", CVMFS_AUTO_GC_TIMESPAN="'1 hour ago'")
    assert site.left() == [0, 1, 2, 3, 4, 5]
    run = site.stratum0.ingest(site.source).assert_ok()
    assert "Running automatic garbage collection" in run.output
    assert site.left() == [3, 4, 5]
    site.stratum0.closure()
    write(site.source / "more", b"")
    assert "automatic" not in site.stratum0.ingest(site.source).assert_ok().output
    assert "automatic" not in site.stratum0.run("tag", "-a", "name").assert_ok().output
    site.stratum0.configure(CVMFS_AUTO_GC="true", CVMFS_AUTO_GC_LAPSE="nonsense")
    write(site.source / "most", b"")
    site.stratum0.ingest(site.source).assert_failed("Published, but garbage collection failed",
                                                    "CVMFS_AUTO_GC_LAPSE")
    site.stratum0.closure()


def test_it_waits_for_a_publication(make):
    site = make(REPLICA_GC_GRACE=400)
    with open(site.stratum0.spool / "is_updating.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = site.stratum0.begin_gc("-f", "-r", "0")
        line = ""
        while "waiting for another update" not in line:
            line = process.stdout.readline()
            assert line
        assert len(site.left()) == 6
    assert process.wait(DEADLINE_SECONDS) == 0, process.stdout.read()
    process.stdout.close()


def test_a_publication_finishes_what_a_kill_left(make):
    """What was on its way out is published again."""
    site = make(ages=(3000, 2000, 1000), REPLICA_GC_GRACE=0)
    journal = site.storage / ".replica_gc_journal"
    expected = Expected(site.storage, revisions=0)
    before = site.stratum0.objects()
    first = site.folder / "first"
    shutil.copytree(site.source, first)
    write(first / "sw" / "package1" / "v0" / "file0", b"other")
    hits = 0
    for attempt in range(40):
        keep = site.folder / f"keep{attempt}"
        shutil.copytree(site.published.folder, keep, symlinks=True)
        process = site.stratum0.begin_gc("-f", "-r", "0", stdout=subprocess.DEVNULL)
        while not journal.exists() and process.poll() is None:
            pass
        process.kill()
        process.wait()
        site.stratum0.closure()
        hits += journal.exists()
        if journal.exists():
            site.stratum0.ingest(first).assert_ok()
            assert not journal.exists()
            assert not expected.removed & before & site.stratum0.objects() - \
                Closure(site.storage).objects
        site.stratum0.gc("-r", 0).assert_ok()
        site.stratum0.closure()
        assert site.stratum0.leftovers() == []
        shutil.rmtree(site.published.folder)
        keep.rename(site.published.folder)
        if hits >= 5:
            break
    assert hits >= 1


class World(ReplicaWorld):
    """The same on a Stratum 0; to want back what was on its way out is to publish it again."""

    def __init__(self, folder):
        chance = random.Random(7)
        source = fill(folder / "source", chance, packages=2, files=2, large=40_000)
        self.replica = publish(folder, FQRN, "minimum=16384", "average=32768", "maximum=65536",
                               REPLICA_GC_GRACE=0, CVMFS_MIN_CHUNK_SIZE=16384,
                               CVMFS_AVG_CHUNK_SIZE=32768, CVMFS_MAX_CHUNK_SIZE=65536)
        for number in range(5):
            top = source / "sw" / "package1"
            write(top / "v0" / "file0", chance.randbytes(100))
            write(top / "below" / ".cvmfscatalog", b"")
            write(top / "below" / "file", chance.randbytes(100))
            self.replica.published.publish(source)
            if number == 0:
                shutil.copytree(source, folder / "first")
        self.sources = {"last": source, "first": folder / "first"}
        self.before = self.replica.objects()
        self.manifest = self.replica.manifest()
        self.expected = Expected(self.replica.storage, revisions=0)

    def assert_snapshots(self, name, *arguments):
        run = self.replica.ingest(self.sources[name]).assert_ok()
        assert "given up" not in run.output, run.output
        self.replica.closure()
        assert self.replica.leftovers() == []
        # A publication is a new revision.
        self.manifest = self.replica.manifest()


def test_a_power_cut_costs_nothing(folder):
    world = World(folder)
    recording = world.record()
    last, number, manifest = len(recording.operations), count("GC_POWER_CUTS") // 8, world.manifest
    for seed in range(number):
        world.manifest = manifest
        style = STYLES[seed % len(STYLES)]
        operations = seed * last // max(1, number - 1)
        try:
            world.cut(recording, operations, style, seed)
            world.assert_whole()
            if seed % 3 == 1:
                world.assert_snapshots("first" if seed % 2 else "last")
                world.assert_whole()
                world.replica.gc("-r", 0).assert_ok()
                world.assert_whole()
            else:
                world.assert_collects()
        except AssertionError as problem:
            raise AssertionError(f"cut {seed} ({style}) after {operations}: {problem}") from None

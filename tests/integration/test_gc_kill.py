# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments of a garbage collection, with snapshots in between: nothing that is
referred to is ever lost, and the next run finishes the work."""

import random
import shutil
import subprocess
import time

import pytest

from closure import Closure, stored_objects
from collect import Expected, Store, tree_of_present
from conftest import memory_folder
from loops import count
from origin import Origin
from replica import Published, Replica
from sources import write

FQRN = "sw.example.net"
# Files of the revisions that are published; all but the last two, which a tag keeps, go.
SIZES = (800, 6_400, 6_400, 6_400, 300, 300)
PACKAGE = 100


def revise(source, number, size):
    """SIZE files of this revision alone, beside some that all revisions have."""
    shutil.rmtree(source / "own", ignore_errors=True)
    for file in range(size):
        package = source / "own" / f"package{file // PACKAGE}"
        write(package / f"file{file}", f"{number} {file}\n".encode())
        if file % PACKAGE == 0:
            write(package / ".cvmfscatalog", b"")
    for file in range(50):
        write(source / "shared" / f"file{file}", f"shared {file} {file < number}\n".encode())


class World:
    """A replica that holds some 20,000 objects of old revisions, and what its origin offers: the
    present revision, or the first one again."""

    def __init__(self, folder):
        self.folder = folder
        source = folder / "source"
        published = Published(folder / "published", FQRN, "collectable=yes", "tags=no")
        self.origin = Origin({FQRN: published.storage}, random.Random(1))
        self.replica = Replica(folder / "replica", FQRN, self.origin.url(FQRN), published.key,
                               CVMFS_NUM_WORKERS=8)
        for number, size in enumerate(SIZES):
            revise(source, number, size)
            published.publish(source)
            self.copy_data(published.storage)
            self.replica.snapshot().assert_ok()
            if number == 0:
                shutil.copytree(published.storage, folder / "first")
        self.storages = {"last": published.storage, "first": folder / "first"}
        self.before = self.replica.objects()
        self.expected = Expected(self.replica.storage, revisions=0)
        self.keep = folder / "keep"
        self.copy(self.replica.folder, self.keep)

    def copy_data(self, storage):
        """The tests' own server is slow: give the replica what it would fetch."""
        for path in stored_objects(storage) - self.replica.objects():
            if path[-1] not in "CHXM":
                (self.replica.storage / path).parent.mkdir(exist_ok=True)
                shutil.copyfile(storage / path, self.replica.storage / path)

    @staticmethod
    def copy(old, new):
        """Objects are never written into: links will do."""
        subprocess.run(["cp", "-al", old / "srv", new / "srv"] if new.exists() else
                       ["cp", "-a", old, new], check=True)

    def start_over(self):
        shutil.rmtree(self.replica.folder / "srv")
        self.copy(self.keep, self.replica.folder)
        shutil.copyfile(self.keep / "spool" / FQRN / "reflog.chksum",
                        self.replica.spool / "reflog.chksum")

    def has_journal(self):
        return (self.replica.storage / ".replica_gc_journal").exists()

    def time_gc(self):
        """Seconds that a run takes until its journal is there, and from then on."""
        start = time.monotonic()
        process = self.replica.begin_gc("-f", "-r", "0", stdout=subprocess.DEVNULL)
        # It may have come and gone while nobody looked.
        while not self.has_journal() and process.poll() is None:
            pass
        journal = time.monotonic()
        assert process.wait() == 0
        return journal - start, max(0.05, time.monotonic() - journal)

    def kill(self, seconds, in_sweep):
        """Some time after the start, or after the journal is there. True if the run was still at
        work."""
        process = self.replica.begin_gc("-f", "-r", "0", stdout=subprocess.DEVNULL)
        while in_sweep and not self.has_journal() and process.poll() is None:
            pass
        time.sleep(seconds)
        process.kill()
        return process.wait() != 0

    def assert_whole(self, with_catalogs):
        """What is published, and what a later snapshot would trust."""
        self.replica.closure()
        if not with_catalogs:
            return
        present = self.replica.objects()
        store = Store(self.replica.storage)
        for path in present:
            if path.endswith("C"):
                lacking = tree_of_present(store, path) - present
                assert not lacking, f"{path} is there, but not {sorted(lacking)[:3]}"

    def assert_finished(self):
        self.replica.gc("-r", 0).assert_ok()
        assert self.replica.objects() == self.before - self.expected.removed
        assert set(Store(self.replica.storage).reflog()) == self.expected.reflog
        assert self.replica.leftovers() == []
        self.replica.closure()

    def snapshot(self, name, *arguments):
        self.origin.repositories[FQRN] = self.storages[name]
        run = self.replica.snapshot(*arguments).assert_ok()
        expected = Closure(self.storages[name]).objects
        assert self.replica.closure().objects == expected, run.output
        assert not self.has_journal()


@pytest.fixture(scope="module")
def world():
    with memory_folder() as folder:
        world = World(folder)
        yield world
        world.origin.close()


def test_kills_at_random_moments(world):
    assert len(world.expected.removed & world.before) > 19_000
    chance = random.Random(9)
    seconds = dict(zip((False, True), world.time_gc()))
    world.assert_finished()
    world.start_over()
    kills = hits = journals = 0
    while hits < count("GC_KILLS"):
        assert kills < 4 * count("GC_KILLS"), "the kills come too late"
        in_sweep = kills % 2 == 0
        is_hit = world.kill(chance.uniform(0, seconds[in_sweep] / 2), in_sweep)
        # How fast the machine is changes.
        seconds[in_sweep] *= 1.02 if is_hit else 0.8
        hits += is_hit
        journals += world.has_journal()
        world.assert_whole(with_catalogs=kills % 10 == 5)
        if kills % 25 == 24:
            # A revision that wants back what was on its way out.
            world.snapshot("first", "--accept-older", "2")
            world.start_over()
            world.origin.repositories[FQRN] = world.storages["last"]
        elif kills % 5 == 4:
            world.snapshot("last")
            world.assert_finished()
            world.start_over()
        elif kills % 5 == 2:
            # Nothing in between: the collection itself finishes the one before it.
            world.assert_finished()
            world.start_over()
        kills += 1
    assert journals > hits // 5
    world.assert_finished()

# SPDX-License-Identifier: Apache-2.0
"""The power fails while garbage is collected: nothing that is published, or that a later snapshot
would trust, lacks an object, and the next run finishes the work."""

import functools
import os
import random
import shutil
import time

import pytest

from closure import Closure, object_path
from collect import Expected, Store, tree_of_present, write_checksum
from conftest import memory_folder
from loops import count
from origin import Origin
from power_cut import STYLES, Recording
from replica import Published, Replica
from sources import fill, write

FQRN = "sw.example.net"


class World:
    """Five revisions, of which two stay."""

    def __init__(self, folder):
        chance = random.Random(7)
        source = fill(folder / "source", chance, packages=2, files=2, large=40_000)
        published = Published(folder / "published", FQRN, "collectable=yes", "tags=no",
                              "minimum=16384", "average=32768", "maximum=65536")
        self.origin = Origin({FQRN: published.storage}, random.Random(1))
        self.replica = Replica(folder / "replica", FQRN, self.origin.url(FQRN), published.key)
        for number in range(5):
            top = source / "sw" / "package1"
            write(top / "v0" / "file0", chance.randbytes(100))
            write(top / "below" / ".cvmfscatalog", b"")
            write(top / "below" / "file", chance.randbytes(100))
            published.publish(source)
            self.replica.snapshot().assert_ok()
            if number == 0:
                shutil.copytree(published.storage, folder / "first")
        self.storages = {"last": published.storage, "first": folder / "first"}
        self.before = self.replica.objects()
        self.manifest = self.replica.manifest()
        self.expected = Expected(self.replica.storage, revisions=0)

    def record(self):
        return Recording(self.replica,
                         functools.partial(self.replica.begin_gc, "-f", "-r", "0"))

    def cut(self, recording, operations, style, seed, without=()):
        recording.disk(operations, without).cut(style, random.Random(seed))
        # A copy of a tree has new files; the disk after a power cut has the old ones.
        journal = self.replica.storage / ".replica_gc_journal"
        if journal.exists():
            os.utime(journal)

    def assert_whole(self):
        """What is served, and every catalog that is there."""
        assert self.replica.manifest() == self.manifest
        self.replica.closure()
        store, present = Store(self.replica.storage), self.replica.objects()
        for path in present:
            if path.endswith("C"):
                lacking = tree_of_present(store, path) - present
                assert not lacking, f"{path} is there, but not {sorted(lacking)[:3]}"

    def assert_collects(self):
        run = self.replica.gc("-r", 0).assert_ok()
        assert "given up" not in run.output, run.output
        assert self.replica.objects() == self.before - self.expected.removed
        assert set(Store(self.replica.storage).reflog()) == self.expected.reflog
        checksum = (self.replica.spool / "reflog.chksum").read_text()
        write_checksum(self.replica)
        assert (self.replica.spool / "reflog.chksum").read_text() == checksum
        assert self.replica.leftovers() == []
        self.replica.closure()

    def assert_collects_the_rest(self):
        """Data that only catalogs named that are gone cannot be found any more."""
        self.replica.gc("-r", 0).assert_ok()
        assert self.replica.objects() >= self.before - self.expected.removed
        assert set(Store(self.replica.storage).reflog()) == self.expected.reflog
        assert self.replica.leftovers() == []
        self.assert_whole()

    def assert_snapshots(self, name, *arguments):
        self.origin.repositories[FQRN] = self.storages[name]
        try:
            run = self.replica.snapshot(*arguments).assert_ok()
        finally:
            self.origin.repositories[FQRN] = self.storages["last"]
        assert "given up" not in run.output, run.output
        assert self.replica.closure().objects == Closure(self.storages[name]).objects
        assert self.replica.leftovers() == []


@pytest.fixture
def world():
    with memory_folder() as folder:
        world = World(folder)
        yield world
        world.origin.close()


def check_cuts(world, recording, number):
    last = len(recording.operations)
    for seed in range(number):
        operations, style = seed * last // max(1, number - 1), STYLES[seed % len(STYLES)]
        try:
            world.cut(recording, operations, style, seed)
            world.assert_whole()
            if seed % 8 == 3:
                # What was on its way out is wanted back.
                world.assert_snapshots("first", "--accept-older", "2")
                continue
            if seed % 2 == 1:
                world.assert_snapshots("last")
                world.assert_whole()
            world.assert_collects()
        except AssertionError as problem:
            raise AssertionError(
                f"cut {seed} ({style}) after {operations} operations, "
                f"{recording.operations[max(0, operations - 3):operations]}: {problem}") from None


def test_a_power_cut_costs_nothing(world):
    check_cuts(world, world.record(), count("GC_POWER_CUTS"))


def test_a_power_cut_while_an_interrupted_run_is_finished_costs_nothing(world):
    first = world.record()
    unlinks = [i for i, (word, *rest) in enumerate(first.operations)
               if word == "unlink" and "/data/" in rest[0] and "/txn/" not in rest[0]]
    world.cut(first, unlinks[len(unlinks) // 3], "mixed", 5)
    second = world.record()
    check_cuts(world, second, count("GC_POWER_CUTS") // 3)


def test_without_barriers_the_model_finds_a_catalog_that_lacks_something(world):
    recording = world.record()
    last = len(recording.operations)
    found = 0
    for seed in range(100):
        world.cut(recording, last - seed % (last // 2), "mixed", seed, without=("syncfs",))
        try:
            world.assert_whole()
        except AssertionError:
            found += 1
    assert found > 0


def test_a_journal_that_was_overtaken_is_given_up(world):
    """Somebody who does not know the journal has stored objects of it again."""
    recording = world.record()
    syncs = [i for i, (word, *rest) in enumerate(recording.operations) if word == "syncfs"]
    world.cut(recording, syncs[0], "written", 1)
    journal = world.replica.storage / ".replica_gc_journal"
    assert journal.exists()
    path = world.replica.storage / sorted(world.expected.removed & world.replica.objects())[0]
    # The clock of file systems is a coarse one.
    time.sleep(0.05)
    path.rename(path.with_suffix(".away"))
    path.with_suffix(".away").rename(path)
    run = world.replica.snapshot().assert_ok()
    assert "given up: objects in it were stored again" in run.output
    assert path.exists() and not journal.exists()
    world.assert_whole()
    world.assert_collects_the_rest()


@pytest.mark.parametrize("change", ["cut", "another repository", "another manifest"])
def test_a_journal_that_is_not_right_is_given_up(world, change):
    recording = world.record()
    syncs = [i for i, (word, *rest) in enumerate(recording.operations) if word == "syncfs"]
    world.cut(recording, syncs[0], "written", 1)
    journal = world.replica.storage / ".replica_gc_journal"
    if change == "cut":
        journal.write_bytes(journal.read_bytes()[:-30])
    elif change == "another repository":
        journal.write_bytes(journal.read_bytes().replace(FQRN.encode(), b"no.example.net"))
    else:
        (world.replica.storage / ".cvmfspublished").unlink()
    before = world.replica.objects()
    run = world.replica.snapshot().assert_ok()
    assert "given up" in run.output
    assert world.replica.objects() >= before and not journal.exists()
    world.assert_whole()
    world.assert_collects_the_rest()


def test_the_head_of_a_revision_goes_before_what_it_refers_to(world):
    recording = world.record()
    unlinks = [rest[0] for word, *rest in recording.operations
               if word == "unlink" and "/data/" in rest[0] and "/txn/" not in rest[0]]
    places = {path[len(str(world.replica.storage)) + 1:]: i for i, path in enumerate(unlinks)}
    recording.restore()
    store = Store(world.replica.storage)
    roots = [text for text, (kind, _) in store.reflog().items()
             if kind == 0 and text not in world.expected.reflog]
    assert len(roots) >= 3
    for root in roots:
        above = [object_path(root, "C")]
        while above:
            path = above.pop()
            _, nested, data = store.catalog(path[5:7] + path[8:-1])
            below = {object_path(text, "C") for text in nested}
            assert all(places[path] < places[other] for other in (below | data) & places.keys())
            above += below & places.keys()

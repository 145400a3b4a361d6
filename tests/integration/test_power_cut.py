# SPDX-License-Identifier: Apache-2.0
"""The power fails while a snapshot writes: no published manifest lacks an object, and the next
run repairs the rest."""

import random
import shutil

import pytest

from closure import SUFFIXES, Broken, Closure
from conftest import memory_folder
from loops import count
from origin import Origin
from power_cut import STYLES, Recording
from replica import Published, Replica
from sources import change, fill
from tree import digest

FQRN = "sw.example.net"


class World:
    """Two revisions, a newer whitelist for the second, an origin and a replica, all in memory
    if the machine can: what is safe is the model's question, not the disk's."""

    def __init__(self, folder):
        self.folder = folder
        source = fill(folder / "source", random.Random(7), packages=3, files=2, large=60_000)
        published = Published(folder / "published", FQRN, "minimum=16384", "average=32768",
                              "maximum=65536")
        published.publish(source)
        shutil.copytree(published.storage, folder / "first")
        change(source, random.Random(8))
        published.publish(source)
        shutil.copytree(published.storage, folder / "second")
        published.resign()
        shutil.copytree(published.storage, folder / "resigned")
        self.origin = Origin({FQRN: folder / "first"}, random.Random(1))
        self.replica = Replica(folder / "replica", FQRN, self.origin.url(FQRN), published.key)

    def offer(self, name):
        self.origin.repositories[FQRN] = self.folder / name

    def offered(self, name):
        return (self.origin.repositories[FQRN] / name).read_bytes()

    def snapshot(self, name):
        self.offer(name)
        self.replica.snapshot().assert_ok()


@pytest.fixture
def world():
    with memory_folder() as folder:
        world = World(folder)
        yield world
        world.origin.close()


def record_recovery(world, at):
    """A run that repairs what an interrupted one left."""
    interrupted = Recording(world.replica)
    interrupted.disk(int(len(interrupted.operations) * at)).cut("mixed", random.Random(5))
    assert (world.replica.storage / ".replica_dirty").exists()
    return Recording(world.replica)


def initial(world):
    return Recording(world.replica)


def incremental(world):
    world.snapshot("first")
    world.offer("second")
    return Recording(world.replica)


def whitelist(world):
    world.snapshot("second")
    world.offer("resigned")
    return Recording(world.replica)


def recovery(world):
    return record_recovery(world, 0.6)


def recovery_of_incremental(world):
    world.snapshot("first")
    world.offer("second")
    return record_recovery(world, 0.7)


SCENARIOS = (initial, incremental, whitelist, recovery, recovery_of_incremental)


def read(path):
    return path.read_bytes() if path.exists() else None


def ensemble(world):
    return [read(world.replica.storage / name) for name in (".cvmfspublished", ".cvmfswhitelist")]


def assert_all_intact(replica):
    """Not only what is reachable: nothing in the store is other than its name says."""
    for path in replica.objects():
        name = path[5:7] + path[8:]
        algorithm = next((a for a, s in SUFFIXES.items() if s and s in name), "sha1")
        content = (replica.storage / path).read_bytes()
        assert name.startswith(digest(content, algorithm)), f"{path}: {len(content)} bytes"


def assert_served_whole(world, before, after):
    """What clients see right after the cut."""
    world.replica.closure()
    for found, old, new in zip(ensemble(world), before, after):
        assert found in (old, new)


def assert_repaired(world):
    run = world.replica.snapshot().assert_ok()
    assert world.replica.manifest() == world.offered(".cvmfspublished")
    assert read(world.replica.storage / ".cvmfswhitelist") == world.offered(".cvmfswhitelist")
    expected = Closure(world.origin.repositories[FQRN]).objects
    assert world.replica.closure().objects == expected
    assert_all_intact(world.replica)
    assert world.replica.leftovers() == []
    reflog = digest((world.replica.storage / ".cvmfsreflog").read_bytes())
    assert (world.replica.spool / "reflog.chksum").read_text() == reflog, run.output


def cuts(recording, number):
    """NUMBER cut points, spread over the whole run: (operations before it, style, seed)."""
    last = len(recording.operations)
    for i in range(number):
        yield i * last // max(1, number - 1), STYLES[i % len(STYLES)], i


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_power_cut_costs_nothing_that_is_published(world, scenario):
    recording = scenario(world)
    after = [world.offered(".cvmfspublished"), world.offered(".cvmfswhitelist")]
    recording.restore()
    before = ensemble(world)
    for operations, style, seed in cuts(recording, count("POWER_CUTS") // len(SCENARIOS)):
        recording.disk(operations).cut(style, random.Random(seed))
        try:
            assert_served_whole(world, before, after)
            assert_repaired(world)
        except AssertionError as problem:
            raise AssertionError(
                f"cut {seed} ({style}) after {operations} operations, "
                f"{recording.operations[max(0, operations - 3):operations]}: {problem}") from None


def finds_a_broken_revision(world, recording, without=()):
    """Whether some cut leaves a whole manifest that lacks an object."""
    last = len(recording.operations)
    for seed in range(300):
        operations = last - seed % (last // 4)
        recording.disk(operations, without).cut("mixed", random.Random(seed))
        if world.replica.manifest() != world.offered(".cvmfspublished"):
            continue
        try:
            world.replica.closure()
        except Broken:
            return True
    return False


def test_without_barriers_the_model_finds_a_broken_revision(world):
    world.replica.configure(CVMFS_SYNCFS_LEVEL="none")
    recording = Recording(world.replica)
    assert not [path for word, *_, path in recording.operations if word in ("syncfs", "fsync")
                and path.startswith(str(world.replica.storage))]
    assert finds_a_broken_revision(world, recording)


def test_without_the_barrier_before_the_manifest_the_model_finds_a_broken_revision(world):
    recording = initial(world)
    assert not finds_a_broken_revision(world, recording)
    assert finds_a_broken_revision(world, recording, without=("syncfs",))


def test_without_a_safe_marker_the_model_finds_damage_that_stays(world):
    """Were the marker not synced before the first object, the next run would trust too much."""
    recording = initial(world)
    objects = [i for i, (word, *rest) in enumerate(recording.operations)
               if word == "rename" and "/data/" in rest[1]]
    disk = recording.disk(objects[len(objects) // 2], without=("fsync",))
    disk.names[str(world.replica.storage / ".replica_dirty")].states = [None]
    disk.cut("truncated", random.Random(1))
    with pytest.raises(AssertionError):
        assert_repaired(world)

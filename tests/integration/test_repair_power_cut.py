# SPDX-License-Identifier: Apache-2.0
"""The power fails while a check or a scrub repairs a replica: what was sound stays so, nothing
is trusted that is not whole, and the next run finishes the work."""

import random
import subprocess

import pytest

from checked import Below
from closure import Broken, manifest_fields, object_path
from conftest import memory_folder
from damage import Damage, files_of
from loops import count
from origin import Origin
from power_cut import STYLES, Recording
from replica import REPLICACTL, Published, Replica, Run
from servers import DEADLINE_SECONDS
from sources import fill

FQRN = "sw.example.net"
REPAIRS = {"check": ("check", "-i", "--repair"), "scrub": ("scrub",)}


class World:
    """A replica of a small repository, in memory if the machine can."""

    def __init__(self, folder):
        source = fill(folder / "source", random.Random(7), packages=3, files=2, large=60_000)
        published = Published(folder / "published", FQRN, "minimum=16384", "average=32768",
                              "maximum=65536")
        published.publish(source)
        self.origin = Origin({FQRN: published.storage}, random.Random(1))
        self.replica = Replica(folder / "replica", FQRN, self.origin.url(FQRN), published.key)
        self.storage = self.replica.storage
        self.replica.snapshot().assert_ok()
        self.whole = self.files()

    def files(self):
        return {path: content for path, content in files_of(self.storage).items()
                if path not in (".replica_dirty", ".cvmfs_is_snapshotting")}

    def begin(self, repair, **environment):
        return subprocess.Popen([REPLICACTL, *REPAIRS[repair], FQRN], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                env=self.replica.environment(**environment))

    def repair(self, repair):
        process = self.begin(repair)
        output, _ = process.communicate(timeout=4 * DEADLINE_SECONDS)
        return Run(process, output).assert_ok()

    def record(self, repair):
        return Recording(self.replica, lambda **environment: self.begin(repair, **environment))

    def damage(self, seed):
        """Some objects of every kind, in every way."""
        Damage(self.storage, random.Random(seed), 12).do()

    def lose_tree(self):
        """All catalogs, and with them some of what they refer to."""
        head = manifest_fields(self.storage)["C"]
        below = sorted(Below(self.storage).below(head) | {object_path(head, "C")})
        for path in below:
            if path.endswith("C") or random.Random(path).random() < 0.5:
                (self.storage / path).unlink(missing_ok=True)

    def assert_sound_stays(self, sound):
        found = self.files()
        for path, content in sound.items():
            assert found.get(path) == content, path

    def assert_whole(self):
        """But for what is of no use: the scratch folder of a check that was cut, which the next
        check removes, and damaged bytes in the quarantine."""
        assert self.files() == self.whole
        assert set(self.replica.leftovers()) <= {"check", "quarantine"}
        self.replica.closure()


@pytest.fixture
def world():
    with memory_folder() as folder:
        world = World(folder)
        yield world
        world.origin.close()


def check_cuts(world, recording, repair, sound, number):
    last = len(recording.operations)
    for seed in range(number):
        operations, style = seed * last // max(1, number - 1), STYLES[seed % len(STYLES)]
        try:
            recording.disk(operations).cut(style, random.Random(seed))
            world.assert_sound_stays(sound)
            if seed % 3 == 1:
                world.replica.snapshot().assert_ok()
                world.assert_sound_stays(sound)
            world.repair(repair)
            # It settles what an open marker covers, and clears temporary files away.
            world.replica.snapshot().assert_ok()
            world.assert_whole()
        except AssertionError as problem:
            raise AssertionError(
                f"cut {seed} ({style}) after {operations} operations, "
                f"{[word for word, *_ in recording.operations[operations - 3:operations]]}: "
                f"{problem}") from None


@pytest.mark.parametrize("repair", REPAIRS)
def test_a_power_cut_costs_nothing(world, repair):
    world.damage(5)
    sound = {path: content for path, content in world.files().items()
             if world.whole[path] == content}
    recording = world.record(repair)
    world.assert_whole()
    check_cuts(world, recording, repair, sound, count("REPAIR_POWER_CUTS") // 2)


@pytest.mark.parametrize("repair", REPAIRS)
def test_a_snapshot_after_a_power_cut_trusts_no_catalog_that_lacks_something(world, repair):
    """It does not look below catalogs that it trusts: those that a repair stored must be whole."""
    world.lose_tree()
    recording = world.record(repair)
    world.assert_whole()
    number = count("REPAIR_POWER_CUTS") // 2
    for seed in range(number):
        operations, style = (seed + 1) * len(recording.operations) // number, STYLES[seed % 4]
        recording.disk(operations).cut(style, random.Random(seed))
        run = world.replica.snapshot().assert_ok()
        try:
            world.replica.closure()
        except Broken as problem:
            raise AssertionError(f"cut {seed} ({style}) after {operations} operations: "
                                 f"{problem}: {run.output}") from None


@pytest.mark.parametrize("repair", REPAIRS)
def test_without_barriers_the_model_finds_a_catalog_that_lacks_something(world, repair):
    world.lose_tree()
    recording = world.record(repair)
    found = 0
    for seed in range(20):
        recording.disk(len(recording.operations), without=("syncfs",)).cut(
            "mixed", random.Random(seed))
        try:
            world.replica.closure()
        except Broken:
            found += not (world.storage / ".replica_dirty").exists()
    assert found > 0

# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments of a snapshot: what is published stays whole, the next run goes on."""

import random
import shutil
import subprocess
import time

import pytest

from closure import Closure
from loops import count
from origin import Origin
from replica import Published, Replica
from sources import change, fill

FQRN = "sw.example.net"


class Site:
    """Two revisions, an origin, a replica and a copy of what it held before the kills."""

    def __init__(self, folder, begins_with_first):
        source = fill(folder / "source", random.Random(7), packages=12, files=12)
        published = Published(folder / "origin", FQRN, "minimum=16384", "average=32768",
                              "maximum=65536")
        published.publish(source)
        shutil.copytree(published.storage, folder / "first")
        change(source, random.Random(8))
        for package in range(3, 12):
            (source / "sw" / f"package{package}" / "v0" / "file0").write_bytes(b"new")
        published.publish(source)
        self.storage = published.storage
        self.origin = Origin({FQRN: folder / "first"}, random.Random(1))
        self.replica = Replica(folder / "replica", FQRN, self.origin.url(FQRN), published.key)
        if begins_with_first:
            self.replica.snapshot().assert_ok()
        self.origin.repositories[FQRN] = published.storage
        self.before = folder / "before"
        shutil.copytree(self.replica.folder / "srv", self.before)

    def start_over(self):
        shutil.rmtree(self.replica.folder / "srv")
        shutil.copytree(self.before, self.replica.folder / "srv")

    def kill_after(self, seconds):
        """True if the run was still at work."""
        process = self.replica.begin()
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        return process.returncode != 0

    def assert_finishes(self):
        self.replica.snapshot().assert_ok()
        assert self.replica.manifest() == (self.storage / ".cvmfspublished").read_bytes()
        assert self.replica.closure().objects == Closure(self.storage).objects
        assert self.replica.leftovers() == []


@pytest.mark.parametrize("begins_with_first", [False, True], ids=["initial", "incremental"])
def test_kills_at_random_moments(folder, begins_with_first):
    site = Site(folder, begins_with_first)
    chance = random.Random(9)
    old = site.replica.manifest()
    try:
        start = time.monotonic()
        site.assert_finishes()
        longest = 0.8 * (time.monotonic() - start)
        hits = kills = 0
        # At least a third has to hit a run that is at work.
        while kills < count("SNAPSHOT_KILLS") or hits <= kills // 3:
            # Three in a row: also those that repair are killed.
            if kills % 3 == 0:
                site.start_over()
            is_hit = site.kill_after(chance.uniform(0.002, longest))
            # Runs take longer at one time than at another.
            longest *= 1.1 if is_hit else 0.7
            hits += is_hit
            kills += 1
            site.replica.closure()
            assert site.replica.manifest() in (
                old, (site.storage / ".cvmfspublished").read_bytes())
            if kills % 3 == 0:
                site.assert_finishes()
        site.assert_finishes()
    finally:
        site.origin.close()

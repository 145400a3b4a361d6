# SPDX-License-Identifier: Apache-2.0
"""Two hundred replicas of an origin that fails now and then, with garbage collection and scrub:
nothing piles up, nobody starves, nothing grows.

An interval is as long as this machine needs for the first snapshots of all of them: what follows is
lighter, so a daemon that wastes nothing keeps up.
"""

import calendar
import json
import os
import random
import time

import pytest

from loops import count
from servers import SANITIZED, wait_until
from snapshotd import NEVER
from sources import write

REPOSITORIES = "abcdefgh"
REPLICAS = 200
INTERVALS = count("MANY_REPLICAS_INTERVALS")
PARALLEL = 8
# The daemon's own threads beside those of the runs.
OTHER_THREADS = 4
SHORTEST_INTERVAL = 8
# The first half of a short run is early: some things happen for the first time after it.
GROWTH_KIB = 8192 if INTERVALS > 12 else 32768
DATE = "%a %b %d %H:%M:%S %Z %Y"
SETTINGS = {"CVMFS_AUTO_GC": "true", "CVMFS_AUTO_GC_LAPSE": "'5 seconds ago'",
            "CVMFS_AUTO_GC_TIMESPAN": "'5 seconds ago'", "CVMFS_HTTP_RETRIES": 6,
            "CVMFS_HTTP_TIMEOUT": 2,
            "REPLICA_SNAPSHOT_INTERVAL": 100_000}


def add_replicas(fleet):
    for name in REPOSITORIES:
        fleet.publish(name, "collectable=yes", "tags=no")
        fleet.add(name, **SETTINGS)
        fleet.add_aliases(name, range(REPLICAS // len(REPOSITORIES) - 1))
    with open(fleet.confdir / "replica.local", "a", encoding="ascii") as settings:
        settings.write(f"CVMFS_MAX_PARALLEL_SNAPSHOTS={PARALLEL}\n"
                       f"REPLICA_UPSTREAM_SNAPSHOTS={PARALLEL}\n"
                       "REPLICA_SCRUB_INTERVAL=1\nREPLICA_REPAIR_INTERVAL=1\n")


def make_flaky(origin):
    origin.fault(".", "status", 503, chance=0.01)
    origin.fault(".", "hang up", chance=0.01)
    origin.fault("/data/", "cut", 50, chance=0.01)
    origin.fault("/data/", "corrupt", chance=0.01)
    origin.fault("/data/", "stall", 10, chance=0.001)


@pytest.fixture
def fleet(fleet):
    add_replicas(fleet)
    return fleet


def ages(fleet):
    """{name: seconds since the last success}, as monitors see it."""
    now = time.time()
    found = {}
    for storage in fleet.storages():
        status = storage / ".cvmfs_status.json"
        if status.exists():
            date = json.loads(status.read_text()).get("last_snapshot")
            if date is not None:
                found[storage.name] = now - calendar.timegm(time.strptime(date, DATE))
    return found


def publish_another(fleet, number):
    """A new revision of one of the repositories, with something that is garbage afterwards."""
    name = REPOSITORIES[number % len(REPOSITORIES)]
    write(fleet.folder / "source" / name / "sw" / "changing", random.Random(number).randbytes(5000))
    fleet.published[name].publish(fleet.folder / "source" / name)


def damage(fleet, number):
    """One object of one replica: the scrub has to find it. Its path and what it held."""
    storages = fleet.storages()
    objects = sorted((storages[number * 7 % len(storages)] / "data").glob("??/*"))
    chance, content = random.Random(number), None
    while content is None:
        victim = chance.choice(objects)
        content = read(victim)  # it may have been collected just now
    victim.write_bytes(b"something else")
    return victim, content


def read(path):
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def watch(daemon, fleet, interval):
    """One interval: nothing more runs at once than may. The least memory that was in use."""
    end, memory = time.monotonic() + interval, []
    while time.monotonic() < end or not memory:
        memory.append(daemon.resident_kib())
        threads = len(os.listdir(f"/proc/{daemon.process.pid}/task"))
        assert threads <= PARALLEL + OTHER_THREADS
        time.sleep(0.2)
    # Not at once where other programs take the machine; but a daemon that falls behind never is.
    wait_until(lambda: max(ages(fleet).values()) <= 2 * interval,
               f"no replica is older than two intervals of {interval} s", 300)
    return min(memory)


def test_two_hundred_replicas_of_a_flaky_origin(daemon, fleet):
    began = time.monotonic()
    daemon.start()
    wait_until(lambda: len(ages(fleet)) == REPLICAS, "every replica has a snapshot", 300)
    interval = max(SHORTEST_INTERVAL, int(time.monotonic() - began))
    make_flaky(fleet.origin)

    descriptors = daemon.idle_descriptors(interval)
    memory, damaged = [], []
    for number in range(INTERVALS):
        publish_another(fleet, number)
        damaged.append(damage(fleet, number))
        memory.append(watch(daemon, fleet, interval))
    # Runs come and go, and their memory with them: what leaked stays.
    if not SANITIZED:
        assert min(memory[INTERVALS // 2:]) - min(memory[:INTERVALS // 2]) < GROWTH_KIB

    fleet.origin.heal()
    daemon.set_interval(interval)
    wait_until(lambda: all(replica.get("result") == "ok"
                           for replica in daemon.status()["replicas"].values()),
               "every replica is good again", 300)
    for victim, content in damaged:
        # What nothing refers to any more may have been collected instead.
        wait_until(lambda: read(victim) in (None, content), f"the scrub mends {victim}", 300)
    daemon.idle_descriptors(NEVER)  # nor is a run cut off by the stop
    # What is under way besides ends; what leaked stays.
    wait_until(lambda: len(daemon.descriptors()) <= descriptors,
               f"no more than {descriptors} descriptors are open")
    assert daemon.stop() == 0
    assert "last_gc" in (fleet.replicas["a"].storage / ".cvmfs_status.json").read_text()
    for replica in fleet.replicas.values():
        replica.closure()
        assert replica.leftovers() == []

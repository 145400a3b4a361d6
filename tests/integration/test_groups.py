# SPDX-License-Identifier: Apache-2.0
"""Snapshot groups: which replicas snapshot -a and the daemon serve."""

import pytest

from servers import wait_until
from snapshotd import Fleet, Snapshotd


@pytest.fixture
def fleet(folder):
    fleet = Fleet(folder)
    for name, group in (("a", ""), ("b", "night"), ("c", "day")):
        fleet.add(name, CVMFS_SNAPSHOT_GROUP=group)
    yield fleet
    fleet.origin.close()


def served_by_a_daemon(fleet):
    daemon = Snapshotd(fleet)
    try:
        daemon.start()
        wait_until(lambda: (fleet.spool / "snapshotd.json").exists()
                   and daemon.status()["replicas"]
                   and all(daemon.runs(name[0]) for name in daemon.status()["replicas"]),
                   "each had its run")
        return "".join(sorted(name[0] for name in daemon.status()["replicas"]))
    finally:
        daemon.stop()
        daemon.close()


@pytest.mark.parametrize("groups, served", [(None, "abc"), ("-", "a"), ("night", "b"),
                                            ("'- day'", "ac")])
def test_the_daemon_serves_all_unless_told_otherwise(fleet, groups, served):
    if groups is not None:
        with open(fleet.confdir / "replica.local", "a", encoding="ascii") as file:
            file.write(f"REPLICA_SNAPSHOT_GROUPS={groups}\n")
    assert served_by_a_daemon(fleet) == served
    assert [name for name in "abc" if fleet.replicas[name].manifest()] == list(served)

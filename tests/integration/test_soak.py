# SPDX-License-Identifier: Apache-2.0
"""snapshotd runs for months: its memory and its descriptors do not grow with its runs."""

import os
import re
import shutil
import time

import pytest

from loops import count
from servers import SANITIZED, wait_until
from snapshotd import Fleet, Snapshotd
from tree import replace_file

REPLICAS = 20
NEVER = 100_000
RUNS = count("DAEMON_RUNS")
STEP = 50
# What threads and their heaps still need for the first time.
GROWTH_KIB = 4096


def add_aliases(fleet, number):
    """Replicas of one repository under other local names."""
    first = fleet.add("a")
    model = fleet.confdir / "repositories.d" / first.fqrn
    for i in range(number):
        name = f"alias{i}"
        shutil.copytree(model, model.with_name(name))
        (first.storage.with_name(name) / "data" / "txn").mkdir(parents=True)
        (fleet.spool / name).mkdir()
        path = model.with_name(name) / "server.conf"
        text = re.sub(r"(?<=[/])a\.example\.net", name, path.read_text())
        path.write_text(text.replace(f"/cvmfs/{name}", f"/cvmfs/{first.fqrn}"))


def resident_kib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def set_interval(daemon, seconds):
    for path in daemon.fleet.confdir.glob("repositories.d/*/replica.conf"):
        # Whole: the daemon may be reading it.
        replace_file(path, re.sub(r"(?<=_INTERVAL=).*", str(seconds), path.read_text()).encode())
    daemon.reload()


def idle_descriptors(daemon):
    """Their number while no run is under way."""
    set_interval(daemon, NEVER)
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + NEVER / 2))
    wait_until(lambda: all(replica["next"] > soon and "running_since" not in replica
                           for replica in daemon.status()["replicas"].values()),
               "the daemon is idle")
    descriptors = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
    set_interval(daemon, 1)
    return descriptors


@pytest.fixture
def daemon(folder):
    fleet = Fleet(folder)
    add_aliases(fleet, REPLICAS)
    daemon = Snapshotd(fleet)
    yield daemon.start()
    daemon.close()
    fleet.origin.close()


def test_runs_leave_nothing_behind_in_the_daemon(daemon):
    def wait_for_runs(number):
        for goal in range(STEP, number + 1, STEP):
            wait_until(lambda goal=goal: daemon.text().count("result=ok") >= goal, f"{goal} runs")

    wait_for_runs(RUNS // 2)
    descriptors, memory = idle_descriptors(daemon), resident_kib(daemon.process)
    wait_for_runs(RUNS)
    assert idle_descriptors(daemon) <= descriptors
    if not SANITIZED:
        assert resident_kib(daemon.process) - memory < GROWTH_KIB
    assert daemon.stop() == 0
    assert all("result=ok" in line for line in daemon.text().splitlines() if "result=" in line)

# SPDX-License-Identifier: Apache-2.0
"""snapshotd runs for months: its memory and its descriptors do not grow with its runs."""

import os
import re
import shutil

import pytest

from loops import count
from servers import SANITIZED, wait_until
from snapshotd import Fleet, Snapshotd

REPLICAS = 20
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


def idle_descriptors(daemon):
    """Their number while no run is under way, the smallest seen."""
    seen = []
    folder = f"/proc/{daemon.process.pid}"

    def look():
        if len(os.listdir(f"{folder}/task")) == 1:
            seen.append(len(os.listdir(f"{folder}/fd")))
        return len(seen) >= 20

    wait_until(look, "the daemon is idle now and then")
    return min(seen)


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

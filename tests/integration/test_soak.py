# SPDX-License-Identifier: Apache-2.0
"""snapshotd runs for months: its memory and its descriptors do not grow with its runs."""

import pytest

from loops import count
from servers import SANITIZED, wait_until
from snapshotd import NEVER, Fleet, Snapshotd

REPLICAS = 20
RUNS = count("DAEMON_RUNS")
STEP = 50
# What threads and their heaps still need for the first time.
GROWTH_KIB = 4096


@pytest.fixture
def daemon(folder):
    fleet = Fleet(folder)
    fleet.add("a")
    fleet.add_aliases("a", range(REPLICAS))
    daemon = Snapshotd(fleet)
    yield daemon.start()
    daemon.close()
    fleet.origin.close()


def test_runs_leave_nothing_behind_in_the_daemon(daemon):
    def wait_for_runs(number):
        for goal in range(STEP, number + 1, STEP):
            wait_until(lambda goal=goal: daemon.text().count("result=ok") >= goal, f"{goal} runs",
                       300)

    wait_for_runs(max(RUNS // 2, STEP))
    descriptors, memory = daemon.idle_descriptors(), daemon.resident_kib()
    wait_for_runs(RUNS)
    daemon.idle_descriptors(NEVER)  # nor is a run cut off by the stop
    # What is under way besides ends; what leaked stays.
    wait_until(lambda: len(daemon.descriptors()) <= descriptors,
               f"no more than {descriptors} descriptors are open")
    if not SANITIZED:
        assert daemon.resident_kib() - memory < GROWTH_KIB
    assert daemon.stop() == 0
    bad = [line for line in daemon.text().splitlines() if "result=" in line and "result=ok" not in line]
    assert bad == []

# SPDX-License-Identifier: Apache-2.0
"""snapshotd: the schedule, faults, signals, crashes."""

import contextlib
import os
import pwd
import random
import re
import signal
import subprocess
import threading
import time

import pytest

from origin import Origin
from servers import DEADLINE_SECONDS, wait_until
from snapshotd import SNAPSHOTD, Snapshotd

NEVER = 100_000


def first_requests(fleet):
    """The repositories in the order in which they were first asked for."""
    seen = []
    for _, path, _ in fleet.origin.requests:
        name = path.split("/")[2].split(".")[0]
        if name not in seen:
            seen.append(name)
    return seen


def test_it_replicates_and_goes_on(fleet, daemon):
    replica = fleet.add("a")
    daemon.start()
    daemon.wait_for_runs("a", 3)
    assert replica.closure().objects == replica.objects()
    runs = daemon.runs("a")
    assert "changed=yes" in runs[0] and "revision=2" in runs[0]
    assert all("changed=no" in line for line in runs[1:])
    daemon.idle_descriptors(NEVER)  # else the stop may cut a run off
    assert daemon.stop() == 0
    assert len(re.findall(r"Starting a\.example\.net at .*\n(?:.*\n)*?Finished a\.example\.net",
                          fleet.log_text())) == len(daemon.runs("a"))
    status = daemon.status()["replicas"]["a.example.net"]
    assert status["result"] == "ok" and status["revision"] == 2
    assert daemon.text().rstrip().endswith("stopped")


def test_the_oldest_snapshot_comes_first(fleet, daemon):
    for name in "abcd":
        fleet.add(name)
    for name in "cadb":
        fleet.replicas[name].snapshot().assert_ok()
        time.sleep(0.02)
    fleet.origin.heal()
    (fleet.confdir / "server.local").write_text("CVMFS_MAX_PARALLEL_SNAPSHOTS=1\n")
    time.sleep(1.2)
    daemon.start()
    for name in "abcd":
        daemon.wait_for_runs(name)
    assert first_requests(fleet) == list("cadb")


def test_one_that_never_was_snapshotted_comes_before_all(fleet, daemon):
    for name in "abc":
        fleet.add(name)
        if name != "b":
            fleet.replicas[name].snapshot().assert_ok()
    fleet.origin.heal()
    (fleet.confdir / "server.local").write_text("CVMFS_MAX_PARALLEL_SNAPSHOTS=1\n")
    time.sleep(1.2)
    daemon.start()
    daemon.wait_for_runs("c")
    assert first_requests(fleet)[0] == "b"


def test_a_failing_origin_stops_nobody_else(fleet, daemon):
    for name in "abc":
        fleet.add(name, CVMFS_HTTP_TIMEOUT=1, CVMFS_HTTP_RETRIES=0)
    fleet.origin.fault(r"/a\.example.net/\.cvmfspublished$", "missing")
    fleet.origin.fault(r"/b\.example.net/\.cvmfspublished$", "stall", 5)
    daemon.start()
    daemon.wait_for_runs("c", 3)
    daemon.wait_for_runs("a", 2, "not-found")
    wait_until(lambda: any("b.example.net" in line and "ERROR" in line.upper()
                           for line in daemon.text().splitlines()), "b failed")
    wait_until(lambda: "404" in daemon.status()["replicas"]["a.example.net"].get("error", ""),
               "the status has the error")
    fleet.origin.heal()
    for name in "ab":
        daemon.wait_for_runs(name)
        fleet.replicas[name].closure()
    wait_until(lambda: "error" not in daemon.status()["replicas"]["a.example.net"],
               "the error went")
    assert daemon.stop() == 0


def test_never_more_runs_at_once_than_configured(fleet, daemon):
    for name in "abcdef":
        fleet.add(name)
    (fleet.confdir / "server.local").write_text("CVMFS_MAX_PARALLEL_SNAPSHOTS=2\n")
    most = 0
    done = threading.Event()

    def marks():
        found = set()
        for replica in fleet.replicas.values():
            with contextlib.suppress(FileNotFoundError):
                status = (replica.storage / ".cvmfs_is_snapshotting").stat()
                found.add((replica.storage, status.st_ino, status.st_mtime_ns))
        return found

    def watch():
        nonlocal most
        while not done.is_set():
            # What both have was there between the two, all of it at once.
            most = max(most, len(marks() & marks()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        daemon.start()
        for name in "abcdef":
            daemon.wait_for_runs(name, 2)
    finally:
        done.set()
        watcher.join()
    assert most <= 2
    assert daemon.stop() == 0


def test_an_upstream_serves_only_so_many_at_once_and_the_rest_stands_in_line(fleet, daemon):
    for name, priority in zip("abcd", (100, 101, 103, 102)):
        fleet.add(name, REPLICA_PRIORITY=priority, CVMFS_HTTP_TIMEOUT=1000)
    elsewhere = Origin({}, random.Random(1))
    elsewhere.repositories = fleet.origin.repositories
    replica = fleet.add("e", REPLICA_PRIORITY=5)
    replica.url = elsewhere.url(replica.fqrn)
    replica.configure(REPLICA_SNAPSHOT_INTERVAL=1, REPLICA_PRIORITY=5)
    (fleet.confdir / "server.local").write_text("CVMFS_MAX_PARALLEL_SNAPSHOTS=3\n"
                                                "REPLICA_UPSTREAM_SNAPSHOTS=1\n")
    fleet.origin.fault(r"/c\..*/data/", "stall", 0)

    def places():
        return {name: entry.get("place") for name, entry in daemon.status()["replicas"].items()}

    try:
        daemon.start()
        daemon.wait_for_runs("e", 2)  # another upstream has a place of its own
        wait_until(lambda: places() == {
            "a.example.net": 3, "b.example.net": 2, "c.example.net": None, "d.example.net": 1,
            "e.example.net": places()["e.example.net"]}, "the others stand in line")
        assert not any(daemon.runs(name) for name in "abcd")
        fleet.origin.heal()
        fleet.origin.closing.set()
        for name in "abcd":
            daemon.wait_for_runs(name, 1)
    finally:
        elsewhere.close()
    assert daemon.stop() == 0


def test_new_gone_and_broken_repositories(fleet, daemon):
    fleet.add("a")
    daemon.start()
    daemon.wait_for_runs("a")
    daemon.process.send_signal(signal.SIGSTOP)  # it would look by itself, at half of it
    fleet.add("b")
    broken = fleet.add("c")
    broken.configure(REPLICA_SNAPSHOT_INTERVAL="often")
    daemon.process.send_signal(signal.SIGCONT)
    daemon.reload()
    daemon.wait_for_runs("b")
    wait_until(lambda: "c.example.net" in daemon.status()["out_of_service"], "c is reported")
    problem = daemon.status()["out_of_service"]["c.example.net"]
    assert "REPLICA_SNAPSHOT_INTERVAL" in problem and "replica.conf" in problem
    assert daemon.text().count("repository=c.example.net out of service") == 1
    broken.configure(REPLICA_SNAPSHOT_INTERVAL=1)
    for path in (fleet.confdir / "repositories.d" / "b.example.net").iterdir():
        path.unlink()
    daemon.reload()
    daemon.wait_for_runs("c")
    wait_until(lambda: list(daemon.status()["replicas"]) == ["a.example.net", "c.example.net"]
               and not daemon.status()["out_of_service"], "the status follows")
    assert daemon.stop() == 0


def test_a_new_repository_is_found_without_being_told(fleet, daemon):
    fleet.add("a", REPLICA_SNAPSHOT_INTERVAL=NEVER)
    daemon.start()
    fleet.add("b")
    daemon.wait_for_runs("b")


def test_reloads_change_the_interval_at_once(fleet, daemon):
    replica = fleet.add("a", REPLICA_SNAPSHOT_INTERVAL=NEVER)
    daemon.start()
    daemon.wait_for_runs("a")
    replica.configure(REPLICA_SNAPSHOT_INTERVAL=1)
    daemon.reload()
    daemon.wait_for_runs("a", 3)


def test_the_status_does_not_wait_for_a_run(fleet, daemon):
    fleet.add("a", REPLICA_SNAPSHOT_INTERVAL=NEVER)
    daemon.start()
    daemon.wait_for_runs("a")
    fleet.add("b", REPLICA_SNAPSHOT_INTERVAL="often")
    daemon.reload()
    wait_until(lambda: "b.example.net" in daemon.status()["out_of_service"], "b is reported")
    assert len(daemon.runs("a")) == 1


def test_a_bad_server_setting_stops_the_start_but_no_reload(fleet, daemon):
    fleet.add("a")
    daemon.start()
    (fleet.confdir / "server.local").write_text("CVMFS_MAX_PARALLEL_SNAPSHOTS=many\n")
    daemon.reload()
    assert "not reloaded" in daemon.text() and "CVMFS_MAX_PARALLEL_SNAPSHOTS" in daemon.text()
    daemon.wait_for_runs("a", 2)
    assert daemon.stop() == 0
    run = subprocess.run([SNAPSHOTD, "--config", fleet.confdir], capture_output=True, text=True,
                         timeout=DEADLINE_SECONDS)
    assert run.returncode == 1
    assert "server.local" in run.stderr and "CVMFS_MAX_PARALLEL_SNAPSHOTS" in run.stderr


def test_reloads_while_snapshots_run(fleet, daemon):
    for name in "abc":
        fleet.add(name)
    daemon.start()
    for _ in range(20):
        daemon.reload()
        time.sleep(0.02)
    for name in "abc":
        daemon.wait_for_runs(name, 2)
    assert daemon.stop() == 0


def test_term_stops_what_stalls_and_keeps_what_is_whole(fleet, daemon):
    replica = fleet.add("a", CVMFS_HTTP_TIMEOUT=1000)
    root = re.search(r"^C(..)(.*)$", (fleet.published["a"].storage / ".cvmfspublished")
                     .read_bytes().split(b"--\n")[0].decode(), re.M)
    fleet.origin.fault(rf"/data/(?!{root.group(1)}/).*/*C$", "stall", 5)
    daemon.start()
    wait_until(lambda: any(fault.hits for fault in fleet.origin.faults), "a transfer stalls")
    assert daemon.stop() == 0
    assert replica.manifest() is None
    assert replica.leftovers() == []
    whole = replica.objects()
    fleet.origin.heal()
    replica.snapshot().assert_ok()
    assert not whole & set(fleet.origin.paths())
    replica.closure()


def test_kills_cost_nothing(fleet, daemon):
    replicas = [fleet.add(name, CVMFS_HTTP_TIMEOUT=2) for name in "abc"]
    fleet.origin.fault(r"c\.example\.net/data/", "stall", 5, times=5)
    for seconds in (0.0, 0.02, 0.05, 0.1, 0.4):
        daemon.start()
        time.sleep(seconds)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
        for replica in replicas:
            replica.closure()
    for replica in replicas:
        (replica.storage / ".cvmfs_is_snapshotting").write_text("stale\n")
        replica.configure(REPLICA_SNAPSHOT_INTERVAL=NEVER, CVMFS_HTTP_TIMEOUT=2)
    (replicas[0].storage / "data" / "txn" / "left").write_text("over")
    daemon.start()
    # Removed at the start, not only by the next run, which has one of its own.
    with contextlib.suppress(FileNotFoundError):
        assert (replicas[0].storage / ".cvmfs_is_snapshotting").read_text() != "stale\n"
    # One that a kill found complete is not due again.
    wait_until(lambda: all(replica.manifest() for replica in replicas), "all are served")
    assert daemon.stop() == 0
    for replica in replicas:
        replica.snapshot().assert_ok()
        # A scrub may have been cut, too: the next one sweeps its folder.
        replica.scrub().assert_ok()
        assert replica.closure().objects == replica.objects()
        assert replica.leftovers() == []


def test_a_second_daemon_on_the_same_spool_is_refused(fleet, daemon):
    fleet.add("a")
    daemon.start()
    run = subprocess.run([SNAPSHOTD, "--config", fleet.confdir], capture_output=True, text=True,
                         timeout=DEADLINE_SECONDS)
    assert run.returncode == 1
    assert "snapshotd runs already" in run.stderr and f"{daemon.process.pid} " in run.stderr
    assert daemon.stop() == 0


def test_a_snapshot_by_hand_beside_it(fleet, daemon):
    replica = fleet.add("a", CVMFS_HTTP_TIMEOUT=1000)
    fleet.origin.fault(r"C$", "stall", 5, times=1)
    by_hand = replica.begin()
    wait_until(lambda: any(fault.hits for fault in fleet.origin.faults), "a transfer stalls")
    daemon.start()
    daemon.wait_for_runs("a", 1, "busy")
    assert "ERROR" not in "".join(daemon.runs("a", "busy"))
    by_hand.terminate()
    by_hand.communicate()
    daemon.wait_for_runs("a")
    assert daemon.stop() == 0


def test_usage(fleet):
    assert subprocess.run([SNAPSHOTD, "--help"], capture_output=True).returncode == 0
    assert b"replica" in subprocess.run([SNAPSHOTD, "--version"], capture_output=True).stdout
    assert subprocess.run([SNAPSHOTD, "more"], capture_output=True).returncode == 2
    assert subprocess.run([SNAPSHOTD, "--nonsense"], capture_output=True).returncode == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_it_runs_unprivileged_and_leaves_what_is_anothers(fleet):
    nobody = pwd.getpwnam("nobody")
    fleet.add("a", CVMFS_USER="nobody")
    other = fleet.add("b", CVMFS_USER="daemon")
    for folder, _, files in os.walk(fleet.folder / "replica"):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    daemon = Snapshotd(fleet, user="nobody")
    try:
        daemon.start()
        daemon.wait_for_runs("a", 2)
        assert daemon.text().count("repository=b.example.net belongs to daemon") == 1
        assert daemon.status()["of_other_users"] == ["b.example.net"]
        assert daemon.status()["user"] == "nobody"
        assert other.manifest() is None
        assert (fleet.replicas["a"].storage / ".cvmfspublished").stat().st_uid == nobody.pw_uid
        assert daemon.stop() == 0
    finally:
        daemon.close()


def test_a_run_that_hangs_shows_in_the_status(fleet, daemon):
    fleet.add("a", CVMFS_HTTP_TIMEOUT=1000)
    fleet.origin.fault(r"\.cvmfspublished$", "stall", 0)
    daemon.start()
    wait_until(lambda: fleet.origin.paths(), "the run began")
    daemon.reload()
    wait_until(lambda: daemon.status()["replicas"]["a.example.net"].get("running_since"),
               "the status shows it")
    fleet.origin.heal()
    fleet.origin.close()
    fleet.origin.open()
    daemon.wait_for_runs("a")
    wait_until(lambda: "running_since" not in daemon.status()["replicas"]["a.example.net"],
               "the status shows its end")


def write_command(fleet, exit_code=0):
    """A program that notes its arguments, one call a line; gives the file of its notes."""
    notes, program = fleet.folder / "notes", fleet.folder / "tell"
    program.write_text(f"""#!/bin/sh
printf '%s|' "$#" "$@" >>{notes}
echo >>{notes}
exit {exit_code}
""")
    program.chmod(0o755)
    notes.touch()
    notes.chmod(0o666)
    with open(fleet.confdir / "server.local", "a", encoding="ascii") as settings:
        settings.write(f"REPLICA_STATE_COMMAND={program}\n")
    return notes


def test_a_command_is_run_when_the_state_changes_and_only_then(fleet, daemon):
    fleet.add("a", CVMFS_HTTP_RETRIES=0)
    notes = write_command(fleet, exit_code=3)
    daemon.start()
    daemon.wait_for_runs("a", 2)
    assert notes.read_text() == ""
    fleet.origin.fault("/cvmfs/a.example.net/.cvmfspublished", "status", 503)
    daemon.wait_for_runs("a", 3, "unreachable")
    daemon.stop()
    daemon.start()  # the state is known from before
    daemon.wait_for_runs("a", 5, "unreachable")
    good = len(daemon.runs("a"))
    fleet.origin.heal()
    daemon.wait_for_runs("a", good + 2)
    wait_until(lambda: notes.read_text().count("\n") == 2, "both were told")
    failing, fine = notes.read_text().splitlines()
    assert re.fullmatch(r"3\|a\.example\.net\|failing\|.*503\|", failing)
    assert fine == "3|a.example.net|good||"
    children = subprocess.run(["ps", "--ppid", str(daemon.process.pid), "-o", "stat="],
                              capture_output=True, text=True, check=False).stdout
    assert "Z" not in children, "no zombies"


def test_a_replica_that_never_was_good_is_told_of_once(fleet, daemon):
    fleet.add("a", CVMFS_HTTP_RETRIES=0)
    notes = write_command(fleet)
    fleet.origin.fault("/cvmfs/a.example.net/.cvmfspublished", "status", 404)
    daemon.start()
    daemon.wait_for_runs("a", 3, "not-found")
    wait_until(lambda: "failing" in notes.read_text(), "somebody is told")
    assert notes.read_text().count("failing") == 1


def test_a_command_that_is_not_there_stops_nothing(fleet, daemon):
    fleet.add("a", CVMFS_HTTP_RETRIES=0)
    with open(fleet.confdir / "server.local", "a", encoding="ascii") as settings:
        settings.write("REPLICA_STATE_COMMAND=/nowhere/tell\n")
    fleet.origin.fault("/cvmfs/a.example.net/.cvmfspublished", "status", 404)
    daemon.start()
    daemon.wait_for_runs("a", 2, "not-found")
    assert "REPLICA_STATE_COMMAND: cannot run /nowhere/tell: No such file" in daemon.text()

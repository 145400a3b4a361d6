# SPDX-License-Identifier: Apache-2.0
"""replicactl snapshot: which replicas, in which order, with which status, into which log."""

import datetime
import fcntl
import os
import re
import threading

import pytest

from cli import OWNER

FIRST, SECOND, THIRD = "a.example.net", "b.example.net", "c.example.net"
DATE = r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d UTC \d{4}"


@pytest.fixture
def replicas(site, origin, published):
    """Three of them, none with a first snapshot; snapshot -a finds its logrotate file."""
    for name in (FIRST, SECOND, THIRD):
        site.run("add-replica", "-o", OWNER, "-n", name, origin.url(published.fqrn),
                 published.key)
    (site.folder / "logrotate").write_text("")
    return site


def change(site, name, file="server.conf", **settings):
    with open(site.configuration(name, file), "a", encoding="ascii") as stream:
        stream.writelines(f"{key}={value}\n" for key, value in settings.items())


def log(site, name="snapshots.log"):
    path = site.log / name
    return path.read_text() if path.exists() else ""


def started(site, name="snapshots.log"):
    return re.findall(rf"^Starting (\S+) at {DATE}$", log(site, name), re.M)


def has_snapshot(site, name):
    return (site.storage / name / ".cvmfs_last_snapshot").exists()


@pytest.mark.parametrize("flags, words", [
    (("-s",), "-s unrecognized without -a"), (("-n",), "-n unrecognized without -a"),
    (("-i",), "-i unrecognized without -a"), (("-g", "x"), "-g unrecognized without -a"),
    (("-sni",), "-sni unrecognized without -a"), (("-x",), "Unrecognized option"),
    (("--accept-older", "x"), "wants a revision"),
    (("-a", "--accept-older", "3"), "is for one repository")])
def test_bad_flags(replicas, flags, words):
    names = () if "-a" in flags else (FIRST,)
    assert words in replicas.run("snapshot", *flags, *names, code=3)
    assert not has_snapshot(replicas, FIRST)


def test_names_and_all_exclude_each_other(replicas):
    assert "no non-option parameters expected with -a" in replicas.run("snapshot", "-a", FIRST,
                                                                       code=1)


def test_which_repository_must_be_clear(replicas):
    assert "Please provide a repository name" in replicas.run("snapshot", code=3)
    assert "The repository none does not exist." in replicas.run("snapshot", "none", code=1)


def test_patterns_and_several_names(replicas):
    replicas.run("snapshot", "[ab].*", THIRD)
    assert all(has_snapshot(replicas, name) for name in (FIRST, SECOND, THIRD))


def test_one_failure_among_several_is_the_status(replicas):
    change(replicas, SECOND, CVMFS_STRATUM0="http://127.0.0.1:1/cvmfs/none")
    replicas.run("snapshot", FIRST, SECOND, THIRD, code=1)
    assert [has_snapshot(replicas, name) for name in (FIRST, SECOND, THIRD)] == [
        True, False, True]


def test_a_conflict_with_t(replicas):
    replicas.run("snapshot", FIRST)
    with open(replicas.spool / FIRST / "is_updating.lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "another update is in progress... aborting" in replicas.run(
            "snapshot", "-t", FIRST, code=1)


def test_a_lock_held_for_a_moment_is_no_conflict(replicas):
    """As by a scrub, which notes its end in the status file."""
    replicas.run("snapshot", FIRST)
    with open(replicas.spool / FIRST / "is_updating.lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        release = threading.Timer(0.2, fcntl.flock, (file, fcntl.LOCK_UN))
        release.start()
        replicas.run("snapshot", "-t", FIRST)
        release.join()


def test_an_initial_snapshot_is_not_waited_for(replicas):
    with open(replicas.spool / FIRST / "is_updating.lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "an initial snapshot is in progress... aborting" in replicas.run(
            "snapshot", FIRST, code=1)


def test_what_publishes_is_no_replica(site):
    site.run("mkfs", "-o", OWNER, "own.example.net")
    assert "own.example.net is not a stratum 1 repository" in site.run("snapshot", code=1)


def test_all_of_them_with_a_failing_one(replicas):
    change(replicas, SECOND, CVMFS_STRATUM0="http://127.0.0.1:1/cvmfs/none")
    assert replicas.run("snapshot", "-a") == ""
    assert started(replicas) == [FIRST, SECOND, THIRD]
    assert [has_snapshot(replicas, name) for name in (FIRST, SECOND, THIRD)] == [
        True, False, True]
    block = log(replicas).split(f"Starting {SECOND} at")[1].split(f"Finished {SECOND} at")[0]
    assert "ERROR from cvmfs_server snapshot!" in block
    assert "127.0.0.1" in block


def test_a_bad_configuration_is_in_the_log(replicas):
    change(replicas, FIRST, CVMFS_NUM_WORKERS="many")
    replicas.run("snapshot", "-a")
    assert "CVMFS_NUM_WORKERS: 'many' is not a number" in log(replicas)
    assert has_snapshot(replicas, SECOND)


def test_without_logrotate(replicas):
    (replicas.folder / "logrotate").unlink()
    output = replicas.run("snapshot", "-a", code=1)
    assert f"{replicas.folder}/logrotate does not exist!" in output
    assert f"{replicas.log}/*.log" in output
    assert not has_snapshot(replicas, FIRST)
    replicas.run("snapshot", "-a", "-n")
    assert has_snapshot(replicas, FIRST)


def test_a_log_directory_that_cannot_be(replicas):
    replicas.set(REPLICA_LOG_DIR="/proc/none")
    assert "/proc/none" in replicas.run("snapshot", "-a", code=1)


def test_oldest_first(replicas):
    for name in (THIRD, FIRST):
        replicas.run("snapshot", name)
    replicas.run("snapshot", "-a")
    assert started(replicas) == [SECOND, THIRD, FIRST]


def test_groups(replicas):
    for name in (FIRST, SECOND):
        change(replicas, name, CVMFS_SNAPSHOT_GROUP="night")
    replicas.run("snapshot", "-a")
    assert started(replicas) == [THIRD]
    replicas.run("snapshot", "-a", "-g", "night")
    assert started(replicas) == [THIRD, FIRST, SECOND]
    replicas.run("snapshot", "-a", "-g", "none")
    assert len(started(replicas)) == 3


def test_inactive_and_pass_through_ones_are_left_out(replicas, origin, published):
    change(replicas, FIRST, "replica.conf", CVMFS_REPLICA_ACTIVE="no")
    replicas.run("add-replica", "-P", "-o", OWNER, origin.url(published.fqrn))
    replicas.run("snapshot", "-a")
    assert started(replicas) == [SECOND, THIRD]
    replicas.run("snapshot", FIRST)
    assert has_snapshot(replicas, FIRST)


def test_new_ones_are_skipped_on_request(replicas):
    replicas.run("snapshot", SECOND)
    replicas.run("snapshot", "-a", "-i")
    assert started(replicas) == [SECOND]


def test_a_log_for_each(replicas):
    replicas.run("snapshot", "-a", "-s")
    for name in (FIRST, SECOND, THIRD):
        assert started(replicas, f"{name}.log") == [name]
    assert log(replicas) == ""


def test_each_run_is_framed(replicas):
    replicas.run("snapshot", "-a")
    frames = re.findall(rf"^(Starting|Finished) (\S+) at ({DATE})$", log(replicas), re.M)
    assert [frame[:2] for frame in frames] == [
        (word, name) for name in (FIRST, SECOND, THIRD) for word in ("Starting", "Finished")]
    for _, _, date in frames:
        datetime.datetime.strptime(date, "%a %b %d %H:%M:%S %Z %Y")
    for line in ("Initial snapshot", "CernVM-FS: replicating from", "Starting 64 workers",
                 "Serving revision 1"):
        assert len(re.findall(f"^{line}", log(replicas), re.M)) == 3, line


def test_the_log_can_be_rotated_away(replicas):
    replicas.run("snapshot", "-a")
    before = log(replicas)
    os.rename(replicas.log / "snapshots.log", replicas.log / "snapshots.log.1")
    replicas.run("snapshot", "-a")
    assert log(replicas, "snapshots.log.1") == before
    assert len(started(replicas)) == 3


def test_the_log_can_be_truncated(replicas):
    replicas.run("snapshot", "-a")
    (replicas.log / "snapshots.log").write_text("")
    replicas.run("snapshot", "-a")
    assert len(started(replicas)) == 3
    assert "\0" not in log(replicas)


def test_one_at_work_is_passed_over(replicas):
    replicas.run("snapshot", FIRST)
    with open(replicas.spool / FIRST / "is_updating.lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        replicas.run("snapshot", "-a")
    assert "another update is in progress... aborting" in log(replicas)
    assert has_snapshot(replicas, THIRD)


def test_all_slots_taken(replicas):
    replicas.set(CVMFS_MAX_PARALLEL_SNAPSHOTS=1)
    replicas.run("snapshot", "-a")
    with open(replicas.folder / "slots/0.lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        replicas.run("snapshot", "-a")
    assert len(started(replicas)) == 3
    assert re.search(rf"at {DATE}, exiting$", log(replicas), re.M)

# SPDX-License-Identifier: Apache-2.0
"""What operators complained about, each under its number; docs/complaints.md has all of them.

Complaints that other tests are about have theirs there.
"""

import json
import random
import re
import shutil
import subprocess

import pytest

from closure import Closure, manifest_fields, tag_roots
from cli import OWNER
from origin import Origin
from replica import REPLICACTL, Published, Replica
from servers import DEADLINE_SECONDS, SANITIZED, wait_until
from sources import change, fill

NAME = "sw.example.net"


@pytest.fixture(scope="module")
def collectable(tmp_path_factory):
    """Two revisions with a tag each, of a repository whose old ones may be collected."""
    folder = tmp_path_factory.mktemp("collectable")
    repository = Published(folder / "origin", NAME, "collectable=yes")
    source = fill(folder / "source", random.Random(3), packages=3, files=40)
    repository.publish(source)
    repository.historic = manifest_fields(repository.storage)["C"]
    change(source, random.Random(4))
    repository.publish(source)
    assert repository.historic in tag_roots(repository.storage)
    return repository


@pytest.fixture
def server(collectable):
    server = Origin({NAME: collectable.storage}, random.Random(1))
    yield server
    server.close()


@pytest.fixture
def replica(folder, collectable, server):
    return Replica(folder / "replica", NAME, server.url(NAME), collectable.key,
                   CVMFS_HTTP_RETRIES=0)


@pytest.fixture
def changing(folder):
    """A replica, its origin, and the repository with the directory that it is published from."""
    published = Published(folder / "origin", NAME, "collectable=yes")
    source = fill(folder / "source", random.Random(3), packages=3, files=2)
    published.publish(source)
    server = Origin({NAME: published.storage}, random.Random(1))
    replica = Replica(folder / "replica", NAME, server.url(NAME), published.key,
                      CVMFS_HTTP_RETRIES=0)
    yield replica, server, published, source
    server.close()


@pytest.fixture
def replicas(site, origin, published):
    """Three of one server; snapshot -a finds its logrotate file."""
    for name in ("a", "b", "c"):
        site.run("add-replica", "-o", OWNER, "-n", f"{name}.example.net",
                 origin.url(published.fqrn), published.key)
    (site.folder / "logrotate").write_text("")
    return site


def catalog_pattern(text):
    return f"/data/{text[:2]}/{text[2:]}C$"


# Replication correctness ------------------------------------------------------------------


@pytest.mark.parametrize("kind, argument", [
    ("status", 500), ("status", 502), ("status", 503), ("status", 403), ("status", 429),
    ("stall", 0), ("stall", 100), ("cut", 100), ("hang up", None), ("corrupt", None),
    ("shorter", None)])
@pytest.mark.parametrize("which", ["head", "historic"])
def test_4270_4272_no_passing_error_counts_as_swept_by_gc(replica, server, collectable, which,
                                                          kind, argument):
    """A slow or dying origin must not make a revision be published without its root catalog."""
    root = (collectable.historic if which == "historic" else
            manifest_fields(collectable.storage)["C"])
    server.fault(catalog_pattern(root), kind, argument)
    if kind == "stall":
        replica.configure(CVMFS_HTTP_TIMEOUT=3, CVMFS_HTTP_RETRIES=0)
    replica.snapshot().assert_failed(root)
    assert replica.manifest() is None
    server.heal()
    replica.configure()
    replica.snapshot().assert_ok()
    assert replica.closure().objects == Closure(collectable.storage).objects


@pytest.mark.parametrize("status", [404, 410])
def test_4270_4272_only_a_historic_root_that_is_definitely_gone_is_skipped(replica, server,
                                                                           collectable, status):
    server.fault(catalog_pattern(collectable.historic), "status", status)
    replica.snapshot().assert_ok()
    replica.closure()
    server.heal()
    other = Replica(replica.folder / "other", NAME, server.url(NAME), replica.key)
    server.fault(catalog_pattern(manifest_fields(collectable.storage)["C"]), "status", status)
    other.snapshot().assert_failed(str(status))
    assert other.manifest() is None


def test_4270_4272_an_origin_that_dies_in_the_middle(replica, server, collectable):
    server.fault("/data/", "hang up", chance=0.5)
    server.random.seed(4270)
    replica.snapshot()
    assert replica.manifest() is None or replica.closure()
    server.close()
    replica.snapshot().assert_failed()
    server.heal()
    server.open()
    replica.snapshot().assert_ok()
    assert replica.closure().objects == Closure(collectable.storage).objects


def damage_reflog(replica, what):
    reflog, checksum = replica.storage / ".cvmfsreflog", replica.spool / "reflog.chksum"
    if what == "reflog of an older run":
        reflog.write_bytes(replica.older_reflog)
    elif what == "checksum of an older run":
        checksum.write_bytes(replica.older_checksum)
    elif what == "empty checksum":
        checksum.write_bytes(b"")
    elif what == "no checksum":
        checksum.unlink()
    elif what == "checksum is garbage":
        checksum.write_bytes(b"\0\xff garbage")
    elif what == "no reflog":
        reflog.unlink()
    else:
        reflog.unlink()
        checksum.unlink()


@pytest.mark.parametrize("what", [
    "reflog of an older run", "checksum of an older run", "empty checksum", "no checksum",
    "checksum is garbage", "no reflog", "neither"])
def test_3123_3206_3514_4416_reflog_and_checksum_drift_apart(changing, what):
    """The next run that brings something mends them without being told."""
    replica, _, published, source = changing
    replica.snapshot().assert_ok()
    replica.older_reflog = (replica.storage / ".cvmfsreflog").read_bytes()
    replica.older_checksum = (replica.spool / "reflog.chksum").read_bytes()
    change(source, random.Random(4))
    published.publish(source)
    replica.snapshot().assert_ok()
    damage_reflog(replica, what)
    (source / "another").write_text("revision")
    published.publish(source)
    replica.snapshot().assert_ok()
    found = subprocess.run([REPLICACTL, "check", NAME], env=replica.environment(),
                           capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.skipif(SANITIZED or shutil.which("strace") is None,
                    reason="strace and the sanitizers do not go together")
def test_2264_only_the_file_system_of_the_storage_is_synced(replica):
    """sync(2) writes back whatever anybody on the host has written."""
    trace = replica.folder / "trace"
    done = subprocess.run(
        ["strace", "-f", "-y", "-e", "trace=sync,syncfs,fsync,fdatasync", "-o", trace, REPLICACTL,
         "snapshot", NAME], env=replica.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    calls = re.findall(r"^\d+ +(\w+)\((?:\d+<([^>]*)>)?", trace.read_text(), re.M)
    assert ("sync", "") not in calls
    barriers = [path for call, path in calls if call == "syncfs"]
    assert 1 <= len(barriers) <= 4, calls
    for path in barriers:
        assert path.startswith(str(replica.storage)), calls
    # Nor does each object wait for the disk.
    assert len(calls) < len(replica.objects()) / 3, calls


# Operation of snapshots -------------------------------------------------------------------


def test_3690_3064_3189_snapshots_from_cron_do_not_pile_up(replicas, origin):
    """However many are started while some hang: those without a place end at once, silently."""
    replicas.set(CVMFS_MAX_PARALLEL_SNAPSHOTS=2, CVMFS_HTTP_TIMEOUT=1000)
    origin.fault("/data/", "stall", 0)
    runs = [subprocess.Popen([REPLICACTL, "snapshot", "-as"], env=replicas.environment(),
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for _ in range(12)]
    try:
        wait_until(lambda: sum(run.poll() is None for run in runs) <= 2, "those without place end")
        wait_until(lambda: len([path for path in origin.paths() if path.startswith("data/")]) > 0,
                   "somebody is at work")
        assert sum(run.poll() is None for run in runs) == 2
        assert all(run.returncode == 0 for run in runs if run.poll() is not None)
    finally:
        origin.heal()
        origin.closing.set()
        outputs = [run.communicate()[0] for run in runs]
    assert outputs == [b""] * 12
    assert all(run.returncode == 0 for run in runs)


def test_3136_one_check_of_all_at_a_time(replicas):
    for name in ("a", "b", "c"):
        replicas.run("snapshot", f"{name}.example.net")
    replicas.set(CVMFS_CHECK_ALL_MIN_DAYS=0)
    for _ in range(3):
        runs = [subprocess.Popen([REPLICACTL, "check", "-a", "-i"], env=replicas.environment(),
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                for _ in range(6)]
        for run in runs:
            run.communicate()
        assert {run.returncode for run in runs} <= {0, 1}
        assert any(run.returncode == 0 for run in runs)
    frames = re.findall(r"^(Starting|Finished) (\S+) at", (replicas.log / "checks.log").read_text(),
                        re.M)
    # Two at once would be one within the other.
    assert frames[::2] == [("Starting", name) for _, name in frames[1::2]]
    assert [word for word, _ in frames[1::2]] == ["Finished"] * (len(frames) // 2)


@pytest.mark.parametrize("verb", ["snapshot", "gc", "check"])
def test_1050_2178_1735_no_lock_outlives_its_holder(replica, server, verb):
    """Who is killed leaves lock files that say who held them; nobody minds."""
    replica.snapshot().assert_ok()
    (replica.storage / ".cvmfspublished").unlink()
    stalled = server.fault(r"cvmfswhitelist$", "stall", 0)
    holder = replica.begin(stdout=subprocess.DEVNULL)
    wait_until(lambda: stalled.hits > 0, "it is at work")
    holder.kill()
    holder.wait()
    assert str(holder.pid) in (replica.spool / "is_updating.lock").read_text()
    server.heal()
    arguments = {"snapshot": ["-t"], "gc": ["-f"], "check": []}[verb]
    shutil.copy(server.repositories[NAME] / ".cvmfspublished", replica.storage)
    done = subprocess.run([REPLICACTL, verb, *arguments, NAME], env=replica.environment(),
                          capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_1363_errors_of_all_are_summed_up_where_one_looks(replicas, origin):
    replicas.run("snapshot", "-a")
    origin.fault("cvmfspublished", "status", 503)
    assert replicas.run("snapshot", "-a") == ""  # cron stays quiet
    status = replicas.run("status")
    for name in ("a", "b", "c"):
        assert re.search(rf"^{name}.example.net +failing", status, re.M), status
    assert status.count("503") >= 3
    report = json.loads(replicas.run("status", "--json"))
    assert all("503" in replica["last_error"] for replica in report["repositories"])


def test_3637_3412_3856_4090_how_stale_it_is_can_be_asked(changing):
    replica, server, published, source = changing
    replica.snapshot().assert_ok()
    status = json.loads((replica.storage / ".cvmfs_status.json").read_text())
    assert status["revision"] == status["upstream_revision"] == manifest_fields(
        published.storage)["S"]
    assert status["last_snapshot"] and status["last_attempt"]
    began, ended, revision, _, _, result = status["snapshot_history"].split()[-1].split("/")
    assert began <= ended and revision == status["revision"] and result == "ok"
    server.fault("/data/", "status", 503)
    (source / "another").write_text("revision")
    published.publish(source)
    replica.snapshot().assert_failed("503")
    status = json.loads((replica.storage / ".cvmfs_status.json").read_text())
    assert int(status["upstream_revision"]) == int(status["revision"]) + 1
    assert int(status["upstream_published"]) > 0
    assert status["snapshot_history"].split()[-1].split("/")[-1] != "ok"


def test_2974_add_replica_from_an_origin_that_speaks_only_tls(site, published, certificate):
    origin = Origin({NAME: published.storage}, random.Random(1), tls=certificate)
    try:
        bundle = shutil.copy(f"{certificate}.crt", site.folder / "authority.crt")
        site.set(X509_CERT_BUNDLE=bundle)
        site.run("add-replica", "-o", OWNER, origin.url(NAME), published.key)
        site.run("snapshot", NAME)
    finally:
        origin.close()
    assert (site.storage / NAME / ".cvmfspublished").exists()


# Garbage collection -----------------------------------------------------------------------


def test_2968_garbage_collection_and_a_snapshot_at_once(replica, server, collectable):
    """They take turns, whoever begins; and what a snapshot brought stays."""
    replica.snapshot().assert_ok()
    for number in range(6):
        runs = [replica.begin_gc("-f", "-r", 0), replica.begin()]
        for run in runs if number % 2 else reversed(runs):
            output, _ = run.communicate(timeout=4 * DEADLINE_SECONDS)
            assert run.returncode == 0, output
        replica.closure()
    assert replica.leftovers() == []

# SPDX-License-Identifier: Apache-2.0
"""replicactl gc on a command line: several replicas, the question, the log of -a, and whom it
leaves out; and that serving goes on meanwhile."""

import fcntl
import json
import os
import pathlib
import random
import re
import shutil
import tempfile
import threading
import time
import urllib.error
import urllib.request

import pytest

from collect import Expected
from cli import OWNER, Site
from origin import Origin
from replica import Published
from servers import DEADLINE_SECONDS, Httpd
from sources import fill, write

NAMES = ("a.example.net", "b.example.net")


@pytest.fixture(scope="module")
def origins():
    """Two repositories of three revisions; only to be read."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="replica-"))
    folder.chmod(0o755)
    chance = random.Random(4)
    source = fill(folder / "source", chance, packages=2, files=3, large=1000)
    storages, keys = {}, {}
    for name in NAMES:
        published = Published(folder / name, name, "collectable=yes", "tags=no")
        published.key.chmod(0o644)
        keys[name] = published.key
        for number in range(4):
            write(source / "sw" / "package1" / "v0" / "file0", chance.randbytes(50))
            published.publish(source)
            shutil.copytree(published.storage, folder / f"{name}.{number}", symlinks=True)
        storages[name] = published.storage
    yield folder, keys, storages
    shutil.rmtree(folder)


def is_date(text):
    return re.fullmatch(r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d UTC \d{4}", text) is not None


class Server:
    """A site with replicas of both, each revision snapshotted."""

    def __init__(self, site, origins):
        self.site = site
        self.made, self.keys, self.storages = origins
        self.origin = Origin({}, random.Random(1))
        for name in NAMES:
            self.origin.repositories[name] = self.made / f"{name}.0"
            site.run("add-replica", "-o", OWNER, self.origin.url(name), self.keys[name])
            for number in range(4):
                self.origin.repositories[name] = self.made / f"{name}.{number}"
                site.run("snapshot", name)

    def objects(self, name):
        root = self.site.storage / name
        return {str(path.relative_to(root)) for path in (root / "data").glob("??/*")}

    def status(self, name):
        return json.loads((self.site.storage / name / ".cvmfs_status.json").read_text())

    def log(self):
        path = self.site.log / "gc.log"
        return path.read_text() if path.exists() else ""

    def upstream_collected(self, name, date):
        """A copy of the origin that says so."""
        storage = self.site.folder / f"upstream.{name}"
        shutil.copytree(self.storages[name], storage, symlinks=True, dirs_exist_ok=True)
        (storage / ".cvmfs_status.json").write_text(json.dumps({"last_gc": date}))
        self.origin.repositories[name] = storage


@pytest.fixture
def server(site, origins):
    server = Server(site, origins)
    yield server
    server.origin.close()


LATER = time.strftime("%a %b %e %H:%M:%S UTC %Y", time.gmtime(time.time() + 86400))
EARLIER = "Sat Jan  1 00:00:00 UTC 2022"


def test_gc_asks_and_takes_no_for_an_answer(server):
    before = server.objects(NAMES[0])
    for reply in ("n\n", "", "\n", "yes\n"):
        output = server.site.run("gc", "-r", "0", NAMES[0], stdin=reply, code=1)
        assert output.startswith("YOU ARE ABOUT TO DELETE DATA! Are you sure you want to do the "
                                 "following:\nAffected Repositories:         a.example.net\n")
        assert "Please confirm this action (y/N)? " in output
    assert server.objects(NAMES[0]) == before
    server.site.run("gc", "-r", "0", NAMES[0], stdin="y\n")
    assert server.objects(NAMES[0]) < before


def test_wrong_command_lines(server):
    run = server.site.run
    assert "mutual exclusive" in run("gc", "-f", "-r", "1", "-t", "1 day ago", NAMES[0], code=1)
    assert "Cannot parse time stamp 'soon'" in run("gc", "-f", "-t", "soon", NAMES[0], code=1)
    assert "-r wants a number" in run("gc", "-f", "-r", "x", NAMES[0], code=3)
    assert "Unrecognized option: -x" in run("gc", "-x", NAMES[0], code=3)
    assert "does not exist" in run("gc", "-f", "no.example.net", code=1)
    assert "provide a repository name" in run("gc", "-f", code=3)
    for name in NAMES:
        assert "last_gc" not in server.status(name)


def test_several_at_once(server):
    output = server.site.run("gc", "-f", "-r", "0", "*.example.net")
    assert "Affected Repositories:         a.example.net b.example.net\n" in output
    assert "Preserved Legacy Revisions:    0\nOnly the latest revision" in output
    assert all(is_date(server.status(name)["last_gc"]) for name in NAMES)


def test_a_stratum_0_is_collected_too(site):
    site.run("mkfs", "-o", OWNER, "-z", "own.example.net")
    assert "Removed 0 revisions" in site.run("gc", "-f", "own.example.net")
    site.run("gc", "-af")
    assert "Starting own.example.net" in (site.log / "gc.log").read_text()


def test_all_of_them_are_logged(server):
    expected = {name: Expected(server.site.storage / name, revisions=0) for name in NAMES}
    before = {name: server.objects(name) for name in NAMES}
    assert server.site.run("gc", "-A", "-f", "-l", "-r", "0") == ""
    for name in NAMES:
        assert server.objects(name) == before[name] - expected[name].removed
        block = re.search(rf"\nStarting {name} at (.*)\n((?:.*\n)*?)Finished {name} at (.*)\n",
                          server.log())
        assert is_date(block.group(1)) and is_date(block.group(3))
        assert block.group(2).startswith("Running Garbage Collection\n")
        assert block.group(2).count("Sweep: ") == len(expected[name].removed)
    assert "ERROR" not in server.log()


def test_a_failure_is_in_the_log_and_the_status_is_0(server):
    (server.site.spool / NAMES[0] / "reflog.chksum").write_text("0" * 40)
    server.site.run("gc", "-Af")
    assert server.log().count("ERROR from cvmfs_server gc!") == 1
    assert "last_gc" in server.status(NAMES[1]) and "last_gc" not in server.status(NAMES[0])
    assert "checksum" in server.status(NAMES[0])["last_gc_error"]


def test_cvmfs_3802_3895_those_whose_upstream_has_not_collected_since_are_left_out(server):
    server.upstream_collected(NAMES[0], EARLIER)
    server.site.run("gc", "-af")
    # Never collected here: an old collection upstream counts. The other one says nothing.
    assert f"Starting {NAMES[0]}" in server.log() and f"Starting {NAMES[1]}" not in server.log()
    # Monitors shall not complain.
    assert is_date(server.status(NAMES[1])["last_gc"])
    (server.site.log / "gc.log").unlink()
    server.site.run("gc", "-af")
    assert re.fullmatch(r"At .* there are no garbage-collectable repositories that were "
                        r"collected upstream\n", server.log())
    server.upstream_collected(NAMES[1], LATER)
    server.site.run("gc", "-af")
    assert f"Starting {NAMES[1]}" in server.log() and f"Starting {NAMES[0]}" not in server.log()


def test_a_dry_run_of_all_does_not_set_last_gc(server):
    server.site.run("gc", "-afd")
    server.site.run("gc", "-Afd")
    assert all("last_gc" not in server.status(name) for name in NAMES)
    assert "Would remove" in server.log()


def test_inactive_and_broken_ones_are_left_out(server):
    with open(server.site.configuration(NAMES[0], "replica.conf"), "a", encoding="ascii") as file:
        file.write("CVMFS_REPLICA_ACTIVE=no\n")
    with open(server.site.configuration(NAMES[1], "replica.conf"), "a", encoding="ascii") as file:
        file.write("CVMFS_NUM_WORKERS=many\n")
    output = server.site.run("gc", "-Af", code=1)
    assert "There are no active garbage-collectable repositories" in output
    assert "CVMFS_NUM_WORKERS" in server.log() and f"Starting {NAMES[0]}" not in server.log()


def test_one_gc_of_all_at_a_time(server):
    slots = server.site.folder / "slots"
    slots.mkdir(exist_ok=True)
    with open(slots / "gc_all.lock", "w", encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        os.chmod(slots / "gc_all.lock", 0o666)
        server.site.run("gc", "-Af")
    assert "at work" in server.log() and "Starting" not in server.log()


class Reader(threading.Thread):
    """Downloads objects of the present revision, over and over."""

    def __init__(self, url, paths):
        super().__init__()
        self.urls = [f"{url}/{path}" for path in paths]
        self.stops = threading.Event()
        self.count, self.problems = 0, []

    def run(self):
        while not self.stops.is_set():
            for url in self.urls:
                try:
                    with urllib.request.urlopen(url, timeout=DEADLINE_SECONDS) as reply:
                        reply.read()
                except (urllib.error.URLError, OSError) as problem:
                    self.problems.append(f"{url}: {problem}")
                self.count += 1


def test_serving_goes_on(server, folder):
    name = NAMES[0]
    expected = Expected(server.site.storage / name, revisions=0)
    httpd = Httpd(folder / "httpd", f"Replica {server.site.confdir}\n").start()
    try:
        kept = sorted(expected.kept & server.objects(name))
        reader = Reader(f"http://127.0.0.1:{httpd.port}/cvmfs/{name}", kept)
        reader.start()
        while reader.count == 0 and not reader.problems:
            time.sleep(0.01)
        server.site.run("gc", "-f", "-r", "0", name)
        after = reader.count
        while reader.count < after + len(kept) and not reader.problems:
            time.sleep(0.01)
        reader.stops.set()
        reader.join()
    finally:
        httpd.stop()
    assert not reader.problems, reader.problems[:3]
    assert expected.removed.isdisjoint(server.objects(name))
